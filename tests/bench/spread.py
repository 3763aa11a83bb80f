"""From the webhook to the topics of ten nodes, at 200 events a second: gateway, worker, relay and fan-out as whole processes."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from schemas import topics
from schemas.wire import kafka
from tests.bench import load
from tests.bench.connectors import hub_words, instance_of, prepare_ledger, registry_of, start_gateway, tie_in_ledger, webhooks
from tests.bench.report import Below, Figure, percentile, say
from tests.bench.stage import Busy, scene
from tests.bench.webhook import URL
from tests.bench.worker import forget_places
from tests.hub_world import COMMUNITY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from aiokafka import AIOKafkaConsumer

    from deploy.local.process import Process
    from tests.bench.report import Report
    from tests.bench.stage import Scene, Stage

NODE = "wifip"
OTHERS = [f"noeud{number}" for number in range(1, 10)]
ALL = (NODE, *OTHERS)
RATE, WARM, SECONDS = 200, 5.0, 20.0
PATIENCE = 60.0
HALF, MOST = 60, 200
POST = re.compile(r"post:([0-9]+)")


class NotSpreadError(AssertionError):
    """Not every event reached every node's topic in time."""


class Arrivals:
    """When each event was seen on each node's topic: a reader sees no record that the broker has not acknowledged."""

    def __init__(self) -> None:
        self.seen: dict[int, dict[str, float]] = {}

    async def watch(self, reader: AIOKafkaConsumer) -> None:
        """Note what comes, for ever."""
        while True:
            found = await reader.getmany(timeout_ms=1000)
            now = time.perf_counter()
            for place, records in found.items():
                for record in records:
                    if number := _number(record.headers):
                        self.seen.setdefault(number, {}).setdefault(place.topic, now)

    def complete(self, number: int) -> bool:
        return len(self.seen.get(number, ())) == len(ALL)

    def last(self, number: int) -> float:
        """When the last of the nodes had it."""
        return max(self.seen[number].values())


async def run(stage: Stage, report: Report) -> None:
    """Measure."""
    async with scene(stage, "spread") as at:
        await _join(at)
        async with registry_of(at) as registry, _watched(at) as arrivals:
            processes = _hub(at)
            gateway = await start_gateway(at, {NODE: instance_of(at, NODE, URL)}, registry, core="all")
            requests = webhooks(gateway.port, NODE, URL)
            say(f"    échauffement, puis {RATE}/s pendant {SECONDS:.0f} s")
            await _sent(gateway.port, requests, arrivals, 1, WARM)
            busy = {name: Busy(process) for name, process in {**processes, "passerelle": gateway.process}.items()}
            first = int(RATE * WARM) + 1
            due = await _sent(gateway.port, requests, arrivals, first, SECONDS)
            spent = {name: one.seconds for name, one in busy.items()}
    _tell(report, [(arrivals.last(number) - at_) * 1000 for number, at_ in due.items()], spent)


async def _join(at: Scene) -> None:
    """Ten nodes tied to one community, one of them with a connector."""
    await at.make_topics(*(topic for node in ALL for topic in topics.of_node(node)))
    await prepare_ledger(at)
    await tie_in_ledger(at, NODE, NODE)
    for node in OTHERS:
        await at.world.join(node, f"espace-{node}")
    await at.world.tie(*ALL)
    await forget_places(at.world)


def _hub(at: Scene) -> Mapping[str, Process]:
    processes = {group: at.start(group, *hub_words(f"run_worker('{group}')"), core="all") for group in ("inbound", "fanout")}
    return {**processes, "relais": at.start("relay", *hub_words("run_relay()"), core="all")}


@asynccontextmanager
async def _watched(at: Scene) -> AsyncIterator[Arrivals]:
    """A reader of all ten topics."""
    names = [at.names.of(topics.outbound(node)) for node in ALL]
    reader = kafka.consumer(at.stage.kafka, *names, group=None, auto_offset_reset="earliest")
    await reader.start()
    arrivals = Arrivals()
    watching = asyncio.create_task(arrivals.watch(reader))
    try:
        yield arrivals
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await reader.stop()


async def _sent(port: int, requests: Iterator[bytes], arrivals: Arrivals, first: int, seconds: float) -> dict[int, float]:
    """Send at the rate, wait until all are everywhere; number → when it was due, which no busy sender moves."""
    answers = await load.at_rate(port, requests, RATE, seconds)
    due = {first + n: answers.began + n / RATE for n in range(len(answers.latencies))}
    end = time.monotonic() + PATIENCE
    while not all(arrivals.complete(number) for number in due):
        if time.monotonic() > end:
            raise NotSpreadError(f"{sum(arrivals.complete(number) for number in due)}/{len(due)}")
        await asyncio.sleep(0.1)
    return due


def _number(headers: Any) -> int | None:
    said = next((raw.decode() for name, raw in headers if name == "ce_nativeid"), "")
    found = POST.fullmatch(said)
    return int(found[1]) if found else None


def _tell(report: Report, milliseconds: list[float], spent: Mapping[str, float]) -> None:
    report.details["spread"] = {
        "events": len(milliseconds),
        "rate": RATE,
        "nodes": len(ALL),
        "community": COMMUNITY,
        "cpu_seconds": dict(spent),
    }
    report.add(
        Figure(
            "spread",
            f"Webhook → sur les {len(ALL)} topics de nœud, à {RATE}/s, p50",
            percentile(milliseconds, 0.5),
            "ms",
            target=Below(HALF),
        ),
        Figure("spread", "  p99", percentile(milliseconds, 0.99), "ms", target=Below(MOST)),
        *(Figure("spread", f"  cœur pris par {name}", seconds / SECONDS, "×") for name, seconds in spent.items()),
    )
