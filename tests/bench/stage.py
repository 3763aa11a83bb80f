"""What every section stands on: a broker, a database, a hub's world, and measured processes on a core of their own."""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import sys
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import asyncpg
import psutil
from aiokafka import TopicPartition

from deploy.local.process import Process, Program, ServerFailed
from hub.operations import topics as operations
from hub.operations.broker import administrator
from hub.storage.engine import migrate
from schemas import topics
from schemas.wire import kafka
from schemas.wire.kafka import KafkaSettings, TopicNames
from tests import servers
from tests.bench.report import say
from tests.hub_world import World

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence

    from hub.ports import Record
    from schemas.topics import Topic

CLONE = Path(__file__).resolve().parents[2]
CHUNK = 500
PATIENCE = 300.0


@dataclass(frozen=True, slots=True)
class Stage:
    """The servers of a run. The measured process has a core to itself; servers and load generator share the others."""

    bootstrap: str
    postgres: str
    folder: Path
    core: str

    @property
    def kafka(self) -> KafkaSettings:
        return KafkaSettings(bootstrap=self.bootstrap)


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """Start the servers beside the core that is left to what is measured."""
    core = _leave_a_core()
    with servers.kafka_for_tests(folder / "kafka") as broker, servers.postgres_for_tests(folder / "postgres") as postgres:
        yield Stage(broker.bootstrap, postgres, folder, core)


def _leave_a_core() -> str:
    """Keep ourselves, and by inheritance the servers, off the last core; a machine of one core shares it."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
    if len(cores) < 2:
        return "-"
    os.sched_setaffinity(0, cores[:-1])
    return str(cores[-1])


@dataclass
class Scene:
    """One section's own database, topics and processes."""

    stage: Stage
    name: str
    url: str
    names: TopicNames
    world: World
    folder: Path
    processes: list[Process] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """What a process of the hub or of the connectors is told."""
        return {
            "TRAITDUNION_KAFKA_BOOTSTRAP": self.stage.bootstrap,
            "TRAITDUNION_TOPIC_PREFIX": self.names.topic_prefix,
            "TRAITDUNION_DATABASE_URL": self.url,
            "TRAITDUNION_LEDGER_URL": self.url,
            "TRAITDUNION_SIGNING_KEY": str(self.folder / "hub.pem"),
        }

    def start(self, name: str, *words: str, core: str | None = None, **environment: str) -> Process:
        """Start a Python process, by default on the measured core; its output goes to a file."""
        command = [sys.executable, "-m", "tests.bench.pinned", core or self.stage.core, sys.executable, *words]
        program = Program(name, command, self.folder / f"{name}.log", environment=self.environment | environment, folder=CLONE)
        self.processes.append(Process(program))
        return self.processes[-1]

    async def measure(self, name: str, *words: str) -> dict[str, Any]:
        """Run one bare part on the measured core to its end; its last line is what it measured."""
        process = self.start(name, "-m", "tests.bench.parts", *words)
        await until(lambda: process.exit_code is not None, process)
        if process.exit_code != 0:
            raise ServerFailed(name, f"ended with {process.exit_code}", process.program.log)
        return _last_said(process.program.log.read_text())

    async def make_topics(self, *more: Topic) -> None:
        """Create the static topics and some nodes' own, as `traitdunion topics apply` does."""

        def apply() -> None:
            with administrator(self.stage.kafka) as admin:
                operations.apply(admin, (*topics.STATIC, *more), self.names, self.stage.kafka)

        await asyncio.to_thread(apply)

    async def fill(self, topic: Topic, records: Sequence[Record]) -> None:
        """Put records on a topic."""
        producer = kafka.producer(self.stage.kafka)
        await producer.start()
        try:
            for first in range(0, len(records), CHUNK):
                sent = [
                    await producer.send(self.names.of(topic), record.value, record.key, headers=list(record.headers))
                    for record in records[first : first + CHUNK]
                ]
                await asyncio.gather(*sent)
        finally:
            await producer.stop()

    async def ask(self, sql: str) -> list[asyncpg.Record]:
        """Ask the section's database."""
        connection = await asyncpg.connect(self.url)
        try:
            return list(await connection.fetch(sql))
        finally:
            await connection.close()

    def end(self) -> None:
        """Stop every process."""
        for process in reversed(self.processes):
            process.stop(seconds=5)


@asynccontextmanager
async def scene(stage: Stage, name: str) -> AsyncIterator[Scene]:
    """A section's own world; its processes end with it."""
    database = f"bench_{name}_{secrets.token_hex(3)}"
    await _execute(stage.postgres, f'CREATE DATABASE "{database}"')
    url = urlsplit(stage.postgres)._replace(path=f"/{database}").geturl()
    folder = stage.folder / name
    folder.mkdir(parents=True, exist_ok=True)
    await migrate(url)
    made = Scene(stage, name, url, TopicNames(topic_prefix=f"{database}."), await World.make(url), folder)
    made.world.hub_key.save(folder / "hub.pem")
    try:
        yield made
    finally:
        made.end()
        await made.world.close()


@dataclass(frozen=True, slots=True)
class Pace:
    """How something counted went up: from the first sight of progress to the end."""

    records: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.records / self.seconds


async def ends_of(settings: KafkaSettings, names: Sequence[str]) -> AsyncGenerator[int, None]:
    """Again and again, how many records these topics hold together."""
    reader = kafka.consumer(settings, group=None)
    await reader.start()
    try:
        parts = [TopicPartition(name, part) for name in names for part in await _partitions(reader, name)]
        while True:
            yield sum((await reader.end_offsets(parts)).values())
    finally:
        await reader.stop()


async def _partitions(reader: Any, name: str) -> set[int]:
    await reader._client.force_metadata_update()
    reader._client.add_topic(name)
    while (found := reader._client.cluster.partitions_for_topic(name)) is None:
        await reader._client.force_metadata_update()
    return set(found)


async def until(ready: Any, process: Process, seconds: float = PATIENCE) -> None:
    """Wait for something a process will do; raise when it ends badly or takes too long."""
    end = time.monotonic() + seconds
    while not ready():
        if process.exit_code not in {None, 0}:
            raise ServerFailed(process.program.name, f"ended with {process.exit_code}", process.program.log)
        if time.monotonic() > end:
            raise ServerFailed(process.program.name, f"took over {seconds:.0f} s", process.program.log)
        await asyncio.sleep(0.05)


class Busy:
    """Processor seconds that a process has spent since now: what a busy neighbour on the same core cannot change."""

    def __init__(self, process: Process) -> None:
        self._process = psutil.Process(process.pid)
        self._before = self._spent()

    @property
    def seconds(self) -> float:
        return self._spent() - self._before

    def _spent(self) -> float:
        spent = self._process.cpu_times()
        return float(spent.user + spent.system)


class Progress:
    """Times a count on its way to its end, and says so now and then."""

    def __init__(self, what: str, start: int, total: int, process: Process) -> None:
        self._what, self._start, self._total, self._process = what, start, total, process
        self._first: tuple[float, int] | None = None
        self._last: tuple[float, int] = (time.monotonic(), start)
        self._said = self._stalled = time.monotonic()

    def note(self, count: int) -> bool:
        """Note a count; True when the end is reached. Raises when the process ended or stands still."""
        now = time.monotonic()
        if count > self._last[1]:
            self._first = self._first or (now, count)
            self._last, self._stalled = (now, count), now
        if self._process.exit_code is not None or now - self._stalled > PATIENCE / 5:
            raise ServerFailed(self._process.program.name, f"stopped at {count}/{self._total}", self._process.program.log)
        if now - self._said > 5:
            self._said = now
            say(f"    {self._what} : {count - self._start}/{self._total}")
        return count - self._start >= self._total

    @property
    def pace(self) -> Pace:
        """From the first batch seen (not counted: nobody saw it begin) to the last."""
        if self._first is None or self._first == self._last:
            raise ServerFailed(self._process.program.name, "was too quick to be measured", self._process.program.log)
        return Pace(self._last[1] - self._first[1], self._last[0] - self._first[0])


def _last_said(log: str) -> dict[str, Any]:
    """The last line of a log that is a JSON object; terminals' escapes may stand around it."""
    found: dict[str, Any] = json.loads(re.findall(r"\{.*\}", log)[-1])
    return found


async def _execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()
