"""A ledger that the first version filled: all that it knew is known to today's, and nothing of it is told or written again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest
from alembic import command
from alembic.config import Config

import adapters.ledger
from adapters.applied import Applied, Numbers
from adapters.handshake import NEVER
from adapters.ledger import Ledger, migrate
from adapters.memory import Memory
from adapters.spool import Kind, Record, Spool
from adapters.ties import Ties, TieState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

AT = datetime(2026, 11, 20, tzinfo=UTC)
SECRET = bytes(range(32))
FILLED = (
    ("INSERT INTO adapters.objects VALUES ('rse', 'post:1', 's1', 'own', 'topic:7/1', '{v1,v2}', 'salon', 'c', false, false)", ()),
    ("INSERT INTO adapters.objects VALUES ('rse', 'copy:1', 's2', 'copy', NULL, '{v1}', 'salon', 'c', true, false)", ()),
    ("INSERT INTO adapters.persons VALUES ('rse', 'user:1', $1)", (SECRET,)),
    ("INSERT INTO adapters.intents VALUES ('rse', 'k1', 'posted', 'salon', NULL, 'open', $1)", (AT,)),
    ("INSERT INTO adapters.spool (instance, kind, topic, key, value, stored_at) VALUES ('rse', 'record', 't', 'k', 'v', $1)", (AT,)),
    ("INSERT INTO adapters.ties VALUES ('rse', 'salon', 'c', 'C', 'public', 'Salon', 'members', false, 'confirmed', NULL, $1)", (AT,)),
    ("INSERT INTO adapters.sequences VALUES ('rse', 'c', 41, '{43}')", ()),
    ("INSERT INTO adapters.refused_objects VALUES ('rse', 's3', 'body_too_short', $1)", (AT,)),
    ("INSERT INTO adapters.offsets VALUES ('rse', 'node.rse.outbound.v1', 0, 44)", ()),
)


def _version(url: str, version: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(adapters.ledger.__file__).parent / "migrations"))
    config.attributes["url"] = url
    command.upgrade(config, version)


@pytest.fixture
async def ledger(bare_database_url: str) -> AsyncIterator[Ledger]:
    await asyncio.to_thread(_version, bare_database_url, "0001")
    connection = await asyncpg.connect(bare_database_url)
    for statement, values in FILLED:
        await connection.execute(statement, *values)
    await connection.close()
    await asyncio.to_thread(migrate, bare_database_url)
    ledger = await Ledger.open(bare_database_url, size=2)
    yield ledger
    await ledger.close()


async def test_what_was_published_and_written_is_known_by_both_addresses_with_its_versions(ledger: Ledger) -> None:
    known = await Memory(ledger, "rse").recall(["topic:7/1", "copy:1"], [])
    own, copy = known.find("post:1"), known.find("copy:1")
    assert own is not None
    assert copy is not None
    assert (own.versions, own.is_copy, own.kind.value, own.about) == (("v1", "v2"), False, "message", None)
    assert (copy.is_copy, copy.deleted, copy.withdrawn) == (True, True, False)
    assert [intent.space for intent in known.intents] == ["salon"]


async def test_a_person_keeps_her_pseudonym(ledger: Ledger) -> None:
    memory = Memory(ledger, "rse")
    await memory.recall([], ["user:1"])
    assert memory.secret("user:1") == SECRET


async def test_no_number_is_applied_twice_and_reading_goes_on_where_it_ended(ledger: Ledger) -> None:
    applied = Applied(ledger, "rse")
    await applied.load()
    assert applied.numbers("c") == Numbers(41, frozenset({43}))
    assert await applied.open_intents() == frozenset({"k1"})
    assert await applied.refusal("s3") == "body_too_short"
    assert await applied.next_offset("node.rse.outbound.v1", 0) == 44


async def test_a_tie_lives_on_and_what_waited_for_kafka_is_still_there(ledger: Ledger) -> None:
    ties, spool = Ties(ledger, "rse"), Spool(ledger, "rse", 3)
    await ties.load()
    tie = ties.known("salon")
    assert tie is not None
    assert (tie.state, tie.community, tie.begun_at, tie.behind) == (TieState.CONFIRMED, "c", AT, None)
    assert [row.record for row in await spool.first(Kind.RECORD, 10)] == [Record("t", b"k", b"v", [])]


async def test_a_tie_of_before_began_when_its_space_was_first_looked_at_and_not_at_its_last_attestation(bare_database_url: str) -> None:
    await asyncio.to_thread(_version, bare_database_url, "0020")
    connection = await asyncpg.connect(bare_database_url)
    tied = "INSERT INTO adapters.ties SELECT 'rse', s, 'c', 'C', 'public', s, 'members', false, 'confirmed', NULL, $2 FROM unnest($1::text[]) AS s"
    await connection.execute(tied, ["looked at", "not yet"], AT)
    await connection.execute(tied, ["told anew"], NEVER)
    looked = "INSERT INTO adapters.polls (instance, space, since, holder, leased_until) VALUES ('rse', 'looked at', $1, 'h', $1)"
    await connection.execute(looked, AT - timedelta(days=9))
    await connection.close()
    await asyncio.to_thread(migrate, bare_database_url)
    ledger = await Ledger.open(bare_database_url, size=2)
    ties = Ties(ledger, "rse")
    await ties.load()
    began = {tie.space: tie.begun_at for tie in ties.all()}
    await ledger.close()
    assert (began["looked at"], began["not yet"]) == (AT - timedelta(days=9), AT)
    assert datetime.now(UTC) - began["told anew"] < timedelta(minutes=5)
