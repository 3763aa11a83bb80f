"""A connector process at work: its instances, the registry it trusts, the twins it writes to, the webhooks it gets."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import aiohttp
import yaml
from aiohttp import web
from nacl.public import PrivateKey

from adapters import ledger
from adapters.ledger import Ledger
from adapters.ties import Tie, Ties, TieState
from deploy.local import ports
from hub.registry.repository import newest_document
from schemas.words import Audience
from tests.bench.stage import until
from tests.hub_world import COMMUNITY, NODES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from deploy.local.process import Process
    from tests.bench.stage import Scene

SECRET = "bench-webhook-secret"
API_KEY = "bench-api-key"
WORDS = "Le réseau des innovateurs publics prépare sa prochaine rencontre et cherche des retours d’expérience sur les ateliers. "


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running connector process."""

    port: int
    process: Process


@asynccontextmanager
async def registry_of(scene: Scene) -> AsyncIterator[str]:
    """Serve the hub's registry document; its address."""

    async def document(_: web.Request) -> web.Response:
        async with scene.world.engine.connect() as connection:
            newest = await newest_document(connection)
        assert newest is not None
        return web.Response(body=newest[1])

    app = web.Application()
    app.router.add_get("/registry", document)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    port = ports.free_port()
    await web.TCPSite(runner, ports.LOOPBACK, port).start()
    try:
        yield f"http://{ports.LOOPBACK}:{port}/registry"
    finally:
        await runner.cleanup()


def instance_of(scene: Scene, node: str, url: str) -> dict[str, Any]:
    """One RSE as the instances file names it, its key saved beside."""
    path = scene.folder / f"{node}.pem"
    scene.world.keys[node].save(path)
    return {
        "node": node, "organisation": f"Ministère {node}", "platform": "discourse", "url": url, "webhook_secret": SECRET,
        "api_secret": API_KEY, "signing_key": str(path), "spaces": [NODES[node]],
    }  # fmt: skip


async def start_gateway(scene: Scene, instances: dict[str, Any], registry_url: str, *, core: str | None = None) -> Gateway:
    """Start `python -m adapters run` and wait until it is ready."""
    (scene.folder / "instances.yaml").write_text(yaml.safe_dump({"instances": instances}))
    port = ports.free_port()
    process = scene.start(
        "gateway", "-m", "adapters", "run", core=core,
        TRAITDUNION_INSTANCES=str(scene.folder / "instances.yaml"), TRAITDUNION_GATEWAY_PORT=str(port),
        TRAITDUNION_REGISTRY_URL=registry_url, TRAITDUNION_REGISTRY_ANCHOR=scene.world.hub_key.public.multibase,
        TRAITDUNION_OPERATORS_KEY=bytes(PrivateKey.generate().public_key).hex(),
    )  # fmt: skip
    await answers(f"http://{ports.LOOPBACK}:{port}/readyz", process)
    return Gateway(port, process)


async def answers(url: str, process: Process) -> None:
    """Wait until a page of a process says 200."""
    well = [False]

    async def ask() -> None:
        async with aiohttp.ClientSession() as session:
            while not well[0]:
                try:
                    async with session.get(url) as response:
                        well[0] = response.status == 200
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.1)

    asking = asyncio.create_task(ask())
    try:
        await until(lambda: well[0], process, 60)
    finally:
        asking.cancel()


async def prepare_ledger(scene: Scene) -> None:
    """Bring the connectors' tables up."""
    await asyncio.to_thread(ledger.migrate, scene.url)


async def tie_in_ledger(scene: Scene, instance: str, node: str) -> None:
    """Leave a confirmed tie in the ledger, as the handshake does."""
    known = await Ledger.open(scene.url)
    try:
        tie = Tie(
            NODES[node], COMMUNITY, "Futurs Publics", Audience.MEMBERS, Audience.MEMBERS, False, TieState.CONFIRMED,  # noqa: FBT003 - as the ledger has it
            datetime.now(UTC), "Salle",
        )  # fmt: skip
        await Ties(known, instance).put(tie)
    finally:
        await known.close()


def webhooks(port: int, instance: str, url: str) -> Iterator[bytes]:
    """Signed `post_created` requests of about a kilobyte, each another post."""
    for number in itertools.count(1):
        body = json.dumps({"post": post(number)}, ensure_ascii=False).encode()
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        head = (
            f"POST /webhooks/{instance} HTTP/1.1\r\nHost: {ports.LOOPBACK}:{port}\r\nContent-Type: application/json\r\n"
            f"User-Agent: Discourse/3.4.0\r\nX-Discourse-Instance: {url}\r\nX-Discourse-Event-Id: {number}\r\n"
            "X-Discourse-Event-Type: post\r\nX-Discourse-Event: post_created\r\n"
            f"X-Discourse-Event-Signature: sha256={signature}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        yield head.encode() + body


def post(number: int) -> dict[str, Any]:
    """A post as its webhook tells it: about a kilobyte."""
    stamp = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "id": number, "name": "Camille Roux", "username": f"agent{number % 50}", "created_at": stamp, "updated_at": stamp,
        "cooked": f"<p>{WORDS}</p>\n<p>Contribution n° {number}, à lire avant jeudi.</p>", "raw": f"{WORDS}\n\nContribution n° {number}.",
        "post_number": 1, "post_type": 1, "reply_to_post_number": None, "topic_id": number, "topic_slug": f"contribution-{number}",
        "version": 1, "user_id": number % 50 + 1, "hidden": False, "trust_level": 1, "deleted_at": None, "user_deleted": False,
        "topic_title": f"Contribution numéro {number}", "category_id": int(NODES["wifip"]), "category_slug": "futurs-publics",
        "topic_posts_count": 1, "topic_filtered_posts_count": 1, "topic_archetype": "regular",
    }  # fmt: skip


def start_twin(scene: Scene, node: str, port: int, gateway_port: int) -> Process:
    """Start a Discourse twin without its API limit: what is measured is the way, not the vendor's patience."""
    return scene.start(
        f"twin-{node}", "-m", "adapters.discourse.twin", "--port", str(port), "--state", str(scene.folder / f"twin-{node}.db"),
        "--webhook", f"http://{ports.LOOPBACK}:{gateway_port}/webhooks/{node}", "--secret", SECRET, "--api-key", API_KEY,
        "--rate", "0", "--restricted-category", f"{NODES[node]}:Futurs Publics", "--user", "camille:Camille Roux", core="all",
    )  # fmt: skip


def hub_words(call: str) -> tuple[str, str]:
    """The words that run one of the hub's processes."""
    return "-c", f"import sys; sys.argv = ['hub']; from hub import process; process.{call}"
