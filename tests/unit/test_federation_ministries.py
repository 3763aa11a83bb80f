"""A ministry's message through another Trait d'union: its own node's word, checked against that server's registry, and nobody else's."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from adapters import elsewhere
from hub.federation import incoming
from hub.federation.absences import FORGOTTEN, WAITED
from hub.federation.addresses import Addresses
from hub.federation.verification import readmit
from hub.ports import Record
from hub.registry.peers import PeerKind
from hub.ui import words
from schemas.activities import native_id_of
from schemas.envelope import object_id
from schemas.facts.message import Author, Content, MessageDeleted, MessagePosted
from schemas.keys import SigningKey
from schemas.manifest import issue
from schemas.proof import own_event, sign_event, timestamp
from schemas.wire.destinations import Absence
from schemas.words import Audience
from tests.fakes_abroad import GROUP, HERE, NOW, PUBLIC, Door, Person, peer
from tests.fakes_schemas import HUB, key_entry
from tests.fakes_schemas import registry as our_registry

if TYPE_CHECKING:
    from enum import StrEnum

    from hub.federation.verification import VerifiedActivity
    from schemas.facts.base import Fact

OPSI = Addresses("https://opsi.example")
KEYS = {name: SigningKey.generate(name) for name in ("innovation", "regions")}
ANCHOR = SigningKey.generate("hub")
INNOVATION = Person(OPSI.node("innovation"), "Organization", "Innovation publique")
REGIONS = Person(OPSI.node("regions"), "Organization", "Régions")
FACT = MessagePosted(
    space="salon", author=Author(name="Inès Morel", organisation="Innovation publique"), title="Un sujet",
    content=Content(html="<p>Bonjour à <strong>tous</strong> &amp; toutes</p>", text="Bonjour à tous & toutes"),
)  # fmt: skip


def their_registry(version: int = 3, key: SigningKey = ANCHOR, **dates: Any) -> bytes:
    """OPSI's own registry."""
    entry = {"platform": "plain", "grade": "full"}

    def keys(one: SigningKey) -> list[dict[str, str]]:
        return [{"id": one.key_id, "publicKeyMultibase": one.public.multibase, "activeFrom": "2020-01-01T00:00:00.000Z"}]

    document = {
        "type": "TraitDUnionRegistry", "version": version, "issued": timestamp(NOW - timedelta(days=1)),
        "expires": timestamp(dates.get("expires", NOW + timedelta(days=9))),
        "hub": {"id": "hub", "organisation": "OPSI", **entry, "keys": keys(ANCHOR)},
        "nodes": [{"id": name, "organisation": f"Ministère {name}", **entry, "keys": keys(one)} for name, one in KEYS.items()],
    }  # fmt: skip
    return issue(document, key, NOW)


def note(fact: Fact = FACT, node: str = "innovation", native: str = "$1", **more: Any) -> dict[str, Any]:
    """A ministry's message as its server shows it to others, its envelope beside it."""
    event = sign_event(
        KEYS[node], fact, subject=object_id(node, native), time=NOW, platform="matrix", native_id=native, change_marker="1",
        actor="a" * 32, audience=Audience.PUBLIC, community="innovation",
    )  # fmt: skip
    carried = {"attributes": dict(event.attributes), "value": base64.b64encode(event.value).decode(), "salt": event.salt.hex()}
    return {
        "id": OPSI.note(event.envelope.subject), "type": "Note", "attributedTo": OPSI.node(node), "to": [PUBLIC], "cc": [GROUP],
        "content": "<p><strong>Inès Morel (Innovation)</strong> a écrit :</p><p>Bonjour à tous &amp; toutes</p>", "ministryEvent": carried,
        **more,
    }  # fmt: skip


@pytest.fixture
def door() -> Door:
    made = Door(key=HUB)
    made.admit(INNOVATION, REGIONS)
    made.peers["opsi.example"] = replace(peer("opsi.example"), kind=PeerKind.TRAITDUNION, anchor=ANCHOR.public.multibase)
    made.abroad.registries[OPSI.base] = their_registry()
    return made


def taken(door: Door) -> VerifiedActivity:
    record = door.kafka.records[-1]
    return readmit(Record(record.topic, 0, 1, NOW, record.key, record.value, tuple(record.headers)), lambda _, __: HUB.public)


async def bring(door: Door, said: dict[str, Any], path: str = "activities/1", by: Person = INNOVATION) -> tuple[int, str]:
    answer = await door.bring(by, by.does("Create", said, path, to=[PUBLIC], cc=[GROUP]))
    return answer.status, "" if answer.status == 202 else answer.json()["reason"]


async def test_a_ministrys_own_word_is_shown_in_her_name_with_her_ministry_and_the_server_through_which_it_came(door: Door) -> None:
    assert await bring(door, note()) == (202, "")
    heard = incoming.post(taken(door), NOW)
    assert (heard.fact.author.name, heard.fact.author.organisation) == ("Inès Morel", "Ministère innovation · via opsi.example")
    assert (heard.fact.title, heard.fact.content.text) == ("Un sujet", "Bonjour à tous & toutes")


async def test_the_last_door_takes_it_in_that_ministrys_name_and_in_no_other(door: Door) -> None:
    await bring(door, note())
    heard = incoming.post(taken(door), NOW)

    def judged(fact: Fact) -> str | None:
        native = native_id_of(heard.object_id)
        event = sign_event(
            HUB, fact, subject=object_id("hub", native), time=NOW, platform="activitypub", native_id=native, change_marker="posted",
            actor="a" * 32, audience=Audience.PUBLIC, community="futurs-publics",
        )  # fmt: skip
        return elsewhere.fault(own_event(HUB, event, fact, NOW), "hub", our_registry(federation=[key_entry(HUB)]))

    assert judged(heard.fact) is None
    for organisation in ("Ministère regions · via opsi.example", "opsi.example · externe", "Ministère innovation"):
        author = heard.fact.author.model_copy(update={"organisation": organisation})
        assert judged(heard.fact.model_copy(update={"author": author})) == "external_mismatch"


def _altered(said: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**said, "ministryEvent": {**said["ministryEvent"], **changes}}


def _attributes(said: dict[str, Any], **changes: str) -> dict[str, Any]:
    return _altered(said, attributes={**said["ministryEvent"]["attributes"], **changes})


OTHER = base64.b64encode(FACT.to_bytes().replace(b"Bonjour", b"Bonsoir")).decode()


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (note(attributedTo=OPSI.node("regions")), "not_owner"),
        (note(node="regions", attributedTo=OPSI.node("innovation")), "envelope_of_another_ministry"),
        ({**note(), "ministryEvent": note(node="regions")["ministryEvent"]}, "envelope_of_another_ministry"),
        ({**note(), "ministryEvent": note(native="$2")["ministryEvent"]}, "envelope_of_another_object"),
        (_altered(note(), value=OTHER), "digest_mismatch"),
        (_altered(note(), salt="0" * 64), "digest_mismatch"),
        (_altered(note(), salt="0"), "envelope_in_note_malformed"),
        (_altered(note(), value="é"), "envelope_in_note_malformed"),
        (note(ministryEvent=[]), "envelope_in_note_malformed"),
        (_attributes(note(), actor="b" * 32), "proof_invalid"),
        (_attributes(note(), source="regions"), "key_of_another_node"),
        (_attributes(note(), more="1"), "proof_invalid"),
        (note(MessageDeleted(space="salon")), "envelope_not_a_message"),
        (note(content="<p>Tout autre chose</p>"), "envelope_content_mismatch"),
        (note(content="<p>Bonjour à tous &amp; toutes</p><p>et ceci</p>"), "envelope_content_mismatch"),
    ],
)
async def test_an_envelope_that_is_not_this_notes_is_refused_by_name(door: Door, said: dict[str, Any], reason: str) -> None:
    assert await bring(door, said) == (403, reason)
    assert door.kafka.records == []
    assert words.reason(reason) != reason


@pytest.mark.parametrize(
    ("served", "status", "reason"),
    [
        (partial(their_registry, 2), 403, "peer_registry_refused"),
        (partial(their_registry, 4, SigningKey.generate("hub")), 403, "peer_registry_refused"),
        (partial(their_registry, 4, expires=NOW), 403, "peer_registry_refused"),
        (lambda: b"{}", 403, "peer_registry_refused"),
    ],
)
async def test_a_registry_that_goes_back_or_is_somebody_elses_is_refused(door: Door, served: Any, status: int, reason: str) -> None:
    assert await bring(door, note()) == (202, "")
    door.abroad.registries[OPSI.base] = served()
    door.now += timedelta(minutes=2)
    assert await bring(door, note(), "activities/2") == (status, reason)


async def test_while_their_server_is_away_the_last_good_registry_serves_on_until_it_expires(door: Door) -> None:
    assert await bring(door, note()) == (202, "")
    door.abroad.registries.clear()
    door.now += timedelta(minutes=2)
    assert await bring(door, note(), "activities/2") == (202, "")
    door.now += timedelta(days=10)
    assert await bring(door, note(), "activities/3") == (503, "peer_registry_unavailable")


async def test_a_registry_is_asked_for_once_a_minute(door: Door) -> None:
    for number in range(5):
        await bring(door, note(native=f"${number}"), f"activities/{number}")
    assert door.abroad.asked.count(OPSI.base) == 1


async def test_a_key_that_their_registry_has_just_learned_is_believed_at_once_and_made_up_ones_ask_seldom(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await bring(door, note()) == (202, "")
    monkeypatch.setitem(KEYS, "innovation", SigningKey.generate("innovation"))
    door.now += timedelta(seconds=3)
    for number in range(5):
        assert await bring(door, note(native=f"${number}"), f"activities/unknown/{number}") == (401, "key_unknown")
    assert door.abroad.asked.count(OPSI.base) == 2
    door.abroad.registries[OPSI.base] = their_registry(4)
    door.now += timedelta(seconds=3)
    assert await bring(door, note(), "activities/known") == (202, "")


async def test_a_key_that_cannot_be_looked_for_now_is_not_refused_for_ever(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its registry was read, and has learned of the key since; what its ministry says is to be brought again, for a while."""
    assert await bring(door, note()) == (202, "")
    monkeypatch.setitem(KEYS, "innovation", SigningKey.generate("innovation"))
    served = door.abroad.registry

    async def away(*_: object) -> StrEnum:
        return Absence.TIMEOUT

    monkeypatch.setattr(door.abroad, "registry", away)
    door.now += timedelta(seconds=3)
    assert await bring(door, note(), "activities/now") == (503, "peer_registry_unavailable")
    door.now += WAITED
    assert await bring(door, note(), "activities/too-long") == (401, "key_unknown")
    door.now += FORGOTTEN
    assert await bring(door, note(), "activities/again") == (503, "peer_registry_unavailable")
    monkeypatch.setattr(door.abroad, "registry", served)
    door.abroad.registries[OPSI.base] = their_registry(4)
    assert await bring(door, note(), "activities/later") == (202, "")


async def test_to_a_server_that_is_no_trait_d_union_an_envelope_is_a_word_like_another(door: Door) -> None:
    door.peers["opsi.example"] = peer("opsi.example")
    assert await bring(door, note()) == (202, "")
    assert incoming.post(taken(door), NOW).fact.author.organisation == "opsi.example · externe"
    assert HERE.base != OPSI.base
