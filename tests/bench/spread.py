"""From the webhook to the topics of ten nodes, at 200 events a second: gateway, worker, relay and fan-out as whole processes."""

from __future__ import annotations

import re
import time
from dataclasses import replace
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
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from aiokafka import AIOKafkaConsumer

    from deploy.local.process import Process
    from tests.bench.report import Report
    from tests.bench.stage import Scene, Stage

NODE = "wifip"
OTHERS = [f"noeud{number}" for number in range(1, 10)]
ALL = (NODE, *OTHERS)
RATE, WARM, SECONDS = 200, 15.0, 20.0
"""A broker that was just started compiles its own code for some ten seconds, on the same two cores."""
PATIENCE = 60.0
HALF, MOST = 60, 200
POST = re.compile(r"post:([0-9]+)")


class NotSpreadError(AssertionError):
    """Not every event reached every topic in time."""


class Arrivals:
    """When the broker appended each event to each topic, by its own clock, which is this machine's: milliseconds since 1970, rounded up."""

    def __init__(self) -> None:
        self.seen: dict[str, dict[int, float]] = {}

    async def read(self, reader: AIOKafkaConsumer, numbers: Collection[int]) -> None:
        """Read until every event has been seen on every topic; raises NotSpreadError."""
        end = time.monotonic() + PATIENCE
        while missing := sum(1 for topic in reader.subscription() for number in numbers if number not in self.seen.get(topic, ())):
            if time.monotonic() > end:
                raise NotSpreadError(f"{missing} manquent")
            for place, records in (await reader.getmany(timeout_ms=1000)).items():
                for record in records:
                    if number := _number(record.headers):
                        self.seen.setdefault(place.topic, {}).setdefault(number, record.timestamp + 1)

    def last(self, number: int, topics: Iterable[str]) -> float:
        """When the last of these topics had it."""
        return max(self.seen[topic][number] for topic in topics)


async def run(stage: Stage, report: Report) -> None:
    """Measure."""
    async with scene(stage, "spread") as at:
        await _join(at)
        async with registry_of(at) as registry:
            processes = _hub(at)
            gateway = await start_gateway(at, {NODE: instance_of(at, NODE, URL)}, registry, core="all")
            requests = webhooks(gateway.port, NODE, URL)
            say(f"    échauffement, puis {RATE}/s pendant {SECONDS:.0f} s")
            await _sent(at, gateway.port, requests, 1, WARM)
            busy = {name: Busy(process) for name, process in {**processes, "passerelle": gateway.process}.items()}
            due, arrivals = await _sent(at, gateway.port, requests, int(RATE * WARM) + 1, SECONDS)
            spent = {name: one.seconds for name, one in busy.items()}
    _tell(report, at, due, arrivals)
    report.details["spread"] = {"events": len(due), "rate": RATE, "nodes": len(ALL), "community": COMMUNITY, "cpu_seconds": spent}
    report.add(*(Figure("spread", f"  cœur pris par {name}", seconds / SECONDS, "×") for name, seconds in spent.items()))


async def _join(at: Scene) -> None:
    """Ten nodes tied to one community, one of them with a connector."""
    await at.make_topics(*(replace(topic, log_append_time=True) for node in ALL for topic in topics.of_node(node)))
    await prepare_ledger(at)
    await tie_in_ledger(at, NODE, NODE)
    for node in OTHERS:
        await at.world.join(node, f"espace-{node}")
    await at.world.tie(*ALL)
    await forget_places(at.world)


def _hub(at: Scene) -> Mapping[str, Process]:
    processes = {group: at.start(group, *hub_words(f"run_worker('{group}')"), core="all") for group in ("inbound", "fanout")}
    return {**processes, "relais": at.start("relay", *hub_words("run_relay()"), core="all")}


async def _sent(at: Scene, port: int, requests: Iterator[bytes], first: int, seconds: float) -> tuple[Mapping[int, float], Arrivals]:
    """Send at the rate, then look where all arrived: number → when it was due, which no busy sender moves, in milliseconds since 1970.

    Nobody reads the topics meanwhile: a reader of ten would take a fifth of a core from those that are measured.
    """
    answers = await load.at_rate(port, requests, RATE, seconds)
    began = time.time() - (time.perf_counter() - answers.began)
    due = {first + n: (began + n / RATE) * 1000 for n in range(len(answers.latencies))}
    arrivals = Arrivals()
    reader = kafka.consumer(at.stage.kafka, *_topics(at).values(), group=None, auto_offset_reset="earliest")
    await reader.start()
    try:
        await arrivals.read(reader, due)
    finally:
        await reader.stop()
    return due, arrivals


def _topics(at: Scene) -> dict[str, str]:
    """The topics on the way, ours without prefix → the broker's."""
    of_nodes = (topics.outbound(node) for node in ALL)
    return {topic.name: at.names.of(topic) for topic in (topics.RSE_INBOUND, topics.HUB_FACTS, *of_nodes)}


def _number(headers: Any) -> int | None:
    said = next((raw.decode() for name, raw in headers if name == "ce_nativeid"), "")
    found = POST.fullmatch(said)
    return int(found[1]) if found else None


def _tell(report: Report, at: Scene, due: Mapping[int, float], arrivals: Arrivals) -> None:
    """The whole way, and its parts: what is on `hub.facts.v1` was decided, numbered and committed."""
    named = _topics(at)
    inbound, facts = arrivals.seen[named.pop(topics.RSE_INBOUND.name)], arrivals.seen[named.pop(topics.HUB_FACTS.name)]
    last = {number: arrivals.last(number, named.values()) for number in due}
    whole = [last[number] - since for number, since in due.items()]
    parts = {
        "webhook → Kafka": [inbound[number] - since for number, since in due.items()],
        "Kafka → numéroté, relayé": [facts[number] - inbound[number] for number in due],
        "relayé → les topics de nœud": [last[number] - facts[number] for number in due],
    }
    way = f"Webhook → sur les {len(ALL)} topics de nœud, à {RATE}/s, p50"
    report.add(
        Figure("spread", way, percentile(whole, 0.5), "ms", target=Below(HALF)),
        Figure("spread", "  p99", percentile(whole, 0.99), "ms", target=Below(MOST)),
        *(Figure("spread", f"  dont {name}, p50", percentile(spans, 0.5), "ms") for name, spans in parts.items()),
    )
