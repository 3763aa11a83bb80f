"""What 200 idle spaces of an eXo cost the connector that polls them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import asyncpg

from adapters.exo.twin.store import Item, Space, Store
from adapters.ledger import Ledger
from adapters.poller import IDLE_EVERY
from adapters.ties import Tie, Ties, TieState
from deploy.local import ports
from schemas import topics
from schemas.words import Audience
from tests.bench.connectors import API_KEY, answers, instance_of, prepare_ledger, registry_of, start_gateway
from tests.bench.report import Below, Figure
from tests.bench.stage import Busy, scene, until
from tests.hub_world import COMMUNITY

if TYPE_CHECKING:
    from deploy.local.process import Process
    from tests.bench.report import Report
    from tests.bench.stage import Scene, Stage

NODE = "wifip"
SPACES = 200
ACTIVITIES = 20  # of each space within the window, every other one commented twice
OLDER = 60  # of each space behind it: they are read again a page at a time
BEHIND = 8 * 86_400_000  # milliseconds
TWIN_SPACE_IDENTITY = 5000
QUIET_SECONDS = 15.0
MEASURED_SECONDS = IDLE_EVERY.total_seconds() * 1.2  # every space at least once
MOST_SHARE = 0.05  # of a core


async def run(stage: Stage, report: Report) -> None:
    """Measure the same process without a tie, then with 200 that nobody writes in."""
    async with scene(stage, "polls") as at, registry_of(at) as registry:
        await at.make_topics(*topics.of_node(NODE))
        await prepare_ledger(at)
        await asyncio.to_thread(_fill, at)
        url = await _start_twin(at)
        instance = _instance(at, url)
        alone = await start_gateway(at, {NODE: instance}, registry)
        await asyncio.sleep(5.0)
        nothing = await _share(alone.process, QUIET_SECONDS)
        await asyncio.to_thread(alone.process.stop)
        await _tie(at)
        first = await start_gateway(at, {NODE: instance}, registry)
        await _until_sql(at, first.process, "SELECT count(*) FROM adapters.polls WHERE cursor IS NOT NULL", SPACES)
        await asyncio.to_thread(first.process.stop)
        await _execute(at, "UPDATE adapters.polls SET changed_at = now() - interval '1 day'")
        again = await start_gateway(at, {NODE: instance}, registry)
        await asyncio.sleep(20.0)  # the first look of a process reads every page
        idle = await _share(again.process, MEASURED_SECONDS)
    report.details["polls"] = {"spaces": SPACES, "activities": ACTIVITIES, "older": OLDER, "without": nothing, "with": idle}
    report.add(
        Figure("polls", "Connecteur sans espace rattaché", nothing * 100, "% d’un cœur"),
        Figure("polls", f"Connecteur et {SPACES} espaces calmes", idle * 100, "% d’un cœur"),
        Figure("polls", "  les espaces seuls", (idle - nothing) * 100, "% d’un cœur", target=Below(MOST_SHARE * 100)),
    )


async def _share(process: Process, seconds: float) -> float:
    """How much of a core a process takes."""
    busy = Busy(process)
    await asyncio.sleep(seconds)
    return busy.seconds / seconds


def _spaces() -> list[str]:
    return [str(number) for number in range(1, SPACES + 1)]


def _fill(at: Scene) -> None:
    store, now = Store(at.folder / "twin-exo.db"), int(datetime.now(UTC).timestamp() * 1000)
    store.person("traitdunion", "Trait d’union")
    person = store.person("camille", "Camille Roux")
    items: list[Item] = []
    for number in _spaces():
        store.keep(Space(number, f"espace_{number}", f"Espace {number}", str(TWIN_SPACE_IDENTITY + int(number))))
        for place in range(ACTIVITIES + OLDER):
            name, then = f"{number}{place:03d}", now - (place + 1) * 3_600_000 - (BEHIND if place >= ACTIVITIES else 0)
            items.append(Item(name, number, person.id, f"<p>{'Contribution ' * 40}{name}</p>", then, then))
            if place % 2:
                items += [Item(f"comment{name}{n}", number, person.id, "<p>Merci</p>", then, then, root=name) for n in range(2)]
    store.keep(*items)
    store.close()


async def _start_twin(at: Scene) -> str:
    port = ports.free_port()
    words = ("-m", "adapters.exo.twin", "--port", str(port), "--state", str(at.folder / "twin-exo.db"), "--api-key", API_KEY)
    url = f"http://{ports.LOOPBACK}:{port}"
    await answers(f"{url}/portal/dw/activity", at.start("twin-exo", *words, core="all"))
    return url


def _instance(at: Scene, url: str) -> dict[str, Any]:
    return instance_of(at, NODE, url) | {"platform": "exo", "spaces": _spaces(), "options": {"generation": "v1"}}


async def _tie(at: Scene) -> None:
    known = await Ledger.open(at.url)
    try:
        for space in _spaces():
            tie = Tie(
                space, COMMUNITY, "Futurs Publics", Audience.MEMBERS, Audience.MEMBERS, externals=False, state=TieState.CONFIRMED,
                renewed_at=datetime.now(UTC), space_name="Espace",
            )  # fmt: skip
            await Ties(known, NODE).put(tie)
    finally:
        await known.close()


async def _execute(at: Scene, sql: str) -> Any:
    connection = await asyncpg.connect(at.url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def _until_sql(at: Scene, process: Process, sql: str, wanted: int) -> None:
    seen = [0]

    async def look() -> None:
        while seen[0] < wanted:
            seen[0] = await _execute(at, sql)
            await asyncio.sleep(0.5)

    asking = asyncio.create_task(look())
    await until(lambda: seen[0] >= wanted, process, 120)
    await asking
