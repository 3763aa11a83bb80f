"""From an agent's message in one twin to its copy in another and its receipt in the hub, as whole processes at 10 messages a second."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import aiohttp

from deploy.local import ports
from hub.registry.service import propose_tie
from schemas import topics
from tests.bench.connectors import API_KEY, answers, hub_words, instance_of, prepare_ledger, registry_of, start_gateway, start_twin
from tests.bench.report import Below, Figure, percentile, say
from tests.bench.stage import scene
from tests.hub_world import COMMUNITY, NODES

if TYPE_CHECKING:
    from hub.unit_of_work import UnitOfWork
    from tests.bench.report import Report
    from tests.bench.stage import Scene, Stage

FROM, TO = "wifip", "diplomatie"
RATE, SECONDS, WARM = 10, 20, 20
PATIENCE = 60
WAY = """
    SELECT event.native_id, event.admitted_at, event.handled_at, way.published_at, copy.at, copy.reported_at
    FROM hub.events AS event JOIN hub.outbox AS way ON way.event = event.id
    JOIN hub.deliveries AS copy ON copy.event = event.id AND copy.node = 'diplomatie' AND copy.verdict = 'written'
    WHERE event.node = 'wifip'
"""
HOPS = ("admitted_at", "handled_at", "published_at", "at", "reported_at")
NAMES = ("jumeau → passerelle → Kafka", "Kafka → décidé", "décidé → relais", "relais → copie visible", "copie → accusé gardé")


class NotArrived(AssertionError):
    """Not every message arrived in time."""


async def run(stage: Stage, report: Report) -> None:
    """Measure."""
    async with scene(stage, "end2end") as at:
        await _assemble(at)
        async with registry_of(at) as registry:
            address = await _start(at, registry)
            await _tie(at)
            say("    échauffement")
            written = await _write(address, 0, WARM)
            await _arrived(at, written)
            say(f"    {RATE * SECONDS} messages à {RATE}/s")
            written = await _write(address, WARM, RATE * SECONDS)
            rows = await _arrived(at, written)
    _tell(report, [[written[row["native_id"]], *(row[hop] for hop in HOPS)] for row in rows if row["native_id"] in written])


async def _assemble(at: Scene) -> None:
    await at.make_topics(*topics.of_node(FROM), *topics.of_node(TO))
    await prepare_ledger(at)


async def _start(at: Scene, registry: str) -> str:
    """Start the hub's processes, two twins, the connectors; the first twin's address."""
    for group in ("inbound", "fanout", "receipts"):
        at.start(group, *hub_words(f"run_worker('{group}')"), core="all")
    at.start("relay", *hub_words("run_relay()"), core="all")
    places = dict(zip((FROM, TO), ports.free_ports(2), strict=True))
    urls = {node: f"http://{ports.LOOPBACK}:{port}" for node, port in places.items()}
    gateway = await start_gateway(at, {node: instance_of(at, node, url) for node, url in urls.items()}, registry, core="all")
    for node, port in places.items():
        await answers(urls[node] + "/", start_twin(at, node, port, gateway.port))
    return urls[FROM]


async def _tie(at: Scene) -> None:
    """Let the hub propose, the connectors answer."""

    async def propose(work: UnitOfWork) -> None:
        for node in (FROM, TO):
            await propose_tie(node, NODES[node], COMMUNITY, work)

    await at.world.work(propose)
    await _until(at, "SELECT 1 FROM hub.ties WHERE state = 'active'", 2, "rattachements")
    await _until(at, "SELECT 1 FROM adapters.ties WHERE state = 'confirmed'", 2, "rattachements")


async def _write(address: str, first: int, count: int) -> dict[str, datetime]:
    """Write at a steady rate as an agent does; native id → the moment before she pressed the key."""
    written: dict[str, datetime] = {}
    began = time.monotonic()
    headers = {"Api-Key": API_KEY, "Api-Username": "camille"}
    async with aiohttp.ClientSession(headers=headers) as session, asyncio.TaskGroup() as group:
        for number in range(count):
            await asyncio.sleep(max(0.0, began + number / RATE - time.monotonic()))
            group.create_task(_post(session, address, first + number, written))
    return written


async def _post(session: aiohttp.ClientSession, address: str, number: int, written: dict[str, datetime]) -> None:
    said = {"title": f"Contribution numéro {number} à la rencontre", "raw": f"Voici ma contribution n° {number}, à lire avant jeudi."}
    since = datetime.now(UTC)
    async with session.post(f"{address}/posts.json", json={**said, "category": int(NODES[FROM])}) as response:
        post = await response.json()
        if response.status != 200:
            raise NotArrived(f"the twin refused: {response.status}")
    written[f"post:{post['id']}"] = since


async def _arrived(at: Scene, written: dict[str, datetime]) -> list[Any]:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        rows = await at.ask(WAY)
        if set(written) <= {row["native_id"] for row in rows}:
            return rows
        await asyncio.sleep(0.5)
    raise NotArrived(f"{len({row['native_id'] for row in rows} & set(written))}/{len(written)}")


async def _until(at: Scene, sql: str, count: int, what: str) -> None:
    end = time.monotonic() + PATIENCE
    while len(await at.ask(sql)) < count:
        if time.monotonic() > end:
            raise NotArrived(what)
        await asyncio.sleep(0.1)


def _tell(report: Report, ways: list[list[datetime]]) -> None:
    def milliseconds(start: int, end: int, share: float) -> float:
        return percentile([(way[end] - way[start]).total_seconds() * 1000 for way in ways], share)

    visible, receipt = len(HOPS) - 1, len(HOPS)
    report.details["end2end"] = {"messages": len(ways), "rate": RATE}
    report.add(
        Figure("end2end", "Écrit chez l’un → copie visible chez l’autre, p50", milliseconds(0, visible, 0.5), "ms"),
        Figure("end2end", "  p99", milliseconds(0, visible, 0.99), "ms", target=Below(500)),
        Figure("end2end", "Écrit → accusé gardé par le hub, p50", milliseconds(0, receipt, 0.5), "ms"),
        Figure("end2end", "  p99", milliseconds(0, receipt, 0.99), "ms"),
        *(Figure("end2end", f"  {name}, p50 / p99 {milliseconds(n, n + 1, 0.99):.0f} ms", milliseconds(n, n + 1, 0.5), "ms") for n, name in enumerate(NAMES)),
    )  # fmt: skip
