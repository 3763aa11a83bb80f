"""A hub's own processes on real servers, for tests: started, watched through their logs, killed, and never left behind."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import subprocess
import sys
import time
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from hub.operations import topics as declared
from schemas import topics
from schemas.wire import kafka
from tests import servers
from tests.hub_world import NODES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from aiokafka import AIOKafkaProducer, ConsumerRecord

    from hub.ports import Record
    from tests.hub_world import World

CLONE = Path(__file__).resolve().parents[1]
PATIENCE = 150.0
"""Seconds after which what has not come will not: a machine under load starts six processes in minutes."""
SESSION_SECONDS = "6" if servers.KAFKA_NAMED in os.environ else "3"  # the least that a broker allows: its default, and our own's


def create_topics(bootstrap: str, *names: str) -> None:
    """Topics of one partition."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1) for name in names])
        admin.wait_for_topics(list(names), timeout_ms=60_000)
    finally:
        admin.close()


def delete_topics(bootstrap: str, prefix: str) -> None:
    """Remove what a test made."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        if ours := [topic for topic in admin.list_topics() if topic.startswith(prefix)]:
            admin.delete_topics(ours)
    finally:
        admin.close()


def create_hub_topics(bootstrap: str, prefix: str) -> None:
    """Everything that the hub and three nodes need."""
    wanted = [*topics.STATIC, *(topic for node in NODES for topic in topics.of_node(node))]
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        declared.apply(admin, wanted, kafka.TopicNames(topic_prefix=prefix), kafka.KafkaSettings(bootstrap=bootstrap))
    finally:
        admin.close()


async def until(found: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Ask again and again; returns the first answer that is true, or fails."""
    deadline = time.monotonic() + seconds
    while not (answer := found()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        await asyncio.sleep(0.05)
    return answer


async def becomes(ask: Callable[[], Awaitable[Any]], wanted: Any, seconds: float = PATIENCE) -> None:
    """Ask a server again and again until it answers what is wanted, or fail."""
    deadline = time.monotonic() + seconds
    while (answer := await ask()) != wanted:
        assert time.monotonic() < deadline, f"{answer!r}, not {wanted!r}, within {seconds} s"
        await asyncio.sleep(0.1)


class Running:
    """One process of ours, its output in a file: a pipe that nobody reads stops its writer."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], folder: Path, place: Path = CLONE) -> None:
        self.log = folder / f"{name}.log"
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                command, env={**os.environ, **environment}, cwd=place, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def said(self, event: str) -> list[dict[str, Any]]:
        """The log lines of one event."""
        return said(self.log, event)

    async def ended(self, seconds: float = PATIENCE) -> int:
        """Wait for its end; returns the exit code."""
        code: int = await asyncio.to_thread(self._process.wait, seconds)
        return code

    def send(self, number: int) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    async def stop(self) -> int:
        """End it politely."""
        self._process.terminate()
        return await self.ended()

    def discard(self) -> None:
        """End it, and those that it started, at once."""
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self._process.pid).children(recursive=True):
                child.kill()
        self._process.kill()
        self._process.wait(PATIENCE)


class Streams:
    """The topics of one test's hub, and its processes."""

    def __init__(self, bootstrap: str, database_url: str, prefix: str, folder: Path) -> None:
        self.bootstrap = bootstrap
        self.database_url = database_url
        self.prefix = prefix
        self.folder = folder
        self.settings = kafka.KafkaSettings(bootstrap=bootstrap)
        self.environment = {
            "TRAITDUNION_KAFKA_BOOTSTRAP": bootstrap,
            "TRAITDUNION_DATABASE_URL": database_url,
            "TRAITDUNION_TOPIC_PREFIX": prefix,
            "TRAITDUNION_SIGNING_KEY": str(folder / "hub.pem"),
            "TRAITDUNION_METRICS_PORT": "0",
        }
        self.processes: list[Running] = []

    def prepare(self, world: World) -> None:
        """Create the topics and hand the hub's key over."""
        create_hub_topics(self.bootstrap, self.prefix)
        world.hub_key.save(self.folder / "hub.pem")

    def start(self, name: str, *command: str, **environment: str) -> Running:
        """Start `python command…`."""
        running = Running(name, [sys.executable, *command], {**self.environment, **environment}, self.folder)
        self.processes.append(running)
        return running

    def discard(self) -> None:
        """Leave nothing behind."""
        for running in self.processes:
            running.discard()

    @asynccontextmanager
    async def producer(self) -> AsyncIterator[AIOKafkaProducer]:
        """A ministry's producer."""
        sender = kafka.producer(self.settings)
        try:
            await sender.start()
            yield sender
        finally:
            await sender.stop()

    async def publish(self, *records: Record, topic: topics.Topic = topics.RSE_INBOUND, partition: int | None = None) -> None:
        """What ministries publish, in order."""
        async with self.producer() as sender:
            sent = [await self._send(sender, record, topic, partition) for record in records]
            await asyncio.gather(*sent)

    async def _send(self, sender: AIOKafkaProducer, record: Record, topic: topics.Topic, partition: int | None) -> Any:
        headers = list(record.headers)
        return await sender.send(self.prefix + topic.name, key=record.key, value=record.value, headers=headers, partition=partition)

    async def read(self, topic: str, enough: Callable[[list[ConsumerRecord]], bool], seconds: float = PATIENCE) -> list[ConsumerRecord]:
        """All records of a topic from its beginning until there are enough."""
        found: list[ConsumerRecord] = []
        deadline = time.monotonic() + seconds
        async with kafka.consumer(self.settings, self.prefix + topic, group=None, auto_offset_reset="earliest") as reader:
            while not enough(found):
                assert time.monotonic() < deadline, f"{len(found)} records of {topic} within {seconds} s"
                for batch in (await reader.getmany(timeout_ms=200)).values():
                    found += batch
        return found

    async def committed(self, group: str, topic: str, partition: int = 0) -> int | None:
        """Where a group stands."""
        return await committed(self.bootstrap, self.prefix + group, self.prefix + topic, partition)


async def committed(bootstrap: str, group: str, topic: str, partition: int = 0) -> int | None:
    """Where a group stands on the broker."""
    settings = kafka.KafkaSettings(bootstrap=bootstrap)
    while True:
        try:
            async with kafka.consumer(settings, group=group) as reader:
                offset: int | None = await reader.committed(TopicPartition(topic, partition))
                return offset
        except KafkaError:  # the first group to come sees no coordinator for a moment
            await asyncio.sleep(0.2)


def headers_of(record: ConsumerRecord) -> dict[str, str]:
    """A record's headers as text."""
    return {name: raw.decode() for name, raw in record.headers}


def children(pid: int) -> list[psutil.Process]:
    """The processes that one started."""
    return list(psutil.Process(pid).children(recursive=True))


class Hub(Streams):
    """Hub processes under their supervisor, each of which can be told to die at a step."""

    def up(self, *names: str) -> Running:
        """Start them."""
        self.deaths = self.folder / "deaths"
        self.deaths.mkdir(exist_ok=True)
        self.supervisor = self.start(
            "supervisor",
            "-m",
            "tests.probes_hub",
            "up",
            *names,
            DEATHS=str(self.deaths),
            LOGS=str(self.folder),
            SESSION_SECONDS=SESSION_SECONDS,
        )
        return self.supervisor

    def lines(self, name: str, event: str) -> list[dict[str, Any]]:
        """What one of them said."""
        return said(self.folder / f"{name}.log", event)

    async def ready(self, *names: str) -> None:
        """Wait until these have started."""
        for name in names:
            await until(functools.partial(self.lines, name, "relay_started" if name == "relay" else "worker_ready"))

    def kill_at(self, *steps: str) -> None:
        """Let processes die the next time they come to these steps."""
        for step in steps:
            (self.deaths / step).touch()

    async def died(self, *steps: str) -> None:
        """Wait until they have."""
        await until(lambda: not any((self.deaths / step).exists() for step in steps))


async def way_of(streams: Streams, world: World, wanted: Sequence[str], node: str = "education") -> list[ConsumerRecord]:
    """The records of a node's topic once all the wanted events are there; what comes twice must be the same twice, in order."""
    names = set(wanted)
    records = await streams.read(f"node.{node}.outbound.v1", lambda found: names <= {headers_of(one)["ce_id"] for one in found})
    numbered: dict[int, str] = {}
    for record in records:
        texts = headers_of(record)
        if "hub_sequence" in texts:
            number = int(texts["hub_sequence"])
            assert numbered.setdefault(number, texts["ce_id"]) == texts["ce_id"]
    firsts = list(numbered)
    assert firsts == sorted(firsts), "out of order"
    rows = await world.rows("SELECT sequence, event FROM hub.outbox WHERE sequence IS NOT NULL ORDER BY sequence")
    assert [row["sequence"] for row in rows] == list(range(1, len(rows) + 1)), "a gap, or a number twice"
    assert len({row["event"] for row in rows}) == len(rows), "an effect twice"
    return records


def said(log: Path, event: str) -> list[dict[str, Any]]:
    """The lines of one event in a log."""
    found = []
    for line in log.read_text().splitlines() if log.exists() else ():
        with suppress(ValueError):
            found.append(json.loads(line))
    return [line for line in found if isinstance(line, dict) and line.get("event") == event]
