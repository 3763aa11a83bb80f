"""The commands of docker-compose.yml, its own words in its own order, as processes of this machine: only addresses and paths are replaced.

The lines of a shell are typed into one process. No container engine is needed, and none is tried: what an engine adds (images, users, networks, limits) is checked as text in
tests/conformance/test_compose.py.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psutil
import pytest
from aiohttp import ClientSession

from deploy.compose.healthy import is_well
from deploy.demo.operator import Operator
from deploy.local.ports import LOOPBACK, free_ports
from deploy.local.postgres import _binaries
from deploy.local.process import Process, Program, run
from tests.fakes_compose import CLONE, RUN, STATE, Service, here, services
from tests.fakes_streams import becomes, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.local.postgres import LocalPostgres
    from tests.servers import Kafka

pytestmark = pytest.mark.long

BIN = Path(sys.executable).parent
ROOM = "!futurs-publics:tchap.example"
MEASURED = {"prometheus", "grafana"}
TEXT = "Bonjour à tous, voici notre nouvelle pratique."
READY_WITHIN = 180.0  # seconds: a dozen processes begin at once


class Machine:
    """What an engine would do with the file, on this machine."""

    def __init__(self, folder: Path, kafka: str, postgres: str, prefix: str) -> None:
        self.folder, self.prefix = folder, prefix
        self.services = {name: found for name, found in services().items() if name not in MEASURED}
        ours = [name for name, found in self.services.items() if found.ours and _port(found)]
        self.ports = dict(zip(ours, free_ports(len(ours)), strict=True))
        more = [(name, port) for name in ours for port in _more_ports(self.services[name])]
        self.more = dict(zip(more, map(str, free_ports(len(more))), strict=True))
        self.addresses = [(f"{name}:{_port(self.services[name])}", f"{LOOPBACK}:{port}") for name, port in self.ports.items()]
        self.addresses += [("kafka:9092", kafka), ("postgres:5432", postgres), ("0.0.0.0", LOOPBACK), (RUN, str(folder / "run"))]  # noqa: S104 - a word to replace
        self.done = {name: asyncio.Event() for name in self.services}
        self.running: list[Process] = []

    def places(self, service: Service) -> list[tuple[str, str]]:
        """How this service's words are said here."""
        states = [(STATE, str(self.folder / mount.volume)) for mount in service.mounts if mount.target == STATE]
        own = [(str(_port(service)), str(self.ports[service.name]))] if service.name in self.ports else []
        return [*self.addresses, *states, *own, *((port, free) for (name, port), free in self.more.items() if name == service.name)]

    def program(self, service: Service, words: list[str] | None = None) -> Program:
        places = self.places(service)
        said = words or [*service.said.get("entrypoint", []), *service.said["command"]]
        command = [here(word, places) for word in said]
        environment = {name: here(value, places) for name, value in service.environment.items()}
        environment |= {"TRAITDUNION_TOPIC_PREFIX": self.prefix, "PATH": f"{BIN}:{os.environ['PATH']}"}
        environment |= {
            "PYTHONPATH": f"{self.watching()}:{CLONE}",
            "WRITTEN_PATHS": str(self.notes(service)),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        for mount in service.mounts:
            Path(here(mount.target, places)).mkdir(parents=True, exist_ok=True)
        return Program(service.name, command, self.folder / f"{service.name}.log", environment, folder=self.folder)

    def watching(self) -> Path:
        """A folder that has each of our processes note what it writes."""
        folder = self.folder / "watching"
        folder.mkdir(exist_ok=True)
        (folder / "sitecustomize.py").write_text((CLONE / "tests" / "probes_written_paths.py").read_text())
        return folder

    def notes(self, service: Service) -> Path:
        """Where a service's processes note what they write."""
        return self.folder / f"{service.name}.written"

    def written_elsewhere(self, service: Service) -> set[str]:
        """What a service wrote that its container could not have written: its root is read-only, but for its volumes, /tmp and /dev."""
        notes = self.notes(service)
        written = {Path(line) for line in notes.read_text().splitlines()} if notes.exists() else set()
        volumes = [Path(here(mount.target, self.places(service))) for mount in service.mounts if mount.writable]
        temporary = {path for path in written if path.is_relative_to(tempfile.gettempdir()) and not path.is_relative_to(self.folder)}
        devices = {path for path in written if path.is_relative_to("/dev")}
        return {str(path) for path in written - temporary - devices if not any(path.is_relative_to(volume) for volume in volumes)}

    async def follow(self, service: Service) -> None:
        """Wait for what it depends on, run it, and tell those that depend on it."""
        for name in service.after:
            await self.done[name].wait()
        if len(service.commands) > 1:
            await self.type_in(service)
        elif service.once:
            await asyncio.to_thread(run, self.program(service), READY_WITHIN)
        else:
            process = Process(self.program(service))
            self.running.append(process)
            page = here(str(service.health), self.places(service))
            await asyncio.to_thread(process.wait_until, lambda: is_well(page), READY_WITHIN)
        self.done[service.name].set()

    async def type_in(self, service: Service) -> None:
        """A shell's lines one after another, in one process that has its modules read: a new one for each would take half a minute."""
        operator = await Operator.start(self.folder / f"{service.name}.log")
        try:
            await operator.learn(self.program(service).environment)
            for words in service.commands:
                if words[0] == "export":
                    await operator.learn(dict([here(words[1], self.places(service)).split("=", 1)]))
                if words[0] == "traitdunion":
                    await operator.run(*(here(word, self.places(service)) for word in words[1:]))
        finally:
            await operator.close()

    async def up(self) -> None:
        async with asyncio.TaskGroup() as group:
            for service in self.services.values():
                if service.ours and not service.said.get("profiles"):
                    group.create_task(self.follow(service))

    def operator(self, *words: str) -> Any:
        """`docker compose run --rm operator …`, its JSON."""
        program = self.program(self.services["operator"], ["traitdunion", *words])
        told = subprocess.run(program.command, capture_output=True, check=True, env={**os.environ, **program.environment}, timeout=180)  # noqa: S603 - our own command line
        return json.loads(told.stdout)

    def down(self) -> None:
        for process in self.running:
            process.kill()


def _port(service: Service) -> int | None:
    """Where it listens in its container: its health check's port."""
    found = re.search(r":(\d+)/", service.health or "")
    return int(found[1]) if found else None


def _more_ports(service: Service) -> list[str]:
    """Where else it listens, by its settings: a page of measures may be beside what it serves."""
    said = [value for name, value in service.environment.items() if name.endswith("_PORT")]
    return [port for port in said if port != str(_port(service))]


class Databases:
    """The PostgreSQL container's first start: its entrypoint runs our script, with its own variables."""

    def __init__(self, machine: Machine, server: LocalPostgres) -> None:
        self._machine, self._server = machine, server

    async def follow(self) -> None:
        await self._machine.done["vault"].wait()
        host, _, port = _address(self._server).partition(":")
        said = (CLONE / "deploy" / "compose" / "databases.sh").read_text().replace(RUN, str(self._machine.folder / "run"))
        password = re.search(r"://[^:]+:([^@]+)@", self._server.url)
        owner = re.search(r"://([^:]+):", self._server.url)
        assert password
        assert owner
        variables = {
            "PGHOST": host,
            "PGPORT": port,
            "PGPASSWORD": password[1],
            "POSTGRES_USER": owner[1],
            "PATH": f"{_binaries()}:{os.environ['PATH']}",
        }
        await asyncio.to_thread(run, Program("initdb", ["sh", "-eu", "-c", said], self._machine.folder / "postgres.log", variables))
        self._machine.done["postgres"].set()


def _address(server: LocalPostgres) -> str:
    return server.url.partition("@")[2].partition("/")[0]


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file's settings alone."""
    for name in os.environ:
        if name.startswith("TRAITDUNION_"):
            monkeypatch.delenv(name)


@pytest.fixture
def machine(kafka: Kafka, private_postgres: LocalPostgres, topic_prefix: str, tmp_path: Path, clean: None) -> Iterator[Machine]:
    assert clean is None
    found = Machine(tmp_path, kafka.bootstrap, _address(private_postgres), topic_prefix)
    yield found
    found.down()


@pytest.fixture
async def up(machine: Machine, private_postgres: LocalPostgres) -> Machine:
    machine.done["kafka"].set()
    async with asyncio.TaskGroup() as group:
        group.create_task(Databases(machine, private_postgres).follow())
        group.create_task(machine.up())
    return machine


async def test_the_files_commands_in_its_order_bring_a_message_from_one_ministry_to_another(up: Machine) -> None:
    def tied() -> bool:
        return {tie["state"] for tie in up.operator("ties", "list", "--json")} == {"active"}

    await until(tied)
    secret = (up.folder / "run" / "wifip" / "api-secret").read_text().strip()
    async with ClientSession() as session:
        headers = {"Api-Key": secret, "Api-Username": "camille"}
        body = {"title": "Une nouvelle pratique à partager", "raw": TEXT, "category": 97}
        async with session.post(f"http://{LOOPBACK}:{up.ports['twin-wifip']}/posts.json", json=body, headers=headers) as answer:
            assert answer.status == 200

        async def arrived() -> bool:
            async with session.get(f"http://{LOOPBACK}:{up.ports['twin-education']}/twin/rooms/{quote(ROOM)}") as answer:
                return any(TEXT in message["body"] for message in (await answer.json())["messages"])

        await becomes(arrived, wanted=True)
    assert {name: found for name, service in up.services.items() if (found := up.written_elsewhere(service))} == {}
    assert up.notes(up.services["vault"]).stat().st_size
    assert {one.program.name for one in up.running if too_much(one, up.services[one.program.name])} == set()


def too_much(process: Process, service: Service) -> bool:
    """Whether a container's limits would have ended this process, or refused it a thread."""
    running = psutil.Process(process.pid)
    mebibytes = running.memory_info().rss / 1024 / 1024
    return mebibytes > int(service.said["mem_limit"].removesuffix("m")) or running.num_threads() > service.said["pids_limit"]
