"""A hub that signs, and a connector process run inside a test."""

# ruff: noqa: TC001, TC003 - fakes take what their Protocol gives; types are read when tests run
from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import yaml
from aiohttp import web
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from nacl.public import PrivateKey

from adapters import assembly
from adapters.platforms import Platform
from adapters.settings import AdapterSettings
from adapters.spool import Record, SpoolFull
from deploy.local.ports import free_port
from schemas import topics
from schemas.envelope import CanonicalEvent, event_digest, object_id
from schemas.facts.base import Fact
from schemas.facts.message import Author, Content, MessagePosted
from schemas.facts.tie import TieProposed
from schemas.keys import SigningKey
from schemas.manifest import issue
from schemas.proof import UnverifiedEvent, sign_event, timestamp
from schemas.sequence import Sequence as Numbered
from schemas.wire import kafka
from schemas.wire.kafka import KafkaSettings
from schemas.wire.publisher import Place
from schemas.wire.records import new_correlation, texts, to_headers, unverified_event
from schemas.words import Audience
from tests.fakes_door import door_at_work
from tests.fakes_plain import SECRET, SPACE, PlainRse, an_instance, platform_of

COMMUNITY = "futurs-publics"
NOWHERE = "127.0.0.1:1"
"""No broker answers here."""
PATIENCE = 90.0
"""Seconds after which what has not come will not: a machine with other things to do takes long, and who waits in vain fails anyway."""


class NoLedger:
    """A ledger that forgets all it is told: for what is read from memory."""

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[NoLedger]:
        yield self

    async def execute(self, *_: object) -> None:
        return None


@dataclass
class Mouth:
    """What leaves an instance, in order; `ahead` of what waits in its spool, or behind it."""

    said: list[Record] = field(default_factory=list)
    ahead: list[Record] = field(default_factory=list)
    full: bool = False
    ready: bool = True

    async def put(self, records: Sequence[Record]) -> list[Place | None]:
        if self.full:
            raise SpoolFull("rse")
        self.said += records
        return [None] * len(records)

    async def put_ahead(self, records: Sequence[Record]) -> list[Place | None]:
        self.ahead += records
        return await self.put(records)

    def words(self) -> list[str]:
        return [record.event_type.split(".")[-2] for record in self.said]


@dataclass
class Hub:
    """The hub's voice: it signs the registry and what it sends to a node."""

    key: SigningKey = field(default_factory=lambda: SigningKey.generate("hub"))
    nodes: dict[str, SigningKey] = field(default_factory=dict)
    number: int = 0
    version: int = 1
    dates: dict[str, dict[str, str]] = field(default_factory=dict)
    """Key id → the dates of its life, where they are not the usual."""
    more: dict[str, list[SigningKey]] = field(default_factory=dict)
    """Node → its keys beside the first."""
    entries: dict[str, dict[str, str]] = field(default_factory=dict)
    """Node → what the registry says of it, where that is not the usual."""
    called: dict[str, str] = field(default_factory=dict)
    """Node → its ministry's name, where it is not the usual one."""
    _told: tuple[Any, bytes] | None = None

    def registry(self) -> bytes:
        """The document; another version where it says anything else."""
        said = (
            {name: key.key_id for name, key in self.nodes.items()},
            json.dumps([self.dates, self.entries]),
            str((self.more, self.called)),
            self.key.key_id,
        )
        if self._told is None or self._told[0] != (self.version, said):
            self.version += self._told is not None and self._told[0][0] == self.version
            self._told = ((self.version, said), self._signed())
        return self._told[1]

    def _signed(self) -> bytes:
        now = datetime.now(UTC)
        entry = {"organisation": "Ministère", "platform": "plain", "grade": "full"}

        def keys(key: SigningKey) -> list[dict[str, str]]:
            return [
                {"id": one.key_id, "publicKeyMultibase": one.public.multibase}
                | self.dates.get(one.key_id, {"activeFrom": "2020-01-01T00:00:00Z"})
                for one in (key, *self.more.get(key.owner, ()))
            ]

        document = {
            "type": "TraitDUnionRegistry", "version": self.version, "issued": timestamp(now), "expires": timestamp(now + timedelta(days=1)),
            "hub": {"id": "hub", **entry, "keys": keys(self.key)},
            "nodes": [
                {"id": name, **entry, **self.entries.get(name, {}), **self._named(name), "keys": keys(key)} for name, key in self.nodes.items()
            ],
            "federation": keys(self.key),
        }  # fmt: skip
        return issue(document, self.key, now)

    def _named(self, node: str) -> dict[str, str]:
        return {"organisation": self.called[node]} if node in self.called else {}

    def numbered(self, event: CanonicalEvent, node: str, space: str = SPACE) -> dict[str, str]:
        self.number += 1
        place = Numbered(event_digest(event.attributes), COMMUNITY, self.number, {node: space}, datetime.now(UTC))
        return place.signed(self.key)

    def proposal(self, node: str, space: str = SPACE) -> CanonicalEvent:
        fact = TieProposed(node=node, space=space, title="Futurs Publics", audience=Audience.MEMBERS)
        return said_by(self.key, fact, f"tie:{node}:{space}", community=COMMUNITY)


def said_by(
    key: SigningKey,
    fact: Fact,
    native_id: str,
    *,
    marker: str = "1",
    community: str = COMMUNITY,
    parent: str | None = None,
    history: str | None = None,
) -> CanonicalEvent:
    return sign_event(
        key, fact, subject=object_id(key.owner, native_id), time=datetime.now(UTC), platform="plain", native_id=native_id,
        change_marker=marker, actor="a", audience=Audience.MEMBERS, community=community, parent=parent,
        history=history,
    )  # fmt: skip


def posted(text: str = "Bonjour", ministry: str = "Éducation") -> MessagePosted:
    return MessagePosted(space="ailleurs", author=Author(name="Bob", organisation=ministry), content=Content(html=text, text=text))


@dataclass
class Rig:
    """A connector process at work beside a test: its gateway, its RSE, its Kafka and its ledger."""

    bootstrap: str
    prefix: str
    database_url: str
    folder: Path
    rse: PlainRse = field(default_factory=PlainRse)
    hub: Hub = field(default_factory=Hub)
    node: str = "wifip"
    spool_limit: int = 100
    port: int = 0
    sealing: PrivateKey = field(default_factory=PrivateKey.generate)
    registry_url: str = ""
    instance: dict[str, Any] = field(default_factory=dict)
    """What its settings say beside the usual."""
    find: Callable[[str], Platform] | None = None
    """Where connectors are found, if not in memory."""
    door: str = ""
    kept_port: int = 0
    """Where the gateway listens at each run, if not anywhere."""

    @property
    def kafka(self) -> KafkaSettings:
        return KafkaSettings(bootstrap=self.bootstrap)

    async def prepare(self) -> None:
        """Topics and keys: all that must be there before a process starts, beside the tables."""
        await self._make_topics()
        instance = an_instance(self.folder, self.node, **self.instance)
        self.hub.nodes[self.node] = SigningKey.load(self.node, instance.signing_key)
        self.hub.nodes["education"] = SigningKey.generate("education")
        secrets_told = {name: getattr(instance, name).get_secret_value() for name in ("webhook_secret", "api_secret")}
        written = instance.model_dump(mode="json") | secrets_told
        (self.folder / "instances.yaml").write_text(yaml.safe_dump({"instances": {"rse": written}}))

    async def _make_topics(self) -> None:
        wanted = (topics.RSE_INBOUND, topics.RSE_RECEIPTS, topics.ADAPTERS_DLQ, *topics.of_node(self.node))
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            await admin.create_topics([NewTopic(self.prefix + topic.name, 1, 1) for topic in wanted])
        finally:
            await admin.close()

    def settings(self) -> AdapterSettings:
        return AdapterSettings(
            instances=self.folder / "instances.yaml", ledger_url=self.database_url, registry_url=self.registry_url,
            registry_anchor=self.hub.key.public.multibase, operators_key=bytes(self.sealing.public_key).hex(), gateway_port=self.port,
            spool_limit=self.spool_limit, door=self.door,
        )  # fmt: skip

    @asynccontextmanager
    async def registry(self) -> AsyncIterator[None]:
        """Serve the hub's registry document."""

        async def document(_: web.Request) -> web.Response:
            return web.Response(body=self.hub.registry())

        app = web.Application()
        app.router.add_get("/registry", document)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.registry_url = f"http://127.0.0.1:{runner.addresses[0][1]}/registry"
        try:
            yield
        finally:
            await runner.cleanup()

    @asynccontextmanager
    async def reached(self, transport: str) -> AsyncIterator[None]:
        """Let the process reach the hub through Kafka, or through the hub's door alone: no broker answers where it would look."""
        if transport == "kafka":
            yield
            return
        async with door_at_work(self.bootstrap, self.prefix, self.hub.registry, self.hub.key.public.multibase) as (url, _):
            self.door = url
            yield

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the process until the block ends."""
        self.port = self.kept_port or free_port()
        stop = asyncio.Event()
        task = asyncio.create_task(assembly.run(self.settings(), find=self.find or platform_of(self.rse), stop=stop))
        try:
            await self._ready(task)
            yield
        finally:
            stop.set()
            await asyncio.wait([task], timeout=PATIENCE)
            assert task.done(), "the process does not stop"
            if not task.cancelled() and task.exception() is not None:
                raise task.exception() or AssertionError

    async def _ready(self, task: asyncio.Task[None]) -> None:
        async with aiohttp.ClientSession() as session, asyncio.timeout(PATIENCE):
            while True:
                if task.done():
                    await task
                try:
                    async with session.get(f"http://127.0.0.1:{self.port}/healthz") as response:
                        if response.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.05)

    async def post(self, said: dict[str, Any] | bytes, *, token: str = SECRET, instance: str = "rse") -> aiohttp.ClientResponse:
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        url = f"http://127.0.0.1:{self.port}/webhooks/{instance}"
        async with aiohttp.ClientSession() as session, session.post(url, data=body, headers={"x-token": token}) as response:
            await response.read()
            return response

    async def deliver(self, *events: CanonicalEvent, extra: Sequence[dict[str, str]] | None = None) -> None:
        """Put events on the node's topic as the hub does: numbered, unless the hub speaks to the node alone."""
        producer = kafka.producer(self.kafka)
        await producer.start()
        try:
            for place, event in enumerate(events):
                alone = event.attributes["source"] == "hub"
                hub = extra[place] if extra is not None else {} if alone else self.hub.numbered(event, self.node)
                headers = to_headers(event, new_correlation(), hub)
                await producer.send_and_wait(
                    self.prefix + topics.outbound(self.node).name, event.value, COMMUNITY.encode(), headers=headers
                )
        finally:
            await producer.stop()

    async def read(self, topic: str, count: int, seconds: float = PATIENCE) -> list[tuple[dict[str, str], bytes]]:
        """The first records of a topic; raises TimeoutError when they do not come."""
        consumer = kafka.consumer(self.kafka, self.prefix + topic, group=None, auto_offset_reset="earliest")
        await consumer.start()
        found: list[tuple[dict[str, str], bytes]] = []
        try:
            async with asyncio.timeout(seconds):
                while len(found) < count:
                    for records in (await consumer.getmany(timeout_ms=100)).values():
                        found += [(texts(record.headers), record.value) for record in records]
        finally:
            await consumer.stop()
        return found

    async def all_of(self, topic: str) -> list[tuple[dict[str, str], bytes]]:
        """All records that stand on a topic now, to its end: a broker that is slow to answer has not said that there are no more."""
        place = TopicPartition(self.prefix + topic, 0)
        found: list[tuple[dict[str, str], bytes]] = []
        async with kafka.consumer(self.kafka, group=None, auto_offset_reset="earliest") as consumer, asyncio.timeout(PATIENCE):
            consumer.assign([place])
            end = (await consumer.end_offsets([place]))[place]
            while await consumer.position(place) < end:
                for records in (await consumer.getmany(timeout_ms=100)).values():
                    found += [(texts(record.headers), record.value) for record in records]
        return found

    async def receipts(self, count: int) -> list[dict[str, Any]]:
        """The first deliveries that this node has reported."""
        found: list[dict[str, Any]] = []
        for wanted in range(1, count + 1):
            records = await self.read(topics.RSE_RECEIPTS.name, wanted)
            found = [delivery for _, value in records for delivery in json.loads(value)["deliveries"]]
            if len(found) >= count:
                break
        return found

    async def tie(self, space: str = SPACE) -> None:
        """Go through the handshake: the hub proposes, the node accepts."""
        await self.deliver(self.hub.proposal(self.node, space))
        await until(lambda: self.value("SELECT count(*) FROM adapters.ties WHERE state = 'accepted'"), 1)

    async def value(self, sql: str, *given: object) -> Any:
        connection = await asyncpg.connect(self.database_url)
        try:
            return await connection.fetchval(sql, *given)
        finally:
            await connection.close()


async def until(look: Callable[[], Awaitable[Any]], wanted: Any, seconds: float = PATIENCE) -> None:
    """Look until something is as wanted."""
    async with asyncio.timeout(seconds):
        while (seen := await look()) != wanted:
            del seen
            await asyncio.sleep(0.05)


def event_in(headers: dict[str, str], value: bytes) -> UnverifiedEvent:
    return unverified_event(headers, value)
