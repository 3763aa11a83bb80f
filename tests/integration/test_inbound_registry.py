"""Keys and registries, as the worker's batch reads them on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import text

from hub.registry.key_service import revoke_key
from schemas.envelope import object_id
from schemas.keys import SigningKey
from tests import fakes_federation
from tests.hub_world import World

if TYPE_CHECKING:
    from hub.unit_of_work import UnitOfWork


async def test_a_revoked_key_signs_nothing_any_more_while_what_came_before_stands(world: World) -> None:
    before = world.posted("wifip", "post:1")
    await world.work(lambda work: _revoke(world.keys["wifip"].key_id, work))
    await world.hear(before, world.posted("wifip", "post:2"))
    assert world.dead_letters.reasons == ["key_revoked"]
    assert set(await world.messages()) == {object_id("wifip", "post:1")}


async def test_before_the_first_approval_the_worker_waits_instead_of_ending(database_url: str) -> None:
    world = await World.make(database_url)
    await world.rows("SELECT 1")
    async with world.engine.begin() as connection:
        await connection.execute(text("DELETE FROM hub.registry_documents"))
    world.reader._registry = None
    await world.hear(world.posted("wifip", "post:1"))
    assert world.dead_letters.reasons == ["node_unknown"]
    assert await world.inbound.release_due() == 0
    await world.close()


async def _revoke(key: str, work: UnitOfWork) -> None:
    await revoke_key("wifip", key, await fakes_federation.present(work), work)


async def test_two_revocations_at_once_both_hold(world: World) -> None:
    second = SigningKey.generate("wifip")
    async with world.engine.begin() as connection:
        row = {"id": second.key_id, "multibase": second.public.multibase}
        await connection.execute(
            text("INSERT INTO hub.node_keys (id, node, multibase, active_from) VALUES (:id, 'wifip', :multibase, now())"), row
        )
    keys = (world.keys["wifip"].key_id, second.key_id)
    await asyncio.gather(*(world.work(partial(_revoke, key)) for key in keys))
    assert await world.rows("SELECT id FROM hub.node_keys WHERE node = 'wifip' AND revoked_at IS NULL") == []
    registry = await world.reader()
    assert {registry.key_at("wifip", key, world.clock()) for key in keys} == {"key_revoked"}


async def test_a_registry_that_nobody_changes_is_signed_again_in_time(world: World) -> None:
    before = (await world.reader()).document.version
    assert not await world.work(lambda work: work.renew_registry())
    world.clock.moved += timedelta(days=16)
    assert await world.work(lambda work: work.renew_registry())
    assert (await world.reader()).document.version == before + 1
