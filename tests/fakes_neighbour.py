"""A server that others wrote, beside our real processes: admitted by two people, told what to do over HTTP, and heard on both sides."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import aiohttp

from deploy.local.ports import LOOPBACK, free_ports
from hub.federation import positions
from hub.registry import admission, declaring
from hub.registry.declarations import Declaration, DeclaredOrganisation
from schemas.application_faults import check, sign
from schemas.envelope import object_id
from schemas.keys import SigningKey
from tests.fakes_application import CHARTER, peer_draft
from tests.fakes_federation import approve, present
from tests.fakes_streams import PATIENCE, Running, becomes, headers_of
from tests.hub_world import COMMUNITY, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from aiokafka import ConsumerRecord

    from hub.federation.delivery import Scheme
    from hub.unit_of_work import UnitOfWork
    from tests.fakes_streams import Hub

MINISTRY = "wifip"
PROCESSES = (("worker", "inbound"), ("worker", "peers"), ("worker", "fanout"), ("relay",), ("courier",), ("peer-door",))


@dataclass
class Neighbour:
    """Our hub, the server beside it, and who speaks between them."""

    here: str
    there: str
    world: World
    hub: Hub
    session: aiohttp.ClientSession

    @property
    def group(self) -> str:
        """Our community, as it is followed."""
        return f"{self.here}/groups/{COMMUNITY}"

    @property
    def ministry(self) -> str:
        """The actor in whose name our agents' messages go out."""
        return f"{self.here}/nodes/{MINISTRY}"

    @property
    def peer(self) -> str:
        """The other server, as the registry names it."""
        return self.there.partition("://")[2]

    async def tell(self, order: str, **said: Any) -> Any:
        """It does something."""
        async with self.session.post(f"{self.there}/told/{order}", json=said) as answer:
            assert answer.status == 200, (order, await answer.text(), (self.hub.folder / "neighbour.log").read_text()[-3000:])
            return await answer.json()

    async def shows(self, path: str) -> Any:
        """What it tells the test of itself."""
        async with self.session.get(self.there + path) as answer:
            return await answer.json()

    async def ministry_says(self, native: str, words: str) -> str:
        """A ministry posts; the address of its Note, once it is there."""
        await self.hub.publish(self.world.posted(MINISTRY, native, words))
        note = f"{self.here}/notes/{object_id(MINISTRY, native)}"
        await answering(self.session, note)
        return note

    async def remembered(self) -> Scheme | None:
        """The signature by which our courier begins there."""
        async with self.world.engine.connect() as connection:
            found = (await positions.standings(connection)).get(self.peer)
        return None if found is None else found.scheme

    async def heard(self, kind: str, fits: Callable[[dict[str, Any]], bool] = lambda _: True) -> dict[str, Any]:
        """The first event of a kind on its way to a ministry."""

        def those(records: list[ConsumerRecord]) -> list[dict[str, Any]]:
            facts = [json.loads(one.value) for one in records if headers_of(one)["ce_type"] == f"fr.gouv.rse.{kind}.v1"]
            return [fact for fact in facts if fits(fact)]

        return those(await self.hub.read(f"node.{MINISTRY}.outbound.v1", lambda found: bool(those(found))))[0]


N = TypeVar("N", bound=Neighbour)


@asynccontextmanager
async def beside(made: type[N], hub: Hub, command: Sequence[str], admit: Callable[[str, UnitOfWork], Awaitable[None]]) -> AsyncIterator[N]:
    """All processes that federation needs, and a server that `command`, with a port behind it, starts on that port."""
    door, theirs = free_ports(2)
    here, there = f"http://{LOOPBACK}:{door}", f"http://{LOOPBACK}:{theirs}"
    world = await World.make(hub.database_url)
    try:
        hub.prepare(world)
        async with world.engine.begin() as connection:
            await connection.exec_driver_sql("UPDATE hub.communities SET audience = 'public'")
        await world.tie(MINISTRY)
        await world.work(partial(admit, there.partition("://")[2]))
        await _start(hub, here, door)
        hub.processes.append(Running("neighbour", [*command, str(theirs)], {}, hub.folder, hub.folder))
        async with aiohttp.ClientSession() as session:
            await answering(session, f"{here}/readyz", f"{there}/heard")
            yield made(here, there, world, hub, session)
    finally:
        hub.discard()
        await world.close()


async def applying(authority: str, work: UnitOfWork) -> None:
    """Its own manifest, which says that it signs by cavage, and two people's approval."""
    key, now = SigningKey.generate(authority), work.clock()
    said = peer_draft(key, now=now, platform="bovine", peering={"kind": "activitypub", "cavage": True, "networks": []})
    await admission.apply(check(sign(said, key, now), CHARTER, now), work)
    await approve(f"peer/{authority}", work)


async def declared(authority: str, work: UnitOfWork) -> None:
    """Software that signs no manifest: a person declares it, with what it is, and two people approve. It may not sign by cavage."""
    said = Declaration(authority=authority, organisation=DeclaredOrganisation(name="Observatoire"), cavage=False, issued=work.clock())
    await declaring.declare(said, "Ce logiciel ne signe pas de manifeste.", await present(work), work)
    await approve(f"peer/{authority}", work)


async def _start(hub: Hub, here: str, port: int) -> None:
    """The keys by our own command line, then every process."""
    hub.environment |= {
        "TRAITDUNION_FEDERATION_URL": here,
        "TRAITDUNION_FEDERATION_PORT": str(port),
        "TRAITDUNION_FEDERATION_KEY": str(hub.folder / "federation.pem"),
        "TRAITDUNION_FEDERATION_RSA_KEY": str(hub.folder / "federation-rsa.pem"),
        "TRAITDUNION_FEDERATION_LOOPBACK": "true",
    }
    for kind in ("federation", "federation-rsa"):
        assert await hub.start(kind, "-m", "hub", "keys", "generate", kind, str(hub.folder / f"{kind}.pem"), "--clear").ended() == 0
    public = SigningKey.load("x", hub.folder / "federation.pem").public.multibase
    hub.environment["TRAITDUNION_FEDERATION_ANCHOR"] = public
    for words in PROCESSES:
        hub.start("-".join(words), "-m", "hub", *words)


async def answering(session: aiohttp.ClientSession, *urls: str) -> None:
    """Wait until each of them is there."""

    async def well(url: str) -> bool:
        try:
            async with session.get(url) as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    for url in urls:
        await becomes(partial(well, url), wanted=True)


async def found(ask: Callable[[], Awaitable[list[dict[str, Any]]]]) -> dict[str, Any]:
    """The first that there is, once there is one."""
    those = await ask()
    async with asyncio.timeout(PATIENCE):
        while not those:
            await asyncio.sleep(0.1)
            those = await ask()
    return those[0]
