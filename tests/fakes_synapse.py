"""The whole way with a real Synapse: the hub's processes, one connector, two homeservers and a Discourse twin, and the people in them."""

from __future__ import annotations

import asyncio
import secrets
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self

import asyncpg
import yaml
from aiohttp import ClientError, ClientSession, ClientTimeout
from nacl.public import PrivateKey

from deploy.demo.spaces import Forum, Room
from deploy.local import ports
from deploy.local.application_service import ApplicationService
from deploy.local.matrix_user import MatrixUser
from deploy.local.process import Process, Program
from deploy.local.synapse import LocalSynapse
from hub.communities.service import open_community
from hub.operations import topics as operations
from hub.operations.broker import administrator
from hub.registry.service import propose_tie
from hub.storage.engine import engine_for
from hub.unit_of_work import Rules, transaction
from schemas import topics
from schemas.keys import SigningKey
from schemas.wire.kafka import KafkaSettings, TopicNames
from schemas.words import Audience
from tests import fakes_federation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from hub.unit_of_work import UnitOfWork

PATIENCE: Final = 180.0
FIRST_CATEGORY: Final = 97
BOT: Final = "traitdunion"
LIKER: Final = "autres"
HURRIED: Final[Mapping[str, Any]] = {
    "rc_message": {"per_second": 2, "burst_count": 5},
    "rc_invites": {"per_room": {"per_second": 2, "burst_count": 2}, "per_user": {"per_second": 2, "burst_count": 2}},
    "rc_joins_per_room": {"per_second": 2, "burst_count": 2},
}
"""The limits of the second homeserver, which holds our application service to them like everybody."""


@dataclass
class Ministry:
    """One node: its RSE's address and how its connector is told of it."""

    node: str
    organisation: str
    platform: str
    key: SigningKey
    url: str = ""
    spaces: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    webhook_secret: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    api_secret: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    offered: list[str] = field(default_factory=list)
    """Spaces that may federate beside those that are tied from the start."""
    settings: dict[str, Any] = field(default_factory=dict)
    """What else its connector is told."""

    @classmethod
    def of(cls, node: str, organisation: str, platform: str, **options: str) -> Self:
        return cls(node, organisation, platform, SigningKey.generate(node), options=options)

    def described(self, folder: Path) -> dict[str, Any]:
        path = folder / f"{self.node}.pem"
        self.key.save(path)
        return {
            "node": self.node, "organisation": self.organisation, "platform": self.platform, "url": self.url, "options": self.options,
            "webhook_secret": self.webhook_secret, "api_secret": self.api_secret, "signing_key": str(path),
            "spaces": [*self.spaces.values(), *self.offered], **self.settings,
        }  # fmt: skip


class Whole:
    """Everything that runs. `rooms` is what is made in the first homeserver: community → what is asked of `createRoom`."""

    def __init__(self, folder: Path, kafka: str, prefix: str, database: str, rooms: Mapping[str, Mapping[str, Any]]) -> None:
        self.folder, self._kafka, self._prefix, self._database, self._asked = folder, kafka, prefix, database, rooms
        self._gateway_port, self._site_port, self._door_port, self._forum_port = ports.free_ports(4)
        self._hub_key, self._operators_key = SigningKey.generate("hub"), PrivateKey.generate()
        self.education = Ministry.of("education", "Éducation nationale", "matrix", server_name="tchap.example", bot=BOT)
        self.research = Ministry.of("recherche", "Recherche", "matrix", server_name="recherche.example", bot=BOT)
        self.finances = Ministry.of("wifip", "Finances publiques", "discourse", api_username=BOT, like_username=LIKER)
        self.synapse = self._homeserver(self.education, limited=False)
        self.hurried = self._homeserver(self.research, limited=True)
        self._stack = AsyncExitStack()
        self._engine = engine_for(database)

    @property
    def ministries(self) -> Sequence[Ministry]:
        return (self.education, self.research, self.finances)

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    # --- people ---------------------------------------------------------------------------------------------------------

    def room(self, community: str) -> Room:
        """Claire in her ministry's room."""
        return Room(self.claire, self.education.spaces[community])

    def elsewhere(self, community: str) -> Room:
        """Luc in the room of the other homeserver."""
        return Room(self.luc, self.research.spaces[community])

    def forum(self, community: str) -> Forum:
        """Camille in her ministry's category."""
        return Forum(self.http, self.finances.url, self.finances.api_secret, "camille", self.finances.spaces[community])

    async def numbered(self, community: str) -> list[str]:
        """The words of a community's messages in the hub's order."""
        rows = await self.ask("SELECT html FROM hub.messages WHERE community = $1 ORDER BY first_sequence", community)
        return [row["html"] for row in rows]

    async def refused(self, space: str, reason: str) -> None:
        """Wait until the hub has read a receipt by which the node of that space refused something for this reason."""
        [tie] = await self.ask("SELECT node, community FROM hub.ties WHERE space = $1", space)
        query = "SELECT 1 FROM hub.deliveries WHERE node = $1 AND community = $2 AND verdict = 'refused' AND reason = $3"
        await seen(lambda: self.ask(query, tie["node"], tie["community"], reason), bool)

    async def cooked(self, words: str) -> str:
        """The HTML of the forum's post that holds these words."""
        async with self.http.get(f"{self.finances.url}/twin/posts") as answer:
            return str(next((post["cooked"] for post in await answer.json() if words in post["cooked"]), ""))

    # --- what operators know ----------------------------------------------------------------------------------------------

    async def ask(self, sql: str, *values: Any) -> list[Any]:
        connection = await asyncpg.connect(self._database)
        try:
            return list(await connection.fetch(sql, *values))
        finally:
            await connection.close()

    async def tie(self, space: str) -> tuple[str, str | None]:
        """A tie's state and reason, as the hub's page and `ties list` show them."""
        [found] = await self.ask("SELECT state, reason FROM hub.ties WHERE space = $1", space)
        return found["state"], found["reason"]

    async def propose(self, ministry: Ministry, space: str, community: str, *, opening: bool = False) -> None:
        """What an operator asks of a ministry."""
        if opening:
            await self._work(partial(open_community, community, community, Audience.MEMBERS))
        await self._work(partial(propose_tie, ministry.node, space, community))

    async def counted(self, sample: str) -> float:
        """A sample of the connector's metrics page."""
        async with self.http.get(f"http://{ports.LOOPBACK}:{self._gateway_port}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(sample))

    # --- its parts ----------------------------------------------------------------------------------------------------------

    async def _start(self) -> None:
        self.http = await self._stack.enter_async_context(ClientSession(timeout=ClientTimeout(total=120)))
        self._stack.push_async_callback(self._engine.dispose)
        async with asyncio.TaskGroup() as group:
            for server in (self.synapse, self.hurried):
                self._stack.push_async_callback(asyncio.to_thread, server.stop)
                group.create_task(asyncio.to_thread(server.start))
            group.create_task(asyncio.to_thread(self._lay_topics))
            group.create_task(self._open_forum())
        self._run("up", [sys.executable, "-m", "hub", "up", "--logs", str(self.folder / "logs")])
        await self._furnish()
        await self._admit()
        self.start_connector()
        await self._ready()
        for ministry in self.ministries:
            for community, space in ministry.spaces.items():
                await self.propose(ministry, space, community)
        wanted = sum(len(ministry.spaces) for ministry in self.ministries)
        await seen(lambda: self.ask("SELECT 1 FROM adapters.ties WHERE state = 'confirmed'"), lambda found: len(found) == wanted)

    def start_connector(self) -> None:
        """Start the connector of all three ministries, on what its ledger remembers."""
        path = self.folder / "instances.yaml"
        described = {ministry.node: ministry.described(self.folder) for ministry in self.ministries}
        path.write_text(yaml.safe_dump({"instances": described}, allow_unicode=True))
        self.connector = self._run("connector", [sys.executable, "-m", "adapters", "run"])

    def _run(self, name: str, command: list[str]) -> Process:
        process = Process(Program(name, command, self.folder / "logs" / f"{name}.log", self._environment(), death_signal=signal.SIGTERM))
        self._stack.push_async_callback(asyncio.to_thread, process.stop)
        return process

    def _homeserver(self, ministry: Ministry, *, limited: bool) -> LocalSynapse:
        url = f"http://{ports.LOOPBACK}:{self._gateway_port}/webhooks/{ministry.node}"
        service = ApplicationService(url, as_token=ministry.api_secret, hs_token=ministry.webhook_secret, rate_limited=limited)
        limits = HURRIED if limited else {}
        server = LocalSynapse(self.folder / ministry.node, [service], ministry.options["server_name"], limits=limits)
        ministry.url = server.url
        return server

    def _lay_topics(self) -> None:
        settings = KafkaSettings(bootstrap=self._kafka)
        wanted = [*topics.STATIC, *(topic for ministry in self.ministries for topic in topics.of_node(ministry.node))]
        with administrator(settings) as admin:
            operations.apply(admin, wanted, TopicNames(topic_prefix=self._prefix), settings)

    async def _open_forum(self) -> None:
        ours = self.finances
        ours.url = f"http://{ports.LOOPBACK}:{self._forum_port}"
        ours.spaces = {community: str(number) for number, community in enumerate(self._asked, FIRST_CATEGORY)}
        words = ["--port", str(self._forum_port), "--state", str(self.folder / "forum.db"), "--api-key", ours.api_secret, "--rate", "0"]
        words += ["--webhook", f"http://{ports.LOOPBACK}:{self._gateway_port}/webhooks/{ours.node}", "--secret", ours.webhook_secret]
        words += [word for name, number in ours.spaces.items() for word in ("--restricted-category", f"{number}:{name}")]
        words += ["--user", "camille:Camille Roux", "--user", f"{LIKER}:Autres ministères"]
        twin = self._run("forum", [sys.executable, "-m", "adapters.discourse.twin", *words])
        await asyncio.to_thread(twin.wait_until, lambda: ports.answers(self._forum_port), PATIENCE)

    async def _furnish(self) -> None:
        """People, and the rooms into which they invite the bot."""
        self.claire = await MatrixUser.register(self.http, self.education.url, "claire", "Claire Moreau")
        self.bob = await MatrixUser.register(self.http, self.education.url, "bob", "Bob Diallo")
        self.luc = await MatrixUser.register(self.http, self.research.url, "luc", "Luc Petit")
        invited = [f"@{BOT}:tchap.example", self.bob.user_id]
        for community, asked in self._asked.items():
            room = await self.claire.create_room(community, invite=invited, **asked)
            await self.bob.join(room)
            self.education.spaces[community] = room
        secret = {"type": "m.room.encryption", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}
        self.encrypted = await self.claire.create_room("Chiffré", invite=invited, initial_state=[secret])
        self.education.offered.append(self.encrypted)
        first = next(iter(self._asked))
        self.research.spaces[first] = await self.luc.create_room(first, invite=[f"@{BOT}:recherche.example"], version="12")

    async def _admit(self) -> None:
        for ministry in self.ministries:
            await self._work(partial(fakes_federation.admit, ministry.key, name=ministry.organisation, platform=ministry.platform))
        for community in self._asked:
            await self._work(partial(open_community, community, community, Audience.MEMBERS))

    async def _work(self, use: Callable[[UnitOfWork], Awaitable[Any]]) -> None:
        rules = Rules(self._hub_key, lambda: datetime.now(UTC), timedelta(seconds=60), timedelta(hours=48), timedelta(days=30))
        async with transaction(self._engine, rules) as work:
            await use(work)
            await work.commit()

    async def _ready(self) -> None:
        doors = [f"http://{ports.LOOPBACK}:{port}/readyz" for port in (self._site_port, self._gateway_port)]
        await seen(lambda: asyncio.gather(*map(self._well, doors)), all)

    async def _well(self, url: str) -> bool:
        try:
            async with self.http.get(url) as answer:
                return answer.status == 200
        except (ClientError, OSError, TimeoutError):
            return False

    def _environment(self) -> dict[str, str]:
        hub_key = self.folder / "hub.pem"
        self._hub_key.save(hub_key)
        site = f"http://{ports.LOOPBACK}:{self._site_port}"
        return {
            "TRAITDUNION_KAFKA_BOOTSTRAP": self._kafka,
            "TRAITDUNION_TOPIC_PREFIX": self._prefix,
            "TRAITDUNION_DATABASE_URL": self._database,
            "TRAITDUNION_LEDGER_URL": self._database,
            "TRAITDUNION_SIGNING_KEY": str(hub_key),
            "TRAITDUNION_OPERATORS_KEY": bytes(self._operators_key.public_key).hex(),
            "TRAITDUNION_REGISTRY_ANCHOR": self._hub_key.public.multibase,
            "TRAITDUNION_REGISTRY_URL": f"{site}/.well-known/traitdunion/registry",
            "TRAITDUNION_HUB_URL": site,
            "TRAITDUNION_SITE_PORT": str(self._site_port),
            "TRAITDUNION_DOOR_PORT": str(self._door_port),
            "TRAITDUNION_GATEWAY_PORT": str(self._gateway_port),
            "TRAITDUNION_INSTANCES": str(self.folder / "instances.yaml"),
            "TRAITDUNION_METRICS_PORT": "0",
        }


async def seen(look: Callable[[], Awaitable[Any]], fits: Callable[[Any], Any]) -> Any:
    """What is seen as soon as it is as it should be."""
    end = asyncio.get_running_loop().time() + PATIENCE
    while True:
        found = await look()
        if fits(found):
            return found
        assert asyncio.get_running_loop().time() < end, found
        await asyncio.sleep(0.1)
