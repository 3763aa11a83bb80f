"""The registry in force: refused documents leave the last good one standing, unknown keys do not make a flood."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from structlog.testing import capture_logs

from adapters.registry import DocumentUnreachable, Trust
from schemas.keys import SigningKey
from schemas.wire.telemetry import Metric
from tests.fakes_adapters import Hub

if TYPE_CHECKING:
    from collections.abc import Callable


class Drawer:
    def __init__(self, kept: tuple[int, bytes] | None = None) -> None:
        self.kept = kept

    async def last(self, anchor: str) -> tuple[int, bytes] | None:
        del anchor
        return self.kept

    async def keep(self, anchor: str, version: int, document: bytes) -> None:
        del anchor
        self.kept = (version, document)


class World:
    def __init__(self) -> None:
        self.hub, self.drawer, self.now, self.asked = Hub(), Drawer(), datetime.now(UTC), 0
        self.says: Callable[[], bytes] = self.hub.registry
        self.trust = Trust(self.hub.key.public.multibase, self._ask, self.drawer, lambda: self.now)

    async def _ask(self) -> bytes:
        self.asked += 1
        return self.says()


def unreachable() -> bytes:
    raise DocumentUnreachable("HTTP 500")


async def test_a_good_document_is_in_force_and_kept() -> None:
    world = World()
    await world.trust.refresh()
    current = world.trust.current()
    assert current is not None
    assert world.drawer.kept == (1, current.unparsed)


async def test_a_document_of_another_signer_or_an_older_version_changes_nothing() -> None:
    world = World()
    world.hub.version = 2
    await world.trust.refresh()
    good = world.trust.current()
    world.says = Hub().registry
    await world.trust.refresh()
    world.hub.version, world.says = 1, world.hub.registry
    await world.trust.refresh()
    world.says = unreachable
    await world.trust.refresh()
    assert world.trust.current() is good


async def test_an_expired_document_is_no_longer_in_force() -> None:
    world = World()
    await world.trust.refresh()
    world.now += timedelta(days=2)
    assert world.trust.current() is None


async def test_the_document_kept_from_the_last_run_serves_while_the_hub_is_away() -> None:
    world = World()
    world.drawer.kept = (1, world.hub.registry())
    world.says = unreachable
    await world.trust.load()
    await world.trust.refresh()
    assert world.trust.current() is not None


async def test_a_flood_of_unknown_keys_asks_the_hub_once() -> None:
    world = World()
    for _ in range(100):
        await world.trust.hurry()
    assert world.asked == 1
    world.now += timedelta(seconds=3)
    await world.trust.hurry()
    assert world.asked == 2


async def test_a_kept_document_of_another_anchor_is_not_believed() -> None:
    world = World()
    stranger = Hub(key=SigningKey.generate("hub"))
    world.drawer.kept = (9, stranger.registry())
    await world.trust.load()
    assert world.trust.current() is None


async def test_a_roll_back_is_told_even_after_a_restart_and_past_the_end() -> None:
    world = World()
    world.hub.version = 2
    world.drawer.kept = (2, world.hub.registry())
    world.now += timedelta(days=2)
    await world.trust.load()
    assert world.trust.current() is None
    world.hub.version = 1
    with capture_logs() as logs:
        await world.trust.refresh()
    assert [line["reason"] for line in logs if line["event"] == "registry_refused"] == ["registry_rolled_back"]


async def test_a_registry_that_nears_its_end_is_said_once_a_day_then_refused() -> None:
    world = World()
    with capture_logs() as logs:
        for hours in (0, 20, 1, 1, 3):
            world.now += timedelta(hours=hours)
            await world.trust.refresh()
    assert [line["event"] for line in logs if line["event"].startswith("registry_exp")] == ["registry_expires_soon", "registry_expired"]
    assert world.trust.current() is None
    [family] = Metric.registry_expires.collect()
    assert family.samples[0].value < 0
