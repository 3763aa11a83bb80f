"""Another Trait d'union lost its pair: by the word of its registry alone the next one speaks for it, and two of our people take its manifest."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from hub.federation.repository import KeptVersions, Shown
from hub.registry import admission, peer_rekeying
from hub.registry.admission_work import NameTaken, NodeNotFound
from hub.registry.peer_rekeying import RekeyRefused
from schemas.application_faults import check, sign
from schemas.manifest import Grade, RegistryRefused
from tests import fakes_federation
from tests.fakes_application import CHARTER, peer_draft
from tests.forgeries.anchors import FIRST
from tests.forgeries.rekeyings import FOLLOWED, NEW, OLD, REPLACED, SEEN, TABLE, Row
from tests.hub_world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hub.unit_of_work import UnitOfWork
    from schemas.keys import SigningKey

OPSI = "peer/opsi.example"
TRAITDUNION = {"kind": "traitdunion", "cavage": False, "networks": [], "anchor": FIRST.public.multibase}


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    """A hub that has admitted OPSI, by the pair that is lost now, and under its anchor."""
    made = await World.make(database_url)
    await presents(made, OLD)
    await made.work(partial(fakes_federation.approve, OPSI))
    yield made
    await made.close()


async def presents(world: World, key: SigningKey, later: timedelta = timedelta()) -> bool:
    said = peer_draft(key, now=world.clock() + later, peering=TRAITDUNION)
    signed = check(sign(said, key, world.clock() + later), CHARTER, world.clock() + later)
    done: bool = await world.work(partial(admission.apply, signed))
    return done


async def rekeyed(world: World, registry: bytes | None, authority: str = "opsi.example") -> str:
    async def use(work: UnitOfWork) -> str:
        return await peer_rekeying.rekey(authority, registry, await fakes_federation.present(work), work)

    key: str = await world.work(use)
    return key


async def seen(world: World, registry: bytes, version: int) -> None:
    """Our door has read that server's registry."""
    await KeptVersions(world.engine).keep("opsi.example", FIRST.public.multibase, version, world.clock(), Shown(registry, ()))


@pytest.mark.parametrize("registry", [REPLACED, FOLLOWED], ids=["by the anchor", "by the one that followed it"])
async def test_a_replaced_pair_speaks_once_its_registry_says_so_and_two_people_accept_what_it_signs(world: World, registry: bytes) -> None:
    with pytest.raises(NameTaken):
        await presents(world, NEW, timedelta(seconds=1))
    assert await rekeyed(world, registry) == NEW.key_id
    with pytest.raises(NameTaken):
        await presents(world, OLD, timedelta(seconds=2))  # whoever has the former speaks for that server no more
    assert await presents(world, NEW, timedelta(seconds=3))
    async with world.engine.connect() as connection:
        peer = await connection.exec_driver_sql(
            "SELECT count(*) FROM hub.applications WHERE subject = 'peer/opsi.example' AND state = 'open'"
        )
    assert peer.scalar() == 1  # nothing is accepted yet
    await world.work(partial(fakes_federation.approve, OPSI))
    assert [change.act for change in (await world.reader()).document.history[-2].changes] == ["key_rotated"]
    assert {one.authority: one.grade for one in (await world.reader()).document.peers} == {"opsi.example": Grade.FULL}


async def test_the_registry_that_our_door_believed_last_is_word_enough(world: World) -> None:
    with pytest.raises(RekeyRefused, match="rekey_without_registry"):
        await rekeyed(world, None)
    await seen(world, REPLACED, 6)
    assert await rekeyed(world, None) == NEW.key_id


async def test_a_server_that_handed_over_no_anchor_or_is_nobodys_is_refused(world: World) -> None:
    async with world.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE hub.peers SET anchor = NULL")
    with pytest.raises(RekeyRefused, match="rekey_without_anchor"):
        await rekeyed(world, REPLACED)
    with pytest.raises(NodeNotFound):
        await rekeyed(world, REPLACED, "inconnu.example")


async def test_no_forged_registry_gives_another_key_to_a_server(world: World) -> None:
    for row in TABLE:
        await _refused(world, row)
    with pytest.raises(NameTaken):
        await presents(world, NEW, timedelta(seconds=1))


async def _refused(world: World, row: Row) -> None:
    if row.seen is not None:
        await seen(world, SEEN, 7)
    with pytest.raises((RegistryRefused, RekeyRefused), match=rf"^{row.reason}\b"):
        await rekeyed(world, row.make())
    async with world.engine.begin() as connection:
        await connection.exec_driver_sql("DELETE FROM hub.peer_registries")
