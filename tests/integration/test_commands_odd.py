"""What people type and nothing can be, and what they are shown in part: a sentence and an exit code, the moment that they meant, the way on."""

from __future__ import annotations

import asyncio
import json
import re
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert
from typer.testing import CliRunner

from hub.__main__ import command_line
from hub.communities.moderations import PAGE
from hub.storage.engine import engine_for
from hub.storage.moderation_tables import moderations
from schemas.keys import SigningKey
from tests import fakes_hub
from tests.fakes_commands import ANNE, admitted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

NO_TEXT, NO_NUMBER = "\udcff", "9" * 20
"""As the shell hands over a byte that is no UTF-8; a number that no column holds."""
REMOVED = ("moderation", "removed", fakes_hub.COMMUNITY)


def run(*words: str) -> Result:
    return CliRunner().invoke(command_line(), list(words))


@pytest.mark.parametrize(
    "words",
    [
        ("trace", NO_TEXT),
        ("peers", "pause", NO_TEXT),
        ("communities", "open", "essai", "--title", NO_TEXT),
        ("moderation", "moderators", NO_TEXT),
        ("moderation", "reports", "x", "--before", NO_NUMBER),
        ("moderation", "close", NO_NUMBER, "--word", "x"),
        ("moderation", "removed", "x", "--before", "0001-01-01T00:00:00+14:00"),
        ("registry", "show", "--version", NO_NUMBER),
        ("registry", "diff", NO_NUMBER, "1"),
        ("registry", "rotate", "--lead", "1e300"),
        ("registry", "rotate", "--overlap", "inf"),
        ("keys", "rotate", "absente.json", "--lead", "1e300"),
        ("keys", "rotate", "absente.json", "--overlap", "inf"),
    ],
    ids=lambda words: " ".join(words[:3]).encode("ascii", "backslashreplace").decode(),
)
def test_what_nothing_can_be_is_said_in_a_sentence(hub: Path, people: Callable[[str], None], words: tuple[str, ...]) -> None:
    del hub
    people(ANNE)
    ended = run(*words)
    assert (ended.exit_code, type(ended.exception), ended.stdout) == (2, SystemExit, "")
    assert re.search(r"ne peut être celle de rien|au plus|hors du calendrier", ended.stderr)


async def _taken_away(database_url: str, many: int) -> None:
    engine = engine_for(database_url)
    async with engine.begin() as connection:
        await fakes_hub.people_of(connection)
        for number in range(1, many + 1):
            await fakes_hub.message(connection, f"m{number}", "wifip", "<p>x</p>", number=number, state="moderated")
            at = fakes_hub.NOW + timedelta(milliseconds=number)
            row = {"message": f"m{number}", "community": fakes_hub.COMMUNITY, "ground": "off_topic", "note": "", "at": at, "node": "wifip"}
            await connection.execute(insert(moderations).values(**row))
    await engine.dispose()


def _names(shown: str) -> list[str]:
    return re.findall(r"│ (m\d+) ", shown)


@pytest.mark.usefixtures("hub")
def test_what_is_removed_is_shown_page_after_page_and_none_of_it_is_skipped(database_url: str) -> None:
    asyncio.run(_taken_away(database_url, PAGE + 1))
    first = run(*REMOVED).stdout
    (more,) = re.findall(r"La suite : traitdunion (.+)", first)
    assert _names(first) + _names(run(*more.split()).stdout) == [f"m{number}" for number in range(PAGE + 1, 0, -1)]


@pytest.fixture
def paris(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of somebody in Paris."""
    monkeypatch.setenv("TZ", "Europe/Paris")
    time.tzset()


@pytest.mark.usefixtures("hub", "paris")
@pytest.mark.parametrize(
    ("moment", "shown"),
    [("2026-11-20T09:30:01", 1), ("2026-11-20T10:30:01+01:00", 1), ("2026-11-20T09:29:59Z", 0), ("2026-11-20T09:29:59", 0)],
)
def test_a_moment_is_meant_in_utc_as_those_that_are_shown(database_url: str, moment: str, shown: int) -> None:
    asyncio.run(_taken_away(database_url, 1))
    assert len(json.loads(run(*REMOVED, "--before", moment, "--json").stdout)) == shown


def test_a_key_is_doubted_from_the_very_moment_that_was_said(hub: Path, people: Callable[[str], None]) -> None:
    key = SigningKey.generate("wifip")
    admitted(hub, key, people)
    said = run("keys", "compromised", "wifip", key.public.multibase, "--since", "2026-11-20T10:00:00+01:00")
    assert "depuis le 2026-11-20 09:00:00Z" in said.stdout
    (entry,) = json.loads(run("registry", "show").stdout)["nodes"][0]["keys"]
    assert entry["compromisedSince"].startswith("2026-11-20T09:00:00")
