"""Another Trait d'union changes its anchor: its registry and its receipts are followed, and the key that it left is believed no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

import pytest
from prometheus_client import REGISTRY

from hub.federation.acknowledgements import MEMBER, Fault, opened
from hub.federation.addresses import Addresses
from hub.federation.ministries import Fault as RegistryFault
from hub.federation.registries import PeerRegistries
from hub.registry.peers import Peer, PeerKind
from schemas import activities
from schemas.anchors import succeed
from schemas.keys import SigningKey
from schemas.manifest import Registry, issue
from schemas.peer_receipt import Acknowledged, Fate, PeerReceipt
from schemas.proof import timestamp
from schemas.wire.destinations import Absence
from tests.fakes_abroad import HERE, NOW, FakeAbroad, KeptVersions, peer

OPSI = Addresses("https://opsi.example")
OLD, NEW, THIEF = (SigningKey.generate("hub") for _ in range(3))
CHANGED = NOW - timedelta(days=1)
LINK = succeed(OLD, NEW, CHANGED, CHANGED)


def key(one: SigningKey, **dates: Any) -> dict[str, str]:
    said = {"activeFrom": NOW - timedelta(days=900), **dates}
    return {"id": one.key_id, "publicKeyMultibase": one.public.multibase, **{name: timestamp(at) for name, at in said.items()}}


def registry(signer: SigningKey, version: int, *links: Any, keys: list[dict[str, str]]) -> bytes:
    document = {
        "type": "TraitDUnionRegistry", "version": version, "issued": timestamp(NOW), "expires": timestamp(NOW + timedelta(days=9)),
        "hub": {"id": "hub", "organisation": "OPSI", "platform": "traitdunion", "grade": "full", "keys": keys}, "nodes": [],
        "anchors": list(links),
    }  # fmt: skip
    return issue(document, signer, NOW)


BEFORE = registry(OLD, 3, keys=[key(OLD)])
AFTER = registry(NEW, 4, LINK, keys=[key(OLD, retiredAt=NOW + timedelta(hours=1)), key(NEW, activeFrom=CHANGED)])
AFTER_THAT = registry(NEW, 5, LINK, keys=[key(OLD, retiredAt=NOW + timedelta(hours=1)), key(NEW, activeFrom=CHANGED)])
LEFT = registry(OLD, 5, keys=[key(OLD)])
OPSI_AS_ADMITTED = replace(peer("opsi.example"), kind=PeerKind.TRAITDUNION, anchor=OLD.public.multibase)
STOLEN, HANDED_OVER = (replace(OPSI_AS_ADMITTED, anchor=one.public.multibase) for one in (THIEF, NEW))


class Door:
    """What a door knows of OPSI's registry; begun again, it has what was kept."""

    def __init__(self) -> None:
        self.abroad, self.kept, self.now = FakeAbroad(), KeptVersions(), NOW
        self.begin()

    def begin(self) -> None:
        self.known = PeerRegistries(self.abroad, self.kept, lambda: self.now)

    async def reads(self, served: bytes, known: Peer = OPSI_AS_ADMITTED) -> Registry | RegistryFault:
        self.abroad.registries[OPSI.base] = served
        self.now += timedelta(minutes=2)
        return await self.known.of(known, OPSI.base, self.abroad.budget())


@pytest.mark.parametrize("again", [False, True], ids=["the same door", "a door begun again"])
async def test_a_door_follows_their_anchor_and_does_not_go_back(again: bool) -> None:  # noqa: FBT001 - a parameter of the test
    door = Door()
    assert isinstance(await door.reads(BEFORE), Registry)
    followed = await door.reads(AFTER)
    assert isinstance(followed, Registry)
    assert followed.anchor == NEW.public.multibase
    if again:
        door.begin()
    assert await door.reads(LEFT) is RegistryFault.REGISTRY_REFUSED
    door.begin()
    assert isinstance(await door.reads(AFTER), Registry)


async def test_another_anchor_that_people_admitted_begins_anew() -> None:
    door = Door()
    await door.reads(AFTER)
    handed_over = replace(OPSI_AS_ADMITTED, anchor=THIEF.public.multibase)
    assert isinstance(await door.reads(registry(THIEF, 6, keys=[key(THIEF)]), handed_over), Registry)


@pytest.mark.parametrize("again", [False, True], ids=["the same door", "a door begun again"])
async def test_a_version_under_a_stolen_anchor_bars_no_registry_under_the_one_that_people_admitted_since(again: bool) -> None:  # noqa: FBT001 - as above
    door = Door()
    assert isinstance(await door.reads(registry(THIEF, 2_000_000_000, keys=[key(THIEF)]), STOLEN), Registry)
    if again:
        door.begin()
    assert isinstance(await door.reads(registry(NEW, 41, keys=[key(NEW)]), HANDED_OVER), Registry)
    if again:
        door.begin()
    assert await door.reads(registry(NEW, 40, keys=[key(NEW)]), HANDED_OVER) is RegistryFault.REGISTRY_REFUSED


@pytest.mark.parametrize("asked", ["of", "renewed"])
async def test_what_a_withdrawn_anchor_signed_is_believed_no_more_though_their_server_is_away(asked: str) -> None:
    door = Door()
    assert isinstance(await door.reads(registry(THIEF, 6, keys=[key(THIEF)]), STOLEN), Registry)
    door.abroad.silent["opsi.example"] = Absence.TIMEOUT
    found = await getattr(door.known, asked)(HANDED_OVER, OPSI.base, door.abroad.budget())
    assert isinstance(found, StrEnum)
    await door.known.look_again(lambda _: HANDED_OVER)
    assert REGISTRY.get_sample_value("traitdunion_peer_registry_expires_days", {"peer": HANDED_OVER.id}) is None


async def test_their_server_is_looked_at_again_though_its_anchor_was_withdrawn() -> None:
    door = Door()
    await door.reads(registry(THIEF, 6, keys=[key(THIEF)]), STOLEN)
    for served in (registry(THIEF, 7, keys=[key(THIEF)]), registry(NEW, 5, keys=[key(NEW)])):
        door.abroad.registries[OPSI.base] = served
        await door.known.look_again(lambda _: HANDED_OVER)
    door.abroad.silent["opsi.example"] = Absence.TIMEOUT
    found = await door.known.of(HANDED_OVER, OPSI.base, door.abroad.budget())
    assert isinstance(found, Registry)
    assert found.document.version == 5


@pytest.mark.parametrize("again", [False, True], ids=["the same door", "a door begun again"])
@pytest.mark.parametrize("anchor", [OLD, NEW], ids=["the anchor of before", "the one that followed it"])
async def test_no_change_of_anchor_that_their_registry_proves_lets_it_go_back(anchor: SigningKey, again: bool) -> None:  # noqa: FBT001 - as above
    door = Door()
    assert isinstance(await door.reads(AFTER_THAT), Registry)
    if again:
        door.begin()
    admitted = replace(OPSI_AS_ADMITTED, anchor=anchor.public.multibase)
    assert await door.reads(AFTER, admitted) is RegistryFault.REGISTRY_REFUSED
    assert isinstance(await door.reads(AFTER_THAT, admitted), Registry)
    assert await door.reads(AFTER, admitted) is RegistryFault.REGISTRY_REFUSED


def receipt(signer: SigningKey) -> activities.Told:
    said = PeerReceipt(
        issuer="opsi.example", addressee="hub.example", issued=NOW,
        deliveries=(Acknowledged(activity=HERE.announce("0" * 32), digest="1" * 64, fate=Fate.NOTED),),
    )  # fmt: skip
    return activities.told({
        "id": f"{OPSI.base}/activities/1", "type": "Receipt", "actor": OPSI.host_actor, "to": [HERE.host_actor], "object": HERE.host_actor,
        MEMBER: said.signed(signer),
    })  # fmt: skip


@pytest.mark.parametrize(
    ("signer", "after", "fault"),
    [
        (OLD, timedelta(0), None),
        (OLD, timedelta(hours=2), Fault.INVALID),
        (NEW, timedelta(0), None),
        (NEW, timedelta(days=-2), Fault.INVALID),
        (THIEF, timedelta(0), Fault.INVALID),
    ],
    ids=[
        "former, believed for a while",
        "former, after its end",
        "the one that follows",
        "the one that follows, before its time",
        "a thief's",
    ],
)
def test_a_receipt_is_judged_by_their_hubs_keys_when_it_came(signer: SigningKey, after: timedelta, fault: Fault | None) -> None:
    keys = Registry.believed(AFTER, OLD.public.multibase).document.hub.keys
    found = opened(receipt(signer), replace(OPSI_AS_ADMITTED, hub_keys=keys), HERE, NOW + after)
    assert (found if isinstance(found, Fault) else None) is fault


def test_before_their_registry_was_read_the_anchor_alone_signs() -> None:
    assert isinstance(opened(receipt(OLD), OPSI_AS_ADMITTED, HERE, NOW), PeerReceipt)
    assert opened(receipt(NEW), OPSI_AS_ADMITTED, HERE, NOW) is Fault.INVALID
