"""Who follows again while her server's end is still being written down."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from hub.federation.delivery import State
from hub.federation.posting import Reply
from tests.fakes_courier import World, answer, inbox_of, record

if TYPE_CHECKING:
    from hub.federation.positions import Writing

PEER = "a.example"
INBOX = inbox_of(PEER)


@pytest.fixture
def world() -> World:
    made = World()
    made.follow(PEER)
    return made


def slowly(world: World) -> asyncio.Event:
    """The database takes its time over a peer's end."""
    write, written = world.kept.write, asyncio.Event()

    async def slow(writing: Writing) -> None:
        if any(one.state is State.GONE for one in writing.standings):
            await written.wait()
        await write(writing)

    world.kept.write = slow  # type: ignore[method-assign]
    return written


async def test_who_follows_again_before_her_servers_end_is_written_is_brought_what_comes_and_stops_nobody(world: World) -> None:
    world.inboxes.says[INBOX] = lambda *_: Reply(410)
    written = slowly(world)
    async with world.run() as courier:
        await world.say(record(0), record(1))
        await world.rest()
        world.inboxes.says.clear()
        world.follow(PEER)
        await world.say(answer(2, f"https://{PEER}/u", INBOX))
        written.set()
        await world.rest()
        assert [text[:1] for text in world.inboxes.took[INBOX]] == ["{"]
        assert courier.window.mark == 3
        await world.say(record(3))
        await world.rest()
        assert courier.window.mark == 4
    assert [text[:1] for text in world.inboxes.took[INBOX]] == ["{", "3"]
    assert world.kept.standings[PEER].state is State.CLOSED


async def test_so_it_is_with_one_that_was_catching_up(world: World) -> None:
    world.inboxes.says[INBOX] = lambda *_: Reply(503)
    written = slowly(world)
    async with world.run() as courier:
        await world.say(record(0), record(1))
        await world.rest()
        world.inboxes.says[INBOX] = lambda *_: Reply(410)
        await world.passes(5)
        world.inboxes.says.clear()
        world.follow(PEER)
        await world.say(answer(2, f"https://{PEER}/u", INBOX), record(3))
        written.set()
        await world.rest()
        assert courier.window.mark == 4
    assert [text[:1] for text in world.inboxes.took[INBOX]] == ["{", "3"]
