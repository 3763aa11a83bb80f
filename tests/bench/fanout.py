"""Fan-out to ten nodes, beside bare aiokafka producing the same records to the same ten topics."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from schemas import topics
from schemas.envelope import event_digest
from schemas.sequence import Sequence as Place
from schemas.wire.records import texts, unverified_event
from tests.bench.connectors import hub_words
from tests.bench.report import Figure, say
from tests.bench.stage import Busy, Pace, Progress, ends_of, scene
from tests.bench.worker import messages
from tests.hub_world import COMMUNITY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploy.local.process import Process
    from hub.ports import Record
    from tests.bench.report import Report
    from tests.bench.stage import Scene, Stage
    from tests.hub_world import World

FACTS = 4_000
NODES = [f"noeud{number}" for number in range(10)]


async def run(stage: Stage, report: Report) -> None:
    """Measure."""
    async with scene(stage, "fanout") as at:
        await at.make_topics(*(topic for node in NODES for topic in topics.of_node(node)))
        say(f"    {FACTS} faits à numéroter et à déposer")
        await at.fill(topics.HUB_FACTS, [_for_all(at.world, record, number) for number, record in enumerate(messages(at.world, 0, FACTS))])
        process = at.start("fanout", *hub_words("run_worker('fanout')"))
        busy = Busy(process)
        pace = await _delivered(at, process)
        spent = busy.seconds
        process.stop(seconds=5)
        bare = await at.measure("spread", "spread", str(FACTS), *_names(at))
    report.details["fanout"] = {"facts": FACTS, "nodes": len(NODES), "seconds": pace.seconds, "bare": bare}
    report.add(
        Figure("fanout", "Copies livrées vers 10 topics de nœud", pace.rate, "/s", bare["rate"], "aiokafka nu vers 10 topics"),
        Figure("fanout", "  par seconde de processeur du worker (démarrage compris)", FACTS * len(NODES) / spent, "/s"),
        Figure("fanout", "  soit faits diffusés", pace.rate / len(NODES), "/s", bare["rate"] / len(NODES), "aiokafka nu"),
    )


def _names(at: Scene) -> list[str]:
    return [at.names.of(topics.outbound(node)) for node in NODES]


def _for_all(world: World, record: Record, number: int) -> Record:
    return numbered(world, record, COMMUNITY, number + 1, {node: f"espace-{node}" for node in NODES})


def numbered(world: World, record: Record, community: str, number: int, targets: Mapping[str, str]) -> Record:
    """The record as the relay publishes it: keyed by community, the hub's place signed beside it."""
    digest = event_digest(unverified_event(texts(record.headers), record.value).attributes)
    place = Place(digest, community, number, targets, datetime.now(UTC)).signed(world.hub_key)
    headers = (*record.headers, *((name, said.encode()) for name, said in place.items()))
    return replace(record, key=community.encode(), headers=headers)


async def _delivered(at: Scene, process: Process) -> Pace:
    progress = Progress("copies livrées", 0, FACTS * len(NODES), process)
    ends = ends_of(at.stage.kafka, _names(at))
    try:
        async for reached in ends:
            if progress.note(reached):
                break
            await asyncio.sleep(0.02)
    finally:
        await ends.aclose()
    return progress.pace
