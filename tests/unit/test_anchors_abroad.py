"""Another Trait d'union changes its anchor: its registry and its receipts are followed, and the key that it left is believed no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

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
LEFT = registry(OLD, 5, keys=[key(OLD)])
OPSI_AS_ADMITTED = replace(peer("opsi.example"), kind=PeerKind.TRAITDUNION, anchor=OLD.public.multibase)


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
