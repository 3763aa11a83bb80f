"""Worker inbound: signed events per second committed, beside what its parts can do on the same core."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg

from schemas import topics
from tests.bench.connectors import hub_words
from tests.bench.report import AtLeast, Figure, say, together
from tests.bench.stage import Busy, Progress, scene
from tests.hub_world import COMMUNITY, NODES

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.local.process import Process
    from hub.ports import Record
    from tests.bench.report import Report
    from tests.bench.stage import Pace, Scene, Stage
    from tests.hub_world import World

EVENTS = 20_000
WORDS = "Le réseau prépare sa prochaine rencontre et cherche des retours d’expérience."
REACHED = f"SELECT sequence FROM hub.communities WHERE id = '{COMMUNITY}'"  # noqa: S608 - a constant


async def run(stage: Stage, report: Report) -> None:
    """Measure."""
    async with scene(stage, "worker") as at:
        await fill(at, EVENTS)
        process = at.start("inbound", *hub_words("run_worker('inbound')"))
        pace, busy = await committed(at, process, EVENTS)
        process.stop(seconds=5)
        faust = await at.measure("faust", "faust", at.names.of(topics.RSE_INBOUND), str(EVENTS))
        parts = await at.measure("parts", "inbound")
    report.details["worker"] = {"events": EVENTS, "parts": parts, "faust": faust, "cpu_seconds": busy, "seconds": pace.seconds}
    both = together(parts["verify"], faust["rate"], parts["sql"])
    report.add(
        Figure("worker", "Événements signés décidés et validés (commit)", pace.rate, "/s", target=AtLeast(2000)),
        Figure(
            "worker", "  part de ce que permettent ses éléments ensemble", pace.rate / both, "×",
            ceiling_is=f"{both:.0f} /s = Ed25519 + Faust + SQL", target=AtLeast(0.5),
        ),
        Figure("worker", "  par seconde de processeur du worker", pace.records / busy, "/s"),
        Figure("worker", "  part du cœur obtenue (le reste : attente, voisins)", busy / pace.seconds, "×"),
        Figure("worker", "Ed25519, vérification nue", parts["verify"], "/s"),
        Figure("worker", "Faust nu (même topic, prendre et acquitter)", faust["rate"], "/s"),
        Figure("worker", "SQL nu (mêmes instructions, mêmes lignes, par 500)", parts["sql"], "/s"),
        Figure("worker", "verify_event entier (preuve, empreinte, modèles)", parts["verify_event"], "/s"),
        Figure("worker", "InboundBatch dans un processus, sans Faust", parts["handled"], "/s"),
    )  # fmt: skip


async def fill(at: Scene, events: int) -> None:
    """A world with ties, and its topic full of signed messages."""
    await at.make_topics()
    await open_for(at.world)
    say(f"    {events} événements à signer et à déposer")
    for first in range(0, events, 10_000):
        await at.fill(topics.RSE_INBOUND, messages(at.world, first, min(10_000, events - first)))


async def open_for(world: World) -> None:
    """Tie the spaces."""
    await world.tie()
    await forget_places(world)


async def forget_places(world: World) -> None:
    """The topic of the tests' own records is not the one that is read here."""
    async with world.engine.begin() as connection:
        await connection.exec_driver_sql("DELETE FROM hub.stream_offsets")


def messages(world: World, first: int, count: int) -> list[Record]:
    """Messages of three nodes in turn, each of another post."""
    nodes = list(NODES)
    return [world.posted(nodes[n % len(nodes)], f"post:{n}", f"{WORDS} Contribution n° {n}.") for n in range(first, first + count)]


def _unwatched(_share: float, _process: Process) -> None:
    """Nothing is asked on the way."""


async def committed(at: Scene, process: Process, events: int, look: Callable[[float, Process], None] = _unwatched) -> tuple[Pace, float]:
    """How quickly the community's number rises, which is committed with each effect; and the processor seconds it took."""
    connection = await asyncpg.connect(at.url)
    try:
        start = int(await connection.fetchval(REACHED))
        progress = Progress("événements validés", start, events, process)
        busy, reached = Busy(process), start
        while not progress.note(reached):
            busy = busy if reached > start else Busy(process)
            look((reached - start) / events, process)
            await asyncio.sleep(0.02)
            reached = int(await connection.fetchval(REACHED))
        look(1.0, process)
        return progress.pace, busy.seconds
    finally:
        await connection.close()
