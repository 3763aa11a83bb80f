"""A neighbour's registry that nears its end is spoken of before its ministries are refused: in the log, once a day, and by a metric."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from hub.federation.ministries import Fault
from hub.federation.registries import PeerRegistries
from hub.registry.peers import PeerKind
from schemas.keys import SigningKey
from schemas.manifest import Registry, issue
from schemas.proof import timestamp
from schemas.wire.telemetry import Metric
from tests.fakes_abroad import NOW, FakeAbroad, KeptVersions, peer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.federation.repository import Remembered
    from hub.registry.peers import Peer

KEY = SigningKey.generate("hub")
BASE = "https://opsi.example"
OPSI = replace(peer("opsi.example"), kind=PeerKind.TRAITDUNION, anchor=KEY.public.multibase)
LIFE = timedelta(days=10)


class Away(StrEnum):
    """Why nothing came."""

    SILENT = "silent"


@dataclass
class Kept(KeptVersions):
    """Versions in a database that may be away."""

    broken: bool = False

    async def every(self) -> Sequence[Remembered]:
        if self.broken:
            raise TimeoutError
        return await super().every()

    async def last(self, peer: str) -> Remembered | None:
        if self.broken:
            raise TimeoutError
        return await super().last(peer)


class Door:
    """What a door knows of OPSI's registry as days go by."""

    def __init__(self) -> None:
        self.abroad, self.now, self.version = FakeAbroad(), NOW, 0
        self.kept = Kept()
        self.known = PeerRegistries(self.abroad, self.kept, lambda: self.now)
        self.renewed()

    def renewed(self) -> None:
        self.version += 1
        entry = {"id": KEY.key_id, "publicKeyMultibase": KEY.public.multibase, "activeFrom": timestamp(NOW - LIFE)}
        self.abroad.registries[BASE] = issue(
            {
                "type": "TraitDUnionRegistry", "version": self.version, "issued": timestamp(self.now),
                "expires": timestamp(self.now + LIFE), "nodes": [],
                "hub": {"id": "hub", "organisation": "OPSI", "platform": "traitdunion", "grade": "full", "keys": [entry]},
            }, KEY, self.now,
        )  # fmt: skip

    def begun_again(self) -> PeerRegistries:
        """After a deployment: no metric stands, what was kept does."""
        with contextlib.suppress(KeyError):
            Metric.peer_registry_expires.remove(OPSI.id)
        self.known = PeerRegistries(self.abroad, self.kept, lambda: self.now)
        return self.known

    async def asked(self, after: timedelta) -> object:
        self.now += after
        return await self.known.of(OPSI, BASE, self.abroad.budget())


def said(logs: Sequence[Mapping[str, object]]) -> list[tuple[object, object]]:
    return [(line["event"], line["peer"]) for line in logs if str(line["event"]).startswith("peer_registry_exp")]


def days_left() -> float | None:
    return REGISTRY.get_sample_value("traitdunion_peer_registry_expires_days", {"peer": OPSI.id})


async def test_a_neighbours_registry_that_nobody_renews_is_said_once_a_day_before_it_is_refused() -> None:
    door = Door()
    with capture_logs() as logs:
        assert isinstance(await door.asked(timedelta(days=5)), Registry)
        assert said(logs) == []
        for hours in (25, 1, 22, 2):  # from the seventh day on less than two fifths of its life are left
            assert isinstance(await door.asked(timedelta(hours=hours)), Registry)
    assert said(logs) == [("peer_registry_expires_soon", OPSI.id)] * 2
    assert {line["expires"] for line in logs} == {(NOW + LIFE).isoformat()}
    assert round(days_left() or 0) == 3


async def test_one_that_is_renewed_is_said_no_more() -> None:
    door = Door()
    with capture_logs() as logs:
        await door.asked(timedelta(days=7))
        door.renewed()
        await door.asked(timedelta(days=2))
    assert said(logs) == [("peer_registry_expires_soon", OPSI.id)]
    assert days_left() == (LIFE - timedelta(days=2)).days


async def test_it_is_said_while_their_server_is_away_too_and_once_it_has_expired() -> None:
    door = Door()
    await door.asked(timedelta(days=5))
    door.abroad.silent[OPSI.id] = Away.SILENT
    with capture_logs() as logs:
        assert isinstance(await door.asked(timedelta(days=4)), Registry)
        assert await door.asked(timedelta(days=2)) is Fault.REGISTRY_UNAVAILABLE
    assert said(logs) == [("peer_registry_expires_soon", OPSI.id), ("peer_registry_expired", OPSI.id)]
    assert (days_left() or 0) < 0


async def test_one_that_their_server_still_shows_after_its_end_is_said_to_have_expired() -> None:
    door = Door()
    await door.asked(timedelta(0))
    with capture_logs() as logs:
        assert await door.asked(LIFE) is Fault.REGISTRY_REFUSED
    assert said(logs) == [("peer_registry_expired", OPSI.id)]
    assert days_left() == 0


async def test_it_is_said_though_nobody_speaks_from_there() -> None:
    door = Door()
    await door.asked(timedelta(0))
    door.now += timedelta(days=7)
    with capture_logs() as logs:
        await door.known.look_again(lambda _: OPSI)
    assert said(logs) == [("peer_registry_expires_soon", OPSI.id)]
    assert days_left() == (LIFE - timedelta(days=7)).days


async def test_of_who_takes_part_no_longer_nothing_is_asked_and_nothing_is_shown() -> None:
    door = Door()
    await door.asked(timedelta(days=7))
    door.abroad.asked.clear()
    for _ in range(2):
        await door.known.look_again(lambda _: None)
    assert door.abroad.asked == []
    assert days_left() is None


async def test_a_silent_neighbour_is_looked_at_as_soon_as_a_door_starts() -> None:
    door = Door()
    await door.asked(timedelta(0))
    door.now += timedelta(days=7)
    door.abroad.asked.clear()
    with capture_logs() as logs:
        running = asyncio.create_task(door.begun_again().run(lambda _: OPSI))
        for _ in range(10):
            await asyncio.sleep(0)
        running.cancel()
    assert door.abroad.asked == [BASE]
    assert said(logs) == [("peer_registry_expires_soon", OPSI.id)]
    assert days_left() == (LIFE - timedelta(days=7)).days


async def test_it_is_watched_though_its_server_is_away_since_before_the_door_started_and_serves_on() -> None:
    door = Door()
    await door.asked(timedelta(0))
    door.abroad.silent[OPSI.id] = Away.SILENT
    door.now += timedelta(days=7)
    await door.begun_again().look_again(lambda _: OPSI)
    assert days_left() == (LIFE - timedelta(days=7)).days
    assert isinstance(await door.asked(timedelta(0)), Registry)
    assert await door.asked(timedelta(days=3)) is Fault.REGISTRY_UNAVAILABLE


@pytest.mark.parametrize(
    "other",
    [None, replace(OPSI, anchor=None), replace(OPSI, anchor=SigningKey.generate("hub").public.multibase)],
    ids=["no longer admitted", "no longer a Trait d'union", "admitted under another anchor"],
)
async def test_what_was_kept_of_who_is_another_now_is_not_taken_up(other: Peer | None) -> None:
    door = Door()
    await door.asked(timedelta(0))
    door.abroad.asked.clear()
    await door.begun_again().look_again(lambda _: other)
    assert door.abroad.asked == []
    assert days_left() is None


async def test_a_database_that_is_away_ends_no_door() -> None:
    door = Door()
    await door.asked(timedelta(0))
    door.kept.broken = True
    door.now += timedelta(hours=1)
    with capture_logs() as logs:
        await door.known.look_again(lambda _: OPSI)
    assert [(line["event"], line["error"]) for line in logs] == [
        ("peer_registries_not_read", "TimeoutError"),
        ("peer_registry_not_read", "TimeoutError"),
    ]
