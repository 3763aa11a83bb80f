"""The eXo twin itself: what it shows, remembers, refuses, and how it starts."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from adapters.port import Act, Later
from tests.fakes_exo import API_KEY
from tests.fakes_exo_twin import SOCIAL, Portal, portal
from tests.fakes_polled import view_of

if TYPE_CHECKING:
    from pathlib import Path


async def test_the_twin_shows_its_spaces_to_people_and_remembers_them(tmp_path: Path) -> None:
    async with portal(tmp_path) as rse:
        root = await rse.post("Un")
        await rse.comment(await rse.comment(root, "Deux"), "Trois", "camille")
    async with portal(tmp_path) as rse:
        status, page = await rse.call("GET", "/")
        assert status == 200
        assert page.index("Un") < page.index("Deux") < page.index("Trois")
        assert (await rse.call("GET", f"{SOCIAL}/activities", "inconnue"))[0] == 401


async def test_a_clock_that_is_wrong_dates_what_is_written_and_loses_nothing(either: Portal) -> None:
    before = await either.post("Un")
    looker, view = either.sink.looker(either.client), view_of(either.space, since=datetime.now(UTC) - timedelta(days=2))
    await looker.look(view)
    for seconds in (86_400, -86_400, 0):
        await either.fault(kind="clock", seconds=seconds)
        written_then = await either.post(f"Il est {seconds}")
        ahead = (await either.item(written_then))["created"] - (await either.item(before))["created"]
        assert abs(ahead - 1000 * seconds) < 60_000
        await looker.look(view)
        assert [one.act for one in either.sink.changes(written_then)] == [Act.POSTED]


async def test_a_rate_limit_of_an_operator_is_told_with_its_wish(tmp_path: Path) -> None:
    async with portal(tmp_path, rate=3) as rse:
        found = [await rse.client.newer("12", None) for _ in range(4)]
        assert isinstance(found[-1], Later)
        assert found[-1].reason == "rate_limited"
        assert 0 < (found[-1].after or 0) <= 61


async def test_the_twin_starts_as_a_process_from_its_command_line(tmp_path: Path) -> None:
    from deploy.local.ports import answers, free_port  # noqa: PLC0415 - this test alone starts a process

    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "adapters.exo.twin", "--port", str(port), "--state", str(tmp_path / "s.db"), "--api-key", API_KEY),
        *("--space", "12:futurs_publics:Futurs Publics", "--user", "camille:Camille Roux"),
    )
    try:
        async with asyncio.timeout(90):
            while not answers(port):  # noqa: ASYNC110 - another process tells nobody when it is ready
                await asyncio.sleep(0.05)
    finally:
        process.terminate()
        await process.wait()
    assert process.returncode == 0
