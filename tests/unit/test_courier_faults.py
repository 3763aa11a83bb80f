"""A fault of our own over one delivery: it costs that peer a wait, and nobody anything."""

from __future__ import annotations

from typing import NoReturn

import pytest
from structlog.testing import capture_logs

from hub.federation.delivery import State, Trouble
from hub.federation.posting import Reply
from schemas.wire.telemetry import Metric
from tests.fakes_courier import World, inbox_of, record

HOURS = 3600.0


@pytest.fixture
def world() -> World:
    world = World()
    world.follow("a.example", "b.example")
    return world


def broken(*_: object) -> NoReturn:
    raise RuntimeError("a secret of somebody's")


async def test_a_delivery_that_breaks_ends_neither_the_courier_nor_what_is_for_others(world: World) -> None:
    async with world.run() as courier:
        await world.say(record(0))
        await world.rest()
        world.inboxes.says[inbox_of("a.example")] = broken
        await world.say(*(record(offset) for offset in range(1, 5)))
        await world.rest()
        standing = world.kept.standings["a.example"]
        assert (standing.state, standing.position, standing.failures, standing.reason) == (State.OPEN, 1, 1, Trouble.BROKEN)
        assert (standing.scheme is not None, standing.next_try is not None and standing.next_try > world.now) == (True, True)
        assert courier.window.mark == 5
        assert world.inboxes.took[inbox_of("b.example")] == ["0", "1", "2", "3", "4"]
        await world.passes(3)
        assert world.kept.standings["a.example"].failures == 2
        del world.inboxes.says[inbox_of("a.example")]
        await world.passes(10)
    assert world.inboxes.took[inbox_of("a.example")] == ["0", "1", "2", "3", "4"]
    assert (world.kept.standings["a.example"].state, world.kept.refusals) == (State.CLOSED, [])


async def test_what_breaks_is_counted_and_logged_by_its_kind_without_its_words(world: World) -> None:
    world.inboxes.says[inbox_of("a.example")] = broken
    counter = Metric.peer_posts.labels("a.example", Trouble.BROKEN)
    before = counter._value.get()
    with capture_logs() as logs:
        async with world.run():
            await world.say(record(0))
    assert counter._value.get() == before + 1
    assert [(one["peer"], one["error"]) for one in logs if one["event"] == "delivery_broken"] == [("a.example", "RuntimeError")]
    assert "secret" not in str(logs)


async def test_one_activity_on_which_we_break_each_time_is_set_aside_by_name_and_the_next_go_on(world: World) -> None:
    world.inboxes.says[inbox_of("a.example")] = lambda text, _: broken() if text == "0" else Reply(202)
    async with world.run():
        await world.say(record(0), record(1))
        await world.rest()
        for _ in range(22):
            await world.passes(7 * HOURS)
    assert [(one.peer, one.offset, one.reason) for one in world.kept.refusals] == [("a.example", 0, Trouble.BROKEN)]
    assert world.inboxes.took[inbox_of("a.example")] == ["1"]
