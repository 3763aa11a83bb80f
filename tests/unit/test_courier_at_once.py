"""How much the courier does at a time, however many peers there are: so much and no more, and in the end everybody has everything."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from hub.federation.laggards import MOST, PROBES
from hub.federation.lanes import AT_ONCE
from hub.federation.posting import Reply
from tests.fakes_courier import World, inbox_of, record

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.fixture
def world() -> World:
    return World()


def held(world: World, peers: Sequence[str]) -> asyncio.Event:
    """Every inbox takes its time until this is set."""
    gate = asyncio.Event()
    world.inboxes.held = {inbox_of(peer): gate for peer in peers}
    return gate


def under_way(world: World) -> int:
    return sum(world.inboxes.under_way.values())


def texts(first: int, end: int) -> list[str]:
    return [str(offset) for offset in range(first, end)]


async def test_those_that_keep_up_are_served_so_many_at_a_time(world: World) -> None:
    peers = [f"p{number}.example" for number in range(AT_ONCE + 44)]
    world.follow(*peers)
    gate = held(world, peers)
    async with world.run():
        await world.say(record(0), record(1))
        await world.rest()
        assert under_way(world) == AT_ONCE
        gate.set()
        await world.rest()
    assert all(world.inboxes.took[inbox_of(peer)] == texts(0, 2) for peer in peers)


async def test_those_that_failed_are_tried_so_many_at_a_time(world: World) -> None:
    peers = [f"p{number}.example" for number in range(PROBES + 44)]
    world.follow(*peers)
    for peer in peers:
        world.inboxes.says[inbox_of(peer)] = lambda *_: Reply(500)
    async with world.run():
        await world.say(record(0))
        await world.rest()
        world.inboxes.says.clear()
        gate = held(world, peers)
        await world.passes(5)
        assert under_way(world) == PROBES
        gate.set()
        await world.passes(1)
    assert all(world.inboxes.took[inbox_of(peer)] == ["0"] for peer in peers)


async def test_many_that_were_away_catch_up_a_few_at_a_time(world: World) -> None:
    peers = [f"p{number}.example" for number in range(3 * MOST)]
    world.follow(*peers)
    for peer in peers:
        world.inboxes.says[inbox_of(peer)] = lambda *_: Reply(500)
    async with world.run():
        await world.say(*(record(offset) for offset in range(5)))
        await world.rest()
        world.inboxes.says.clear()
        gate, world.inboxes.held_from = held(world, peers), 1  # the first one, on which all failed, is taken at once
        await world.passes(5)
        assert under_way(world) == MOST
        gate.set()
        for _ in range(5):
            await world.passes(1)
    assert all(world.inboxes.took[inbox_of(peer)] == texts(0, 5) for peer in peers)
