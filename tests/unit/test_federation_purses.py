"""A stranger who names keys of a server empties her own purse, not that server's; and what was believed holds while nobody can be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hub.federation import actors as rooms
from hub.federation.purses import BURST, CALLERS, caller
from hub.federation.remote import Reason, RemoteActor
from schemas.actor_keys import ActorKey, KeyFault
from schemas.wire.destinations import Absence, FetchRefused, Refusal, Unreachable
from schemas.wire.fetched import Budget, Fetched
from tests.fakes_abroad import Door, Person, signed, written
from tests.unit.test_federation_actors import ALICE, HOME, PEM, PEM_2, STOLEN, Clock, Server, alice, known

if TYPE_CHECKING:
    from hub.federation.actors import Actors

BOB = f"{HOME}/users/bob"
MALLORYS, PEERS = "198.51.100.0/24", "203.0.113.0/24"


def bob() -> dict[str, Any]:
    return alice(id=BOB, inbox=f"{BOB}/inbox", publicKey={"id": f"{BOB}#k", "owner": BOB, "publicKeyPem": PEM})


async def named(here: Actors, count: int, client: str = MALLORYS) -> list[Any]:
    """Somebody names keys that nobody has."""
    return [await here.key_for(client, f"{HOME}/{client}/{number}#k", Budget()) for number in range(count)]


async def test_who_names_keys_that_nobody_has_keeps_no_new_key_of_that_server_from_being_found() -> None:
    here = known(Server({ALICE: alice(), BOB: bob()}))
    answers = await named(here, 100)
    assert (answers.count(KeyFault.UNKNOWN), answers.count(Reason.RATE)) == (BURST, 100 - BURST)
    assert isinstance(await here.key_for(PEERS, STOLEN, Budget()), ActorKey)
    assert isinstance(await here.actor(BOB, Budget()), RemoteActor)
    assert isinstance(await here.key(f"{BOB}#k", Budget()), ActorKey)


async def test_all_strangers_together_have_a_server_asked_so_often_and_no_more() -> None:
    server = Server()
    here = known(server)
    for number in range(10):
        await named(here, 100, f"198.51.{number}.0/24")
    assert len(server.asked) == CALLERS * BURST


async def test_a_key_that_is_known_is_asked_for_anew_whatever_strangers_name() -> None:
    server, clock = Server({ALICE: alice()}), Clock()
    here = known(server, clock)
    assert isinstance(await here.key_for(PEERS, STOLEN, Budget()), ActorKey)
    clock.passes(rooms.KEPT)
    for client in [PEERS, *(f"198.51.{number}.0/24" for number in range(CALLERS))]:
        await named(here, 100, client)
    assert isinstance(await here.key_for(PEERS, STOLEN, Budget()), ActorKey)
    clock.passes(rooms.RENEWED_EVERY)
    server.documents[ALICE] = alice(publicKey={"id": STOLEN, "owner": ALICE, "publicKeyPem": PEM_2})
    assert isinstance(await here.renewed(STOLEN, Budget()), ActorKey)


async def test_keys_that_nobody_has_do_not_crowd_out_those_that_are_known() -> None:
    server = Server({ALICE: alice()})
    here = known(server, entries=2)
    await here.key_for(PEERS, STOLEN, Budget())
    await named(here, 5)
    server.asked.clear()
    assert isinstance(await here.key_for(PEERS, STOLEN, Budget()), ActorKey)
    assert server.asked == []


TOLD_NOTHING = [
    (404, KeyFault.UNKNOWN), (401, Reason.UNAVAILABLE), (429, Reason.BUSY), (502, Reason.UNWELL),
    (Unreachable(Absence.TIMEOUT), Absence.TIMEOUT), (Unreachable(Absence.NAME), Absence.NAME), (FetchRefused(Refusal.TYPE), Refusal.TYPE),
    (Fetched(ALICE, 200, b"[]"), Refusal.MALFORMED), (FetchRefused(Refusal.REDIRECT), Refusal.REDIRECT),
]  # fmt: skip


@pytest.mark.parametrize(("said", "reason"), TOLD_NOTHING)
async def test_a_good_key_stays_where_asking_for_it_anew_told_nothing_of_it(said: Any, reason: Any) -> None:
    server, clock = Server({ALICE: alice()}), Clock()
    here = known(server, clock)
    good = await here.key(STOLEN, Budget())
    clock.passes(rooms.RENEWED_EVERY)
    server.documents[ALICE] = said
    assert await here.renewed(STOLEN, Budget()) is reason
    assert await here.key(STOLEN, Budget()) is good
    clock.passes(rooms.KEPT - rooms.RENEWED_EVERY)
    assert await here.key(STOLEN, Budget()) is reason


@pytest.mark.parametrize(
    ("said", "reason"),
    [(alice(publicKey=None), Reason.KEY_NOT_CLAIMED), (410, Reason.KEY_GONE),
     (alice(publicKey={"id": STOLEN, "owner": ALICE, "publicKeyPem": "rot"}), KeyFault.MALFORMED)],
)  # fmt: skip
async def test_a_key_that_its_owner_no_longer_has_is_believed_no_longer(said: Any, reason: Any) -> None:
    server, clock = Server({ALICE: alice()}), Clock()
    here = known(server, clock)
    await here.key(STOLEN, Budget())
    clock.passes(rooms.RENEWED_EVERY)
    server.documents[ALICE] = said
    assert await here.renewed(STOLEN, Budget()) is reason
    assert await here.key(STOLEN, Budget()) is reason


async def test_what_could_not_be_asked_for_anew_is_asked_half_a_minute_later() -> None:
    server, clock = Server({ALICE: alice()}), Clock()
    here = known(server, clock)
    await here.key(STOLEN, Budget())
    clock.passes(rooms.RENEWED_EVERY)
    server.documents[ALICE] = Unreachable(Absence.TIMEOUT)
    for _ in range(3):
        assert await here.renewed(STOLEN, Budget()) is Absence.TIMEOUT
    assert len(server.asked) == 2
    server.documents[ALICE] = alice(publicKey={"id": STOLEN, "owner": ALICE, "publicKeyPem": PEM_2})
    clock.passes(rooms.KEPT_AWAY)
    found = await here.renewed(STOLEN, Budget())
    assert isinstance(found, ActorKey)
    assert await here.key(STOLEN, Budget()) is found


@pytest.mark.parametrize(
    ("address", "forwarded", "network"),
    [
        ("198.51.100.7", [], "198.51.100.0/24"),
        ("2001:db8:1:2:3::4", [], "2001:db8:1:2::/64"),
        ("::ffff:8.8.8.8", [], "8.8.8.0/24"),
        ("127.0.0.1", ["8.8.8.8"], "8.8.8.0/24"),
        ("10.1.2.3", ["1.1.1.1, 8.8.8.8"], "8.8.8.0/24"),
        ("fd00::1", ["1.1.1.1", "2606:4700::1"], "2606:4700::/64"),
        ("127.0.0.1", ["unknown"], "127.0.0.0/24"),
        ("127.0.0.1", [], "127.0.0.0/24"),
        (None, ["8.8.8.8"], "8.8.8.0/24"),
        ("8.8.4.4", ["1.1.1.1"], "8.8.4.0/24"),
        (None, [], ""),
        ("testclient", ["x" * 5000], ""),
    ],
)
def test_a_caller_is_a_network_as_our_own_proxy_saw_it(address: str | None, forwarded: list[str], network: str) -> None:
    assert caller(address, forwarded) == network


async def test_the_door_asks_for_a_senders_key_on_behalf_of_who_calls() -> None:
    door, sender = Door(), Person("https://social.example/users/alice")
    door.admit(sender)
    body = written(sender.creates())
    assert (await door.post(body, {**signed(sender, body), "x-forwarded-for": "1.1.1.1, 203.0.113.9"})).status == 202
    assert door.abroad.callers == ["203.0.113.0/24"]
