"""FEDERATION.md says what the code does: its addresses, its FEPs, its activities."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy.ext.asyncio import create_async_engine
from starlette.routing import Route

from hub.federation import authority, outgoing
from hub.federation.reception import beside_the_pages
from tests.fakes_abroad import Door
from tests.fakes_published import InMemory, door

CLONE = Path(__file__).resolve().parents[2]
SAID = (CLONE / "FEDERATION.md").read_text(encoding="utf-8")
PACKAGES = ("hub", "schemas")
ANSWERS = {"Accept", "Reject", "Follow", "Announce", "Receipt"}
"""Sent by what answers, follows and acknowledges, and by the Group around all else."""


def rows(table: str) -> list[list[str]]:
    """The cells of a marked table, its head left out."""
    inside = SAID.partition(f"<!-- {table} -->\n")[2].partition(f"<!-- /{table} -->")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in inside.strip().splitlines()[2:]]


def sources() -> str:
    return "\n".join(file.read_text(encoding="utf-8") for package in PACKAGES for file in (CLONE / package).rglob("*.py"))


def test_every_address_is_written_down_and_no_other() -> None:
    beside = beside_the_pages(Door().parts, create_async_engine("postgresql+asyncpg://"))  # asked for nothing
    served = {route.path for route in door(InMemory(), beside=beside).routes if isinstance(route, Route)}
    assert {row[0].strip("`") for row in rows("routes")} == served


def test_no_address_proposal_or_activity_is_told_twice() -> None:
    for table in ("routes", "feps", "activities"):
        named = [row[0] for row in rows(table)]
        assert len(named) == len(set(named)), named


def test_every_proposal_that_the_code_names_is_written_down_and_no_other() -> None:
    named = set(re.findall(r"FEP-[0-9a-f]{4}", sources())) | {"FEP-67ff"}
    assert {found[1] for row in rows("feps") if (found := re.match(r"\[(FEP-[0-9a-f]{4})\]", row[0]))} == named


def test_every_activity_that_is_taken_is_written_down_and_no_other() -> None:
    taken = {row[0].strip("`") for row in rows("activities") if row[2] == "yes"}
    assert taken == set(authority.RULES) | {"Announce"}


def test_every_activity_that_is_sent_is_written_down_and_no_other() -> None:
    written = Path(outgoing.__file__).read_text(encoding="utf-8")
    deeds = set(re.findall(r'\bact\(\w+, addresses, "(\w+)"', written)) | set(
        re.findall(r'"type": "(\w+)" if like else "(\w+)"', written)[0]
    )
    sent = {row[0].strip("`") for row in rows("activities") if row[1] == "yes"}
    assert sent == deeds | ANSWERS


def test_each_proposal_leads_to_itself() -> None:
    assert all(re.fullmatch(r"\[FEP-(\w{4})\]\(https://w3id\.org/fep/\1\)", row[0]) for row in rows("feps"))
