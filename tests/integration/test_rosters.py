"""Who takes part in a tied space, through a connector process at work: hint to Kafka, and a departure told elsewhere into the RSE."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from adapters.ledger import Ledger, migrate
from adapters.members import Members, Row, Standing
from adapters.port import Later
from schemas import topics
from schemas.facts.membership import MembershipJoined, MembershipLeft
from schemas.facts.message import Author
from schemas.manifest import Registry
from schemas.proof import VerifiedEvent, verify_event
from tests.fakes_adapters import COMMUNITY, NOWHERE, Rig, event_in, said_by, until
from tests.fakes_plain import SPACE
from tests.fakes_rosters import RosteredRse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.servers import Kafka

LEO = Author(name="Léo", organisation="Éducation")


@pytest.fixture
def rse() -> RosteredRse:
    return RosteredRse(people={SPACE: {"u1": "Ada", "u2": "Bob"}})


@pytest.fixture
async def rig(
    request: pytest.FixtureRequest, rse: RosteredRse, kafka: Kafka, database_url: str, topic_prefix: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Rig]:  # fmt: skip
    transport = getattr(request, "param", "kafka")
    monkeypatch.setenv("TRAITDUNION_KAFKA_BOOTSTRAP", kafka.bootstrap if transport == "kafka" else NOWHERE)
    monkeypatch.setenv("TRAITDUNION_TOPIC_PREFIX", topic_prefix)
    rig = Rig(kafka.bootstrap, topic_prefix, database_url, tmp_path, rse=rse)
    await rig.prepare()
    async with rig.reached(transport), rig.registry():
        yield rig


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    await asyncio.to_thread(migrate, database_url)
    ledger = await Ledger.open(database_url, size=3)
    yield ledger
    await ledger.close()


async def told(rig: Rig, count: int) -> list[tuple[str, str]]:
    """The first memberships on Kafka, each proved: what happened, to whom."""
    records = (await rig.read(topics.RSE_INBOUND.name, count + 1))[1:]
    registry = Registry.open(rig.hub.registry(), rig.hub.key.public.multibase, datetime.now(UTC))
    for headers, value in records:
        verified = verify_event(event_in(headers, value), registry, datetime.now(UTC))
        assert isinstance(verified, VerifiedEvent)
        assert verified.event.envelope.community == COMMUNITY
        assert not {"u1", "u2"} & set(headers.values())
    return [(headers["ce_type"].split(".")[-2], json.loads(value)["member"]["name"]) for headers, value in records]


@pytest.mark.long
@pytest.mark.parametrize("rig", ["kafka", "door"], indirect=True)
async def test_those_who_take_part_are_told_and_who_goes_is_told_after_a_hint(rig: Rig, rse: RosteredRse) -> None:
    async with rig.running():
        await rig.tie()
        assert sorted(await told(rig, 2)) == [("joined", "Ada"), ("joined", "Bob")]
        rse.people[SPACE] = {"u2": "Bob"}
        answer = await rig.post({"what": "touch", "space": SPACE})
        assert answer.headers["X-Traitdunion-Outcome"] == "altered=members"
        assert (await told(rig, 3))[2:] == [("left", "Ada")]


@pytest.mark.long
async def test_a_process_that_was_killed_in_between_tells_the_same_again_and_nobody_twice(rig: Rig, rse: RosteredRse) -> None:
    async with rig.running():
        await rig.tie()
        first = sorted(await told(rig, 2))
        await until(lambda: rig.value("SELECT count(*) FROM adapters.members WHERE state = 'present'"), 2)
    await rig.value("UPDATE adapters.members SET state = 'coming' WHERE name = 'Ada' RETURNING 1")  # as if killed before it was noted
    rse.people[SPACE]["u3"] = "Zoé"
    async with rig.running():
        again = await told(rig, 4)
    assert sorted(again[:2]) == first
    assert sorted(again[2:]) == [("joined", "Ada"), ("joined", "Zoé")]
    ids = [headers["ce_id"] for headers, _ in (await rig.read(topics.RSE_INBOUND.name, 5))[1:]]
    assert len(set(ids)) == 3


async def test_who_takes_part_no_longer_elsewhere_is_taken_out_here_and_who_comes_is_not_brought_in(rig: Rig, rse: RosteredRse) -> None:
    key = rig.hub.nodes["education"]
    come = said_by(key, MembershipJoined(space="ailleurs", member=LEO), "member:1")
    gone = said_by(key, MembershipLeft(space="ailleurs", member=LEO), "member:1", marker="left")
    never = said_by(key, MembershipLeft(space="ailleurs", member=LEO), "member:2", marker="left")
    rse.departures = [Later("rate_limited", after=0.01), True, False]
    async with rig.running():
        await rig.tie()
        await rig.deliver(come, gone, never)
        verdicts = [one["verdict"] for one in await rig.receipts(4)][1:]
    assert verdicts == ["confirmed", "written", "confirmed"]
    assert rse.departed == [("Léo", SPACE)] * 3
    assert rse.written == []


# --- the ledger --------------------------------------------------------------------------------------------------------


def row(name: str, actor: str, state: Standing = Standing.COMING, revision: int = 1) -> Row:
    return Row(name, SPACE, "c", actor, "Ada", revision, state)


async def test_of_two_processes_that_see_the_same_person_one_tells_her(ledger: Ledger) -> None:
    members = Members(ledger, "rse")
    noted = await asyncio.gather(*(members.expect(SPACE, [row(f"member:{number}", "u1")]) for number in range(4)))
    assert sorted(map(len, noted)) == [0, 0, 0, 1]
    (kept,) = (await members.of(SPACE)).values()
    assert {kept.native_id} in noted


async def test_who_came_is_present_who_left_is_forgotten_and_instances_do_not_mix(ledger: Ledger) -> None:
    members, others = Members(ledger, "rse"), Members(ledger, "autre")
    for one in (members, others):
        await one.expect(SPACE, [row("member:1", "u1"), row("member:2", "u2", Standing.LEAVING)])
    await members.settle([row("member:1", "u1"), row("member:2", "u2", Standing.LEAVING)])
    assert {actor: kept.state for actor, kept in (await members.of(SPACE)).items()} == {"u1": Standing.PRESENT}
    assert len(await others.of(SPACE)) == 2
    assert await members.spaces() == {SPACE}
