"""What is kept of other servers' people has an end: what they deleted before it came, and what they reported."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from hub.federation.repository import REPORTS_KEPT
from hub.relay import sweep
from hub.settings import HubSettings
from hub.site import site
from tests.fakes_asgi import call
from tests.fakes_hub import FakeStreams
from tests.fakes_peer_town import ALICE, BOB, CAROL, Town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SETTINGS = HubSettings(operator_token=None)
NOTE = ALICE.note()["id"]


@pytest.fixture
async def town(database_url: str) -> AsyncIterator[Town]:
    made = await Town.make(database_url)
    yield made
    await made.world.close()


async def aged(town: Town, table: str, age: timedelta) -> None:
    """As if it had been written so long ago; the sweep's clock is the true one."""
    async with town.world.engine.begin() as connection:
        await connection.execute(text(f"UPDATE hub.{table} SET at = :at"), {"at": datetime.now(UTC) - age})  # noqa: S608 - a test's own


async def swept(town: Town) -> dict[str, int]:
    await sweep(town.world.engine, town.world.rules, SETTINGS)
    tables = ("early_deletions", "reports", "activities_seen")
    return {name: len(await town.world.rows(f"SELECT * FROM hub.{name}")) for name in tables}  # noqa: S608 - as above


@pytest.mark.parametrize(("days", "left"), [(-1, 1), (1, 0)], ids=["not yet", "over"])
async def test_a_deletion_of_what_has_not_come_is_forgotten_with_the_activities(town: Town, days: int, left: int) -> None:
    await town.hear((ALICE, ALICE.does("Delete", NOTE, "acts/d")))
    for table in ("early_deletions", "activities_seen"):
        await aged(town, table, timedelta(days=SETTINGS.outbox_days + days))
    assert await swept(town) == {"early_deletions": left, "reports": 0, "activities_seen": left}


@pytest.mark.parametrize(("days", "left"), [(-1, 1), (1, 0)], ids=["not yet", "over"])
async def test_a_report_is_kept_for_a_season_and_the_page_says_so(town: Town, days: int, left: int) -> None:
    await town.hear((ALICE, ALICE.creates()), (CAROL, CAROL.does("Flag", [NOTE], "acts/f", content="Publicité")))
    await aged(town, "reports", REPORTS_KEPT + timedelta(days=days))
    assert (await swept(town))["reports"] == left
    page = (await call(site(town.world.engine, SETTINGS, town.world.clock, FakeStreams()), "/signalements")).text
    assert "90 jours" in page
    assert ("Publicité" in page) == bool(left)


async def test_who_reports_a_message_again_and_again_has_reported_it_once_in_her_last_words(town: Town) -> None:
    def flag(number: int, who: Any = CAROL) -> tuple[Any, dict[str, Any]]:
        return who, who.does("Flag", [NOTE, NOTE], f"acts/f{number}", content=f"Parole {number}")

    await town.hear((ALICE, ALICE.creates()), flag(1), flag(2))
    await town.hear(flag(3), flag(4, BOB))
    found = await town.world.rows("SELECT actor, comment FROM hub.reports ORDER BY comment")
    assert [(row["actor"], row["comment"]) for row in found] == [(CAROL.id, "Parole 3"), (BOB.id, "Parole 4")]
