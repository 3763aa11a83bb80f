"""Writes into an RSE that answers in 20 ms, 16 communities in flight, beside a bare client writing to the same RSE."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

import asyncpg

from adapters.ledger import Ledger
from adapters.ties import Tie, Ties, TieState
from deploy.local import ports
from schemas import topics
from schemas.envelope import object_id
from schemas.facts.message import Author, Content, MessagePosted
from schemas.words import Audience
from tests.bench.connectors import WORDS, answers, instance_of, prepare_ledger, registry_of, start_gateway
from tests.bench.fanout import numbered
from tests.bench.report import AtLeast, Figure, say
from tests.bench.stage import Busy, Progress, scene
from tests.hub_world import NODES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.local.process import Process
    from hub.ports import Record
    from tests.bench.report import Report
    from tests.bench.stage import Pace, Scene, Stage

AUTHOR, NODE = "wifip", "diplomatie"
COMMUNITIES, WRITES = 16, 4_000
IN_A_TOPIC = 5  # one message opens it, the others answer
MILLISECONDS = 20
TARGET = 300


async def run(stage: Stage, report: Report) -> None:
    """Measure."""
    async with scene(stage, "writer") as at, registry_of(at) as registry:
        await at.make_topics(*topics.of_node(NODE))
        await prepare_ledger(at)
        await _tie(at)
        say(f"    {WRITES} messages de {COMMUNITIES} communautés à signer et à déposer")
        await at.fill(topics.outbound(NODE), list(_messages(at)))
        port = ports.free_port()
        rse = at.start("slow-rse", "-m", "tests.bench.slow_rse", str(port), str(MILLISECONDS), core="all")
        url = f"http://{ports.LOOPBACK}:{port}"
        await answers(url, rse)
        instance = instance_of(at, NODE, url) | {"spaces": [_space(number) for number in range(COMMUNITIES)]}
        gateway = await start_gateway(at, {NODE: instance}, registry)
        pace, spent = await _written(at, gateway.process)
        gateway.process.stop(seconds=5)
        bare = await at.measure("posts", "posts", url, str(COMMUNITIES), str(WRITES))
    report.details["writer"] = {"writes": WRITES, "seconds": pace.seconds, "cpu_seconds": spent, "bare": bare}
    report.add(
        Figure(
            "writer", f"Écritures dans un RSE qui répond en {MILLISECONDS} ms", pace.rate, "/s", bare["rate"],
            f"client HTTP nu, {COMMUNITIES} à la fois", AtLeast(TARGET),
        ),
        Figure("writer", "  par seconde de processeur du connecteur", pace.records / spent, "/s", target=AtLeast(TARGET)),
        Figure("writer", "  part du cœur obtenue (le reste : attente, voisins)", spent / pace.seconds, "×"),
    )  # fmt: skip


def _space(number: int) -> str:
    return str(200 + number)


def _community(number: int) -> str:
    return f"communaute-{number}"


async def _tie(at: Scene) -> None:
    known = await Ledger.open(at.url)
    try:
        for number in range(COMMUNITIES):
            tie = Tie(
                _space(number), _community(number), "Communauté", Audience.MEMBERS, Audience.MEMBERS, externals=False,
                state=TieState.CONFIRMED, renewed_at=datetime.now(UTC), space_name="Salle",
            )  # fmt: skip
            await Ties(known, NODE).put(tie)
    finally:
        await known.close()


def _messages(at: Scene) -> Iterator[Record]:
    """One of each community in turn, as they come from fan-out: first messages and answers to them."""
    for number in count():
        turn, lane = divmod(number, COMMUNITIES)
        if number == WRITES:
            return
        root = f"post:{lane}-{turn - turn % IN_A_TOPIC}"
        native, parent = f"post:{lane}-{turn}", object_id(AUTHOR, root) if turn % IN_A_TOPIC else None
        content = Content(
            html=f"<p>{WORDS}</p><p>{WORDS}</p><p>Contribution n° {number}.</p>", text=f"{WORDS}\n\n{WORDS}\n\nContribution n° {number}."
        )
        fact = MessagePosted(space=NODES[AUTHOR], author=Author(name="Camille Roux", organisation=AUTHOR), content=content)
        event = at.world.event(AUTHOR, fact, native, marker="posted", parent=parent, community=_community(lane))
        record = at.world.carry(event, f"{AUTHOR}/{NODES[AUTHOR]}")
        yield numbered(at.world, record, _community(lane), turn + 1, {AUTHOR: NODES[AUTHOR], NODE: _space(lane)})


async def _written(at: Scene, process: Process) -> tuple[Pace, float]:
    """How quickly copies appear in the ledger, and the processor seconds of the connector meanwhile."""
    connection: Any = await asyncpg.connect(at.url)
    try:
        progress, busy, reached = Progress("copies écrites", 0, WRITES, process), Busy(process), 0
        while not progress.note(reached):
            busy = busy if reached else Busy(process)
            await asyncio.sleep(0.05)
            reached = int(await connection.fetchval("SELECT count(*) FROM adapters.objects WHERE origin = 'copy'"))
        return progress.pace, busy.seconds
    finally:
        await connection.close()
