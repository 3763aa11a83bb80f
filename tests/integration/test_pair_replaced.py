"""The pair by which the hub signs for other servers, replaced without its word: by two people, at once, and judged from then on."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hub.federation.pair_files import PairFiles
from hub.federation.ring import Ring
from hub.registry import pair_service
from hub.registry.acts import acts_of
from hub.registry.admission_work import ApprovalRefused, KeyTaken, ReasonMissing
from hub.registry.federation_keys import SqlPairs
from schemas.actor_keys import rsa_multikey
from schemas.documents import document_holds
from schemas.keys import SigningKey
from schemas.manifest import Custody, KeyState
from schemas.rotation import RotationRefused, announce, read
from schemas.rsa_keys import RsaSigningKey
from tests import fakes_federation
from tests.fakes_peer_town import ALICE, Town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime
    from pathlib import Path

    from hub.ports import Record
    from hub.registry.key_approvals import Decision
    from hub.unit_of_work import UnitOfWork

NEXT = SigningKey.generate("hub.example")
RSA, OTHER_RSA = (RsaSigningKey.generate("hub.example", 2048) for _ in range(2))
A_DAY = timedelta(days=1)


@pytest.fixture
async def town(database_url: str) -> AsyncIterator[Town]:
    made = await Town.make(database_url)
    made.world.rules = replace(made.world.rules, federation_anchor=made.door.key.public.multibase)
    yield made
    await made.world.close()


async def substitute(
    town: Town, person: str, *, since: datetime | None = None, key: SigningKey = NEXT, rsa: RsaSigningKey = RSA, reason: str = "volée"
) -> Decision:
    async def use(work: UnitOfWork) -> Decision:
        return await pair_service.substitute((key, rsa), since, reason, await fakes_federation.present(work, person), work)

    decided: Decision = await town.world.work(use)
    return decided


async def says(town: Town, number: int, key: SigningKey) -> Record:
    town.door.key = key
    (record,) = await town.records((ALICE, ALICE.creates(ALICE.note(f"notes/{number}"), f"acts/{number}")))
    return record


async def states(town: Town) -> list[KeyState]:
    registry = await town.world.reader()
    return [key.state_at(town.world.clock()) for key in registry.document.federation]


async def test_a_pair_that_nobody_has_is_replaced_by_two_people_at_once(town: Town) -> None:
    old = town.door.key
    assert (await substitute(town, "anne")).new is None
    assert (await town.world.reader()).document.federation == ()  # the first is told only once another is
    decided = await substitute(town, "bakary")
    assert decided.new is not None
    assert await states(town) == [KeyState.REVOKED, KeyState.ACTIVE]
    town.world.clock.moved += timedelta(seconds=1)
    await town.take([await says(town, 1, old), await says(town, 2, NEXT.acting_for("hub"))])
    assert town.reasons == ["provenance_key_refused"]
    assert len(await town.messages()) == 1


async def test_the_replacement_is_attested_and_the_registry_tells_it_with_how_many_approved(town: Town) -> None:
    for person in ("anne", "bakary"):
        await substitute(town, person)
    subject = pair_service.replacement_by(rsa_multikey(RSA.public))
    async with town.world.engine.connect() as connection:
        acts = await acts_of(connection, subject)
    assert [(act.kind.value, act.person, act.reason) for act in acts] == [
        ("approved", "anne", "volée"), ("approved", "bakary", "volée"), ("pair_replaced", "bakary", "volée"),
    ]  # fmt: skip
    assert all(document_holds(json.loads(act.attestation), town.world.hub_key.public) for act in acts)
    (change,) = (await town.world.reader()).document.history[-1].changes
    assert (change.act, change.key, change.approvals) == ("pair_replaced", f"federation#{NEXT.public.multibase}", 2)


async def test_what_a_stolen_pair_signed_since_is_doubtful_and_what_it_was_to_be_followed_by_never_signs(town: Town) -> None:
    old, thief = town.door.key.acting_for("hub.example"), SigningKey.generate("hub.example")
    said = read(announce(old, thief, Custody.OPERATOR, town.world.clock(), rsa_multikey(OTHER_RSA.public)))

    async def rotated(work: UnitOfWork) -> None:
        await pair_service.rotate(said, pair_service.PLAN, await fakes_federation.present(work), work)

    await town.world.work(rotated)
    since = town.world.clock() - A_DAY
    for person in ("anne", "bakary"):
        await substitute(town, person, since=since)
    town.world.clock.moved += 3 * A_DAY
    assert await states(town) == [KeyState.REVOKED, KeyState.ACTIVE, KeyState.REVOKED]
    found = {key.multibase: key.compromised_since for key in (await town.world.reader()).document.federation}
    doubtful = found[old.public.multibase]
    assert doubtful is not None
    assert abs(doubtful - since) < timedelta(seconds=1)
    assert found[NEXT.public.multibase] is None


ROWS: tuple[tuple[str, type[Exception], dict[str, Any]], ...] = (
    ("one person twice", ApprovalRefused, {"person": "anne"}),
    ("without a reason", ReasonMissing, {"reason": " "}),
    ("in the future", ValueError, {"since": A_DAY}),
    ("by the very pair that is to be replaced", KeyTaken, {"key": "old"}),
    ("by a ministry's key", KeyTaken, {"key": "wifip"}),
    ("by the key that signs the registry", KeyTaken, {"key": "hub"}),
)


@pytest.mark.parametrize(("how", "error", "said"), ROWS, ids=[row[0] for row in ROWS])
async def test_a_replacement_is_refused_by_name(town: Town, how: str, error: type[Exception], said: dict[str, Any]) -> None:
    await substitute(town, "anne")
    keys = {"old": town.door.key, "wifip": town.world.keys["wifip"], "hub": town.world.hub_key}
    changed: dict[str, Any] = {"person": "bakary", **said}
    if "key" in said:
        changed["key"] = keys[said["key"]]
    if "since" in said:
        changed["since"] = town.world.clock() + said["since"]
    with pytest.raises(error):
        await substitute(town, **changed)
    registry = await town.world.reader()
    assert registry.document.federation == (), how


async def test_the_second_approves_the_very_pair_that_the_first_approved(town: Town) -> None:
    await substitute(town, "anne")
    assert (await substitute(town, "bakary", rsa=OTHER_RSA)).new is None
    assert (await substitute(town, "bakary", key=SigningKey.generate("hub.example"))).new is None
    assert (await substitute(town, "bakary")).new is not None


async def test_a_stolen_pair_alone_names_no_other_once_it_was_replaced(town: Town) -> None:
    old, thief = town.door.key.acting_for("hub.example"), SigningKey.generate("hub.example")
    for person in ("anne", "bakary"):
        await substitute(town, person)
    said = read(announce(old, thief, Custody.OPERATOR, town.world.clock(), rsa_multikey(OTHER_RSA.public)))

    async def rotated(work: UnitOfWork) -> None:
        await pair_service.rotate(said, pair_service.PLAN, await fakes_federation.present(work), work)

    with pytest.raises(RotationRefused, match="rotation_by_another_key"):
        await town.world.work(rotated)


async def test_our_actors_show_and_sign_by_the_new_pair_at_once(town: Town, tmp_path: Path) -> None:
    files = PairFiles("hub.example", tmp_path / "federation.pem", tmp_path / "federation-rsa.pem", None)
    town.door.key.save(files.ed25519)
    OTHER_RSA.save(files.rsa)
    ring, new = Ring(files, "https://hub.example/actor", town.world.clock), files.following()
    for person in ("anne", "bakary"):
        await substitute(town, person, key=new[0], rsa=new[1])
    async with town.world.engine.connect() as connection:
        ring.know(await SqlPairs(connection, town.door.key.public.multibase).all())
    shown = ring.shown()
    assert ([key.multibase for key in shown.ed25519], shown.pem) == ([new[0].public.multibase], new[1].public_pem)
    assert [keys.ed25519.public.multibase for keys in ring.believed()] == [new[0].public.multibase]
