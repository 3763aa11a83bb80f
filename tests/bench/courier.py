"""Signed deliveries to peers: how many on one core, and whether one costs the same to ten peers and to a thousand of which half are away."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psutil
from sqlalchemy import insert

from deploy.local import ports
from hub.federation.followers import Follower
from hub.federation.parcel import Form, Parcel
from hub.ports import Record
from hub.storage.federation_tables import followers
from hub.storage.registry_tables import peers
from schemas.keys import SigningKey
from schemas.rsa_keys import RsaSigningKey
from schemas.topics import PEERS_OUTBOUND
from tests.bench.addresses import host
from tests.bench.report import AtLeast, Below, Figure, together
from tests.bench.stage import Busy, Progress, scene

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from deploy.local.process import Process
    from tests.bench.report import Report
    from tests.bench.stage import Scene, Stage

COMMUNITY = "futurs-publics"
OURS = "https://hub.example"
GROUP = f"{OURS}/groups/{COMMUNITY}"
ACTIVITY_BYTES = 1024
NOBODY = 9
"""A port where nobody listens: half of those that are away refuse at once, the others take the connection and never say a word."""
INBOXES, TO_INBOXES = 200, 40_000
FEW, MANY, TO_SOME = 10, 1_000, 15_000
TARGET = 3_000
FLAT = 1.25
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of the courier."""

    rate: float
    per_second_of_processor: float
    resident_mib: float


async def run(stage: Stage, report: Report) -> None:
    """Measure."""
    async with scene(stage, "courier") as at:
        port = await _sink(at)
        sign = await at.measure("sign", "sign", f"http://127.0.0.1:{port}/inbox", "20000")
        bring = await at.measure("bring", "bring", str(port), str(INBOXES), "20000")
    all_ = await _delivered(stage, INBOXES, 0, TO_INBOXES)
    few = await _delivered(stage, FEW // 2, FEW // 2, TO_SOME)
    many = await _delivered(stage, MANY // 2, MANY // 2, TO_SOME)
    report.details["courier"] = {"sign": sign, "bring": bring, "peers": {str(FEW): few.resident_mib, str(MANY): many.resident_mib}}
    ceiling = together(bring["rate"], sign["fields"])
    report.add(
        Figure("courier", f"Livraisons signées vers {INBOXES} boîtes", all_.rate, "/s", ceiling, "aiohttp nu, puis signer", AtLeast(TARGET)),
        Figure(
            "courier", "  par seconde de processeur", all_.per_second_of_processor, "/s", together(bring["cpu"], sign["fields"]),
            "de même",
        ),
        Figure("courier", "  Ed25519 nu", sign["sign"], "/s"),
        Figure("courier", "  champs signés d’une demande", sign["fields"], "/s"),
        Figure(
            "courier", f"Coût d’une livraison, {MANY} pairs dont la moitié absents (un sur deux muet) / {FEW}",
            few.per_second_of_processor / many.per_second_of_processor, "×", target=Below(FLAT),
        ),
        Figure("courier", f"  mémoire, {MANY} pairs / {FEW}", many.resident_mib / few.resident_mib, "×", target=Below(FLAT)),
        Figure("courier", f"  mémoire, {MANY} pairs", many.resident_mib, "Mio"),
    )  # fmt: skip


async def _delivered(stage: Stage, present: int, away: int, deliveries: int) -> Measured:
    """A courier of its own brings activities to as many peers; measured from its first delivery seen to the last."""
    async with scene(stage, f"courier{present + away}") as at, _silent() as mute:
        port = await _sink(at)
        here = [f"http://{host(number)}:{port}" for number in range(present)]
        absent = [f"http://{host(number)}:{mute if number % 2 else NOBODY}" for number in range(away)]
        await _follow(at, [*here, *absent])
        await at.make_topics()
        activities = deliveries // present
        await at.fill(PEERS_OUTBOUND, [_parcel(number) for number in range(activities)])
        process = _courier(at)
        progress = Progress(f"{present + away} pairs", 0, present * activities, process)
        busy = Busy(process)
        while not progress.note(await _done(at, activities)):  # noqa: ASYNC110 - another process gets on
            await asyncio.sleep(0.2)
        memory = psutil.Process(process.pid).memory_info().rss / MIB
        return Measured(progress.pace.rate, present * activities / busy.seconds, memory)


async def _done(at: Scene, activities: int) -> int:
    """How many deliveries are written down."""
    rows = await at.ask(f"SELECT sum(least(position, {activities})) AS n FROM hub.peer_positions WHERE state = 'closed'")  # noqa: S608 - a number
    return int(rows[0]["n"] or 0)


@asynccontextmanager
async def _silent() -> AsyncIterator[int]:
    """The port of those who swallow what comes: only the courier's own patience ends it."""
    done = asyncio.Event()

    async def wait(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await done.wait()
        writer.transport.abort()

    server = await asyncio.start_server(wait, "0.0.0.0", 0, backlog=MANY)  # noqa: S104 - all of loopback, under many addresses
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        done.set()
        server.close()


async def _sink(at: Scene) -> int:
    port = ports.free_port()
    at.start("sink", "-m", "tests.bench.bare_uvicorn", str(port), "0.0.0.0", core="-")  # noqa: S104 - all of loopback, under many addresses
    await asyncio.sleep(2)
    return port


def _courier(at: Scene) -> Process:
    SigningKey.generate("x").save(at.folder / "federation.pem")
    RsaSigningKey.generate("x", 2048).save(at.folder / "federation-rsa.pem")
    return at.start(
        "courier", "-m", "hub", "courier", TRAITDUNION_FEDERATION_URL=OURS, TRAITDUNION_FEDERATION_LOOPBACK="true",
        TRAITDUNION_FEDERATION_KEY=str(at.folder / "federation.pem"), TRAITDUNION_FEDERATION_RSA_KEY=str(at.folder / "federation-rsa.pem"),
    )  # fmt: skip


async def _follow(at: Scene, urls: Sequence[str]) -> None:
    now = datetime.now(UTC)
    async with at.world.engine.begin() as connection:
        for url in urls:
            peer = url.partition("://")[2]
            row = {
                "id": peer,
                "name": peer,
                "organisation": "OPSI",
                "kind": "activitypub",
                "grade": "full",
                "cavage": False,
                "networks": [],
            }
            await connection.execute(insert(peers).values(**row, anchor=None, applied_at=now, admitted_at=now))
            one = Follower(COMMUNITY, f"{url}/u", peer, f"{url}/u/inbox", f"{url}/inbox", "Group", f"{url}/f", now)
            await connection.execute(insert(followers).values(**{column.name: getattr(one, column.name) for column in followers.columns}))


def _parcel(number: int) -> Record:
    said = {"id": f"{OURS}/activities/{number}", "type": "Announce", "actor": GROUP, "object": ""}
    said["object"] = "x" * (ACTIVITY_BYTES - len(json.dumps(said)))
    made = Parcel(COMMUNITY, f"{number:032x}", GROUP, Form.ANNOUNCED, json.dumps(said).encode(), correlation="c" * 32)
    return Record(PEERS_OUTBOUND.name, 0, number, datetime.now(UTC), COMMUNITY.encode(), made.body, tuple(made.headers()))
