"""Keys and actors of other servers: which are believed, how long they are known, and how often anybody is asked."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.federation import actors as rooms
from hub.federation.actors import Actors
from hub.federation.purses import Pace
from hub.federation.remote import Reason, RemoteActor, authority_of, read_actor, read_lone_key
from schemas.actor_keys import ActorKey, KeyFault
from schemas.keys import SigningKey
from schemas.origins import same_origin
from schemas.rsa_keys import RsaSigningKey
from schemas.wire.destinations import Absence, FetchRefused, Refusal, Unreachable
from schemas.wire.fetched import Budget, Fetched, Media
from tests.fakes_hub import NOW

if TYPE_CHECKING:
    from datetime import datetime
    from enum import StrEnum

HOME = "https://peer.example"
ALICE = f"{HOME}/users/alice"
KEY, OTHER = SigningKey.generate(ALICE), SigningKey.generate(ALICE)
RSA = [RsaSigningKey.generate(ALICE, 2048) for _ in range(2)]
PEM, PEM_2 = (key.public_pem for key in RSA)


def alice(**more: Any) -> dict[str, Any]:
    key = {"id": f"{ALICE}#main-key", "owner": ALICE, "publicKeyPem": PEM}
    return {"id": ALICE, "type": "Person", "inbox": f"{ALICE}/inbox", "preferredUsername": "alice", "publicKey": key, **more}


@dataclass
class Server:
    """Answers by address, and remembers who asked."""

    documents: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    slow: asyncio.Event | None = None

    async def get(self, url: str, accept: Media, budget: Budget) -> Fetched:
        assert accept is Media.ACTIVITY
        budget.spend()
        self.asked.append(url)
        if self.slow is not None:
            await self.slow.wait()
        said = self.documents.get(url, 404)
        if isinstance(said, Exception):
            raise said
        if isinstance(said, Fetched):
            return said
        return Fetched(url, said, b"") if isinstance(said, int) else Fetched(url, 200, json.dumps(said).encode())


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def passes(self, span: timedelta) -> None:
        self.now += span


def known(server: Server, clock: Clock | None = None, entries: int = 10_000) -> Actors:
    return Actors(server, clock or Clock(), lambda authority: authority == "peer.example", entries)


async def test_a_key_whose_end_is_told_is_not_known_beyond_it() -> None:
    clock, ends = Clock(), NOW + timedelta(minutes=5)
    name = f"{ALICE}#{KEY.public.multibase}"
    multikey = {
        "id": name,
        "type": "Multikey",
        "controller": ALICE,
        "publicKeyMultibase": KEY.public.multibase,
        "expires": ends.isoformat(),
    }
    server = Server({ALICE: alice(assertionMethod=[multikey])})
    ours = known(server, clock)
    assert isinstance(await ours.key(name, Budget()), ActorKey)
    clock.passes(timedelta(minutes=4))
    assert isinstance(await ours.key(name, Budget()), ActorKey)
    assert len(server.asked) == 1
    clock.passes(timedelta(minutes=1))
    assert await ours.key(name, Budget()) is KeyFault.EXPIRED
    server.documents[ALICE] = alice()
    clock.passes(timedelta(hours=1))
    assert await ours.key(name, Budget()) is Reason.KEY_NOT_CLAIMED


async def test_a_key_with_a_fragment_is_found_in_its_actor() -> None:
    found = await known(Server({ALICE: alice()})).key(f"{ALICE}#main-key", Budget())
    assert isinstance(found, ActorKey)
    assert (found.owner, found.algorithm) == (ALICE, "rsa-v1_5-sha256")
    assert found.verifies(RSA[0].sign(b"hello"), b"hello")


async def test_a_key_with_a_query_is_found_in_its_actor() -> None:
    """WordPress: `/?author=1#main-key`."""
    author = f"{HOME}/?author=1"
    document = alice(id=author, inbox=f"{HOME}/inbox", publicKey={"id": f"{author}#main-key", "owner": author, "publicKeyPem": PEM})
    found = await known(Server({author: document})).key(f"{author}#main-key", Budget())
    assert isinstance(found, ActorKey)
    assert found.owner == author


async def test_a_key_with_a_path_of_its_own_that_shows_part_of_its_actor_is_asked_of_the_whole() -> None:
    """GoToSocial: `/users/alice/main-key` answers with the actor, cut short."""
    key_id = f"{ALICE}/main-key"
    claim = {"id": key_id, "owner": ALICE, "publicKeyPem": PEM}
    server = Server({key_id: {"id": ALICE, "type": "Person", "publicKey": claim}, ALICE: alice(publicKey=claim)})
    found = await known(server).key(key_id, Budget())
    assert isinstance(found, ActorKey)
    assert server.asked == [key_id, ALICE]


async def test_a_key_that_stands_alone_is_believed_where_its_owner_names_it() -> None:
    key_id = f"{HOME}/keys/1"
    lone = {"id": key_id, "type": "Multikey", "controller": ALICE, "publicKeyMultibase": KEY.public.multibase}
    found = await known(Server({key_id: lone, ALICE: alice(assertionMethod=[key_id])})).key(key_id, Budget())
    assert isinstance(found, ActorKey)
    assert (found.owner, found.public) == (ALICE, KEY.public)
    assert await known(Server({key_id: lone, ALICE: alice()})).key(key_id, Budget()) is Reason.KEY_NOT_CLAIMED
    other = {**lone, "publicKeyMultibase": OTHER.public.multibase}
    assert await known(Server({key_id: other, ALICE: alice(assertionMethod=[lone])})).key(key_id, Budget()) is Reason.KEY_NOT_CLAIMED


async def test_a_key_among_assertion_methods_is_a_key() -> None:
    key_id = f"{ALICE}#{KEY.public.multibase}"
    method = {"id": key_id, "type": "Multikey", "controller": ALICE, "publicKeyMultibase": KEY.public.multibase}
    found = await known(Server({ALICE: alice(assertionMethod=[method])})).key(key_id, Budget())
    assert isinstance(found, ActorKey)
    assert found.algorithm == "ed25519"


MALLORY = "https://mallory.example/users/m"
STOLEN = f"{ALICE}#main-key"


@pytest.mark.parametrize(
    ("key_id", "document", "reason"),
    [
        (STOLEN, alice(publicKey=None), Reason.KEY_NOT_CLAIMED),
        (STOLEN, alice(publicKey={"id": STOLEN, "owner": MALLORY, "publicKeyPem": PEM}), KeyFault.OF_ANOTHER_OWNER),
        (STOLEN, alice(publicKey={"id": STOLEN, "publicKeyPem": PEM}), KeyFault.OF_ANOTHER_OWNER),
        (STOLEN, alice(publicKey={"id": STOLEN, "owner": ALICE, "publicKeyPem": "rot"}), KeyFault.MALFORMED),
        (STOLEN, alice(publicKey={"id": STOLEN, "owner": ALICE}), KeyFault.MALFORMED),
        (f"{ALICE}#other", alice(), Reason.KEY_NOT_CLAIMED),
        (STOLEN, alice(id=MALLORY), KeyFault.OF_ANOTHER_ORIGIN),
        (STOLEN, alice(type="Note"), KeyFault.MALFORMED),
        (STOLEN, alice(id="somebody"), Reason.ACTOR_MALFORMED),
        (STOLEN, {"id": STOLEN, "type": "Key", "owner": MALLORY, "publicKeyPem": PEM}, KeyFault.OF_ANOTHER_ORIGIN),
        (STOLEN, {"id": f"{ALICE}#x", "type": "Key", "owner": ALICE, "publicKeyPem": PEM}, Reason.KEY_NOT_CLAIMED),
        (STOLEN, 404, KeyFault.UNKNOWN),
        (STOLEN, 410, Reason.KEY_GONE),
        (STOLEN, 401, Reason.UNAVAILABLE),
        (STOLEN, 503, Reason.UNWELL),
        (STOLEN, 429, Reason.BUSY),
        (STOLEN, Unreachable(Absence.TIMEOUT), Absence.TIMEOUT),
        (STOLEN, FetchRefused(Refusal.ADDRESS), Refusal.ADDRESS),
        (STOLEN, Fetched(ALICE, 200, b"[]"), Refusal.MALFORMED),
        (STOLEN, FetchRefused(Refusal.REDIRECT), Refusal.REDIRECT),
    ],
)  # fmt: skip
async def test_a_key_that_is_not_its_owners_is_refused_by_name(key_id: str, document: Any, reason: StrEnum) -> None:
    assert await known(Server({ALICE: document})).key(key_id, Budget()) is reason


@pytest.mark.parametrize("key_id", ["", "key", "acct:alice@peer.example", "https://", "https://peer.example@mallory.example/#k"])
async def test_what_names_no_place_is_no_key(key_id: str) -> None:
    assert await known(Server()).key(key_id, Budget()) is Reason.KEY_ID


async def test_a_server_that_is_not_admitted_is_not_even_asked() -> None:
    server = Server({MALLORY: alice()})
    assert await known(server).key(f"{MALLORY}#main-key", Budget()) is Reason.NOT_ADMITTED
    assert await known(server).actor(MALLORY, Budget()) is Reason.NOT_ADMITTED
    assert await known(server).document(MALLORY, Budget()) is Reason.NOT_ADMITTED
    assert server.asked == []


async def test_a_key_is_asked_for_once_and_known_for_an_hour() -> None:
    server, clock = Server({ALICE: alice()}), Clock()
    here = known(server, clock)
    for _ in range(3):
        assert isinstance(await here.key(STOLEN, Budget()), ActorKey)
        assert isinstance(await here.actor(ALICE, Budget()), RemoteActor)
    assert server.asked == [ALICE]
    clock.passes(rooms.KEPT)
    await here.key(STOLEN, Budget())
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (404, rooms.KEPT_REFUSED),
        (503, rooms.KEPT_AWAY),
        (429, rooms.KEPT_AWAY),
        (403, rooms.KEPT_AWAY),
        (Unreachable(Absence.NAME), rooms.KEPT_AWAY),
    ],
)
async def test_a_refusal_is_remembered_too(said: Any, kept: timedelta) -> None:
    server, clock = Server({ALICE: said}), Clock()
    here = known(server, clock)
    first = await here.key(STOLEN, Budget())
    clock.passes(kept - timedelta(seconds=1))
    assert await here.key(STOLEN, Budget()) is first
    assert len(server.asked) == 1
    clock.passes(timedelta(seconds=1))
    await here.key(STOLEN, Budget())
    assert len(server.asked) == 2


async def test_a_rotated_key_is_asked_for_anew_once_when_a_signature_fails() -> None:
    server, clock = Server({ALICE: alice()}), Clock()
    here = known(server, clock)
    await here.key(STOLEN, Budget())
    assert await here.renewed(STOLEN, Budget()) is Reason.KEY_SAME  # it has just been asked for
    clock.passes(rooms.RENEWED_EVERY)
    assert await here.renewed(STOLEN, Budget()) is Reason.KEY_SAME
    assert len(server.asked) == 2
    server.documents[ALICE] = alice(publicKey={"id": STOLEN, "owner": ALICE, "publicKeyPem": PEM_2})
    assert await here.renewed(STOLEN, Budget()) is Reason.KEY_SAME
    assert len(server.asked) == 2
    clock.passes(rooms.RENEWED_EVERY)
    found = await here.renewed(STOLEN, Budget())
    assert isinstance(found, ActorKey)
    assert found == await here.key(STOLEN, Budget())
    assert found.public == RSA[1].public


async def test_however_many_wait_a_server_is_asked_once_and_who_leaves_takes_nothing_from_them() -> None:
    server = Server({ALICE: alice()}, slow=asyncio.Event())
    here = known(server)
    waiting = [asyncio.ensure_future(here.key(STOLEN, Budget())) for _ in range(5)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    assert server.slow is not None
    server.slow.set()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert all(isinstance(one, ActorKey) for one in found[1:])
    assert server.asked == [ALICE]


async def test_a_spent_budget_is_its_own_activitys_trouble() -> None:
    server = Server({ALICE: alice()})
    here = known(server)
    spent, fresh = Budget(fetches=0), Budget()
    first, second = await asyncio.gather(here.key(STOLEN, spent), here.key(STOLEN, fresh))
    assert first is Refusal.BUDGET
    assert isinstance(second, ActorKey)


async def test_a_server_has_us_ask_so_often_and_no_more() -> None:
    clock = Clock()
    server = Server({f"{HOME}/{number}": 404 for number in range(200)})
    here = known(server, clock)
    answers = [await here.key(f"{HOME}/{number}#k", Budget()) for number in range(100)]
    assert answers.count(Reason.RATE) == 40
    assert await here.key(f"{HOME}/99#k", Budget()) is Reason.RATE
    clock.passes(timedelta(seconds=1))
    assert await here.key(f"{HOME}/99#k", Budget()) is KeyFault.UNKNOWN


def test_each_server_has_its_own_pace() -> None:
    pace = Pace(Clock(), rate=1, burst=2)
    assert [pace.take("a"), pace.take("a"), pace.take("a"), pace.take("b")] == [True, True, False, True]


async def test_what_is_known_is_bounded_and_the_least_used_goes_first() -> None:
    server = Server({f"{HOME}/{number}": 404 for number in range(3)})
    here = known(server, entries=2)
    for number in (0, 1, 0, 2, 0, 1):
        await here.key(f"{HOME}/{number}#k", Budget())
    assert [url.rpartition("/")[2] for url in server.asked] == ["0", "1", "2", "1"]


async def test_what_an_actor_says_of_itself_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody can have a thousand actors of one hostile server read, each a document as long as one may be."""
    monkeypatch.setattr(rooms, "CHARACTERS", 20_000)
    server = Server()
    for number in range(9):
        actor = f"{HOME}/u/{number}"
        aliases = [f"{HOME}/{'é' * 1_900}{other}" for other in range(50)]
        server.documents[actor] = alice(id=actor, inbox=f"{actor}/inbox", alsoKnownAs=aliases[: number + 1])
    ours = known(server)
    for number in range(9):
        assert isinstance(await ours.actor(f"{HOME}/u/{number}", Budget()), RemoteActor)
    assert 0 < ours._actors._characters <= 20_000
    assert len(ours._actors._known) < 9
    for name in list(ours._actors._known):
        ours._actors.forget(name)
    assert ours._actors._characters == 0


async def test_the_name_of_a_key_that_is_too_long_for_an_address_is_no_key() -> None:
    server = Server({ALICE: alice()})
    assert await known(server).key(f"{ALICE}#{'a' * 2_000}", Budget()) is Reason.KEY_ID
    assert server.asked == []


async def test_an_actor_is_believed_where_it_says_its_own_name() -> None:
    server = Server({ALICE: alice(), f"{HOME}/@alice": alice(), f"{HOME}/gone": 410, f"{HOME}/mute": alice(id=f"{HOME}/mute", inbox="")})
    here = known(server)
    assert isinstance(await here.actor(ALICE, Budget()), RemoteActor)
    assert await here.actor(f"{HOME}/@alice", Budget()) is Reason.ACTOR_MISMATCH
    assert await here.actor(f"{HOME}/gone", Budget()) is Reason.ACTOR_GONE
    assert await here.actor(f"{HOME}/none", Budget()) is Reason.ACTOR_UNKNOWN
    assert await here.actor(f"{HOME}/mute", Budget()) is Reason.ACTOR_MALFORMED


async def test_an_object_is_its_own_servers_bytes_or_gone() -> None:
    note = f"{HOME}/notes/1"
    here = known(Server({note: Fetched(note, 200, b'{"id": 1}'), f"{HOME}/gone": 410, f"{HOME}/no": 403, f"{HOME}/broken": 502}))
    assert await here.document(note, Budget()) == b'{"id": 1}'
    assert await here.document(f"{HOME}/gone", Budget()) is None
    assert await here.document(f"{HOME}/no", Budget()) is Reason.UNAVAILABLE
    assert await here.document(f"{HOME}/broken", Budget()) is Reason.UNWELL


def test_addresses_of_another_server_are_not_an_actors() -> None:
    endpoints = {"sharedInbox": "https://mallory.example/inbox"}
    found = read_actor(alice(inbox="https://mallory.example/inbox", endpoints=endpoints, outbox=f"{ALICE}/outbox"), NOW)
    assert isinstance(found, RemoteActor)
    assert (found.inbox, found.shared_inbox, found.outbox) == ("", "", f"{ALICE}/outbox")


@pytest.mark.parametrize("member", ["inbox", "followers", "outbox", "sharedInbox", "alsoKnownAs", "assertionMethod", "key"])
def test_an_address_that_is_too_long_is_none(member: str) -> None:
    long = f"{ALICE}/{'a' * 2_000}"
    said: dict[str, Any] = {member: long}
    if member == "sharedInbox":
        said = {"endpoints": said}
    elif member == "key":
        said = {"publicKey": {"id": long, "owner": ALICE, "publicKeyPem": PEM}}
    actor = read_actor(alice(**said), NOW)
    assert isinstance(actor, RemoteActor)
    assert long not in {actor.inbox, actor.followers, actor.outbox, actor.shared_inbox, *actor.also_known_as, *actor.named, *actor.keys}
    assert read_actor(alice(id=long), NOW) is Reason.ACTOR_MALFORMED


def test_a_name_is_one_visible_line() -> None:
    found = read_actor(alice(name="Alice\u202e\n\n(Ministère)"), NOW)
    assert isinstance(found, RemoteActor)
    assert found.name == "Alice (Ministère)"


@pytest.mark.parametrize(
    ("uri", "authority"),
    [("https://Peer.Example/a", "peer.example"), ("https://peer.example:8443/", "peer.example:8443"), ("https://peer.example:443/", "peer.example"),
     ("http://127.0.0.1:8402/actor", "127.0.0.1:8402"), ("acct:a@b.example", ""), ("https://a@peer.example/", ""), ("https://[", "")],
)  # fmt: skip
def test_a_server_is_named_by_its_host_and_an_unusual_port(uri: str, authority: str) -> None:
    assert authority_of(uri) == authority


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from([ALICE, STOLEN, "PEM"]), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "owner", "controller", "publicKeyPem", "publicKeyMultibase", "type"]), inner), max_leaves=8)  # fmt: skip
MEMBERS = [
    "id",
    "type",
    "inbox",
    "name",
    "endpoints",
    "publicKey",
    "assertionMethod",
    "alsoKnownAs",
    "preferredUsername",
    "followers",
    "owner",
]


@given(st.dictionaries(st.sampled_from(MEMBERS), JSON), st.booleans())
def test_whatever_a_document_holds_it_is_read_or_refused(changes: dict[str, Any], known_actor: bool) -> None:  # noqa: FBT001 - drawn
    document = {**(alice() if known_actor else {}), **changes}
    found = read_actor(document, NOW)
    assert isinstance(found, RemoteActor | Reason)
    if isinstance(found, RemoteActor):
        believed = [key for key in found.keys.values() if isinstance(key, ActorKey)]
        assert all(key.owner == found.id and same_origin(key.key_id, found.id) for key in believed)
    read_lone_key(document, STOLEN, NOW)
