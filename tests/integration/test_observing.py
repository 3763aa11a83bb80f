"""A ministry that observes, through a connector process at work: its spool stays empty, and no old words leave once it speaks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from adapters.ledger import Ledger, migrate
from adapters.members import Members, Row, Standing
from adapters.spool import Record
from schemas import topics
from schemas.facts.membership import MembershipJoined, MembershipLeft
from tests.fakes_adapters import COMMUNITY, NOWHERE, Rig, until
from tests.fakes_plain import SPACE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.servers import Kafka

ROOM = 3


@pytest.fixture
async def rig(
    request: pytest.FixtureRequest, kafka: Kafka, database_url: str, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Rig]:
    monkeypatch.setenv("TRAITDUNION_KAFKA_BOOTSTRAP", kafka.bootstrap if request.param == "kafka" else NOWHERE)
    monkeypatch.setenv("TRAITDUNION_TOPIC_PREFIX", topic_prefix)
    rig = Rig(kafka.bootstrap, topic_prefix, database_url, tmp_path, spool_limit=ROOM)
    await rig.prepare()
    async with rig.reached(request.param), rig.registry():
        yield rig


async def messages(rig: Rig) -> list[str]:
    """The native ids of all messages that left."""
    said = [headers for headers, _ in await rig.all_of(topics.RSE_INBOUND.name)]
    return [headers["ce_nativeid"] for headers in said if headers["ce_type"].split(".")[3] == "message"]


@pytest.mark.parametrize("rig", ["kafka", "door"], indirect=True)
async def test_more_is_said_than_the_spool_holds_and_only_what_is_said_since_it_speaks_leaves(rig: Rig) -> None:
    rig.hub.entries = {rig.node: {"grade": "observer"}}
    async with rig.running():
        await rig.tie()
        answers = [await rig.post({"what": "post", "id": f"post:{number}"}) for number in range(2 * ROOM)]
        assert {(one.status, one.headers["X-Traitdunion-Outcome"]) for one in answers} == {(200, "dropped=node_observes")}
    rig.hub.entries = {}
    async with rig.running():
        assert (await rig.post({"what": "post", "id": "post:new"})).status == 200
        await until(lambda: messages(rig), ["post:new"])


async def test_an_arrival_that_never_left_is_told_later_under_its_own_id(database_url: str) -> None:
    await asyncio.to_thread(migrate, database_url)
    ledger = await Ledger.open(database_url, size=3)
    members = Members(ledger, "rse")
    rows = [Row(f"member:{name}", SPACE, COMMUNITY, name, name, 1, Standing.COMING) for name in ("ada", "bob")]
    await members.expect(SPACE, rows)
    await members.settle(rows)
    await members.unsaid(
        [
            Record("rse.inbound.v1", b"", b"", [("ce_type", kind.event_type.encode()), ("ce_nativeid", f"member:{name}".encode())])
            for kind, name in ((MembershipJoined, "ada"), (MembershipLeft, "bob"))
        ]
    )
    assert {row.actor: row.state for row in (await members.of(SPACE)).values()} == {"ada": Standing.COMING, "bob": Standing.PRESENT}
    await ledger.close()
