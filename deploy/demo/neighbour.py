"""A whole hub of another organisation: its own database, topics, keys and people, and a forum of its own tied to a public community."""

from __future__ import annotations

import asyncio
import shlex
import signal
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import yaml

from deploy.demo import manifests
from deploy.demo.federated import CLEAR, Federated, Office, Place
from deploy.demo.instances import described
from deploy.demo.plan import Post, forum_words
from deploy.demo.spaces import Forum
from deploy.local import ports
from deploy.local.ports import LOOPBACK
from deploy.local.process import Process, Program
from schemas.keys import SigningKey

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from aiohttp import ClientSession

    from deploy.demo.cast import Ministry
    from deploy.demo.manifests import Approver
    from deploy.demo.operator import Operator

READY_WITHIN: Final = 180.0
POLL_SECONDS: Final = 0.2
PUBLIC: Final = "public"
HUB: Final = (sys.executable, "-m", "hub")
CONNECTOR: Final = (sys.executable, "-m", "adapters", "run")
FEW: Final = (
    ("worker", "inbound"),
    ("worker", "fanout"),
    ("worker", "receipts"),
    ("worker", "peers"),
    ("relay",),
    ("peer-door",),
    ("courier",),
)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who runs the other hub, and what stands there."""

    name: str
    organisation: str
    siret: str
    community: str
    title: str
    ministry: Ministry
    people: Sequence[Approver]


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports that it takes."""

    site: int
    door: int
    gateway: int
    rse: int


class NotTied(RuntimeError):
    """The forum's space was not tied in time."""


class Neighbour:
    """The other hub; everything that it does goes through its own commands and its own processes."""

    def __init__(self, who: Identity, folder: Path, place: Place, servers: Mapping[str, str], operator: Operator) -> None:
        """`servers` are the settings that lead to its own database and topics."""
        self.who, self.folder, self._http_ports = who, folder, Ports(*ports.free_ports(4))
        self._post: Post | None = None
        self._processes: list[Process] = []
        self._hub: Process | None = None
        self.federated = Federated(who.organisation, who.siret, place, who.people, Office(operator, self._settings(place, servers)))

    @property
    def site(self) -> str:
        """Its pages."""
        return f"http://{LOOPBACK}:{self._http_ports.site}"

    @property
    def post(self) -> Post:
        """Its ministry's place, once its keys are made."""
        if self._post is None:
            raise NotTied("no keys yet")
        return self._post

    def forum(self, http: ClientSession) -> Forum:
        """Its agent in her forum."""
        return Forum(http, self.post.rse_url, self.post.api_secret, self.who.ministry.agent.username, self.who.ministry.space)

    async def found(self) -> None:
        """Keys, tables, topics, people; its ministry admitted; its community open to everybody."""
        run, who = self.federated.office.run, self.who
        self.folder.mkdir(parents=True, exist_ok=True)
        await self._make_keys()
        await run("migrate")
        await run("connector", "migrate")
        await run("topics", "apply")
        for person in who.people:
            said = ("--name", person.name, "--organisation", person.organisation, "--siret", person.siret)
            await run("people", "add", *said, "--token-file", str(self.federated.place.token_of(person)))
        await self._admit_ministry()
        await run("communities", "open", who.community, "--title", who.title, "--audience", PUBLIC)

    def start(self) -> None:
        """Its forum, and all its processes under one supervisor, as its operator has them."""
        self._start_forum()
        self.start_hub()

    def start_hub(self) -> None:
        """The same, where its forum stands already."""
        connector = shlex.join([*(f"{name}={value}" for name, value in self._connector().items()), *CONNECTOR])
        words = [*HUB, "up", "--logs", str(self.logs), "--also", f"connector-{self.who.ministry.node}={connector}"]
        self._hub = self._run(f"up-{self.who.name}", words, signal.SIGTERM)

    async def stop_hub(self) -> None:
        """End all its processes but its forum, as its operator does: doors, workers, relay, courier and connector."""
        if self._hub is not None:
            await asyncio.to_thread(self._hub.stop)

    def start_few(self) -> None:
        """Its forum, and no more processes than a message needs: no pages, no node door, no supervisor."""
        self._start_forum()
        for words in FEW:
            self._run("-".join(words), [*HUB, *words], signal.SIGTERM)
        self._run(f"connector-{self.who.ministry.node}", CONNECTOR, signal.SIGTERM, self._connector())

    @property
    def logs(self) -> Path:
        """Where its processes write."""
        logs = self.folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        return logs

    async def tie(self, http: ClientSession) -> None:
        """Once all is ready, the forum's space is tied by the handshake. Raises NotTied."""
        await self._ready(http)
        ministry, run = self.who.ministry, self.federated.office.run
        await run("ties", "propose", ministry.node, ministry.space, self.who.community)
        async with asyncio.timeout(READY_WITHIN):
            while '"active"' not in await run("ties", "list", "--json"):  # noqa: ASYNC110 - other processes tell nobody when they change
                await asyncio.sleep(POLL_SECONDS)

    async def stop(self) -> None:
        """End its processes: first what works, then what it works on."""
        await asyncio.gather(*(asyncio.to_thread(process.stop) for process in reversed(self._processes)))

    def _start_forum(self) -> None:
        forum = [sys.executable, "-m", "adapters.discourse.twin", "--port", str(self.post.rse_port)]
        forum += ["--state", str(self.folder / "rse.db"), "--api-key", self.post.api_secret, "--title", self.who.ministry.rse]
        self._run(f"rse-{self.who.name}", [*forum, *forum_words(self.post)], signal.SIGKILL)

    def _connector(self) -> dict[str, str]:
        return {"TRAITDUNION_INSTANCES": str(self._write_instances()), "TRAITDUNION_GATEWAY_PORT": str(self._http_ports.gateway)}

    def _run(self, name: str, words: Sequence[str], death: signal.Signals, extra: Mapping[str, str] | None = None) -> Process:
        environment = {**self.federated.office.environment, **(extra or {})}
        self._processes.append(Process(Program(name, words, self.logs / f"{name}.log", environment, death_signal=death)))
        return self._processes[-1]

    async def _make_keys(self) -> None:
        office, keys, node = self.federated.office, self.federated.place.keys, self.who.ministry.node
        keys.mkdir(parents=True, exist_ok=True)
        office.environment["TRAITDUNION_REGISTRY_ANCHOR"] = (
            await office.run("keys", "generate", "hub", str(keys / "hub.pem"), CLEAR)
        ).strip()
        office.environment["TRAITDUNION_OPERATORS_KEY"] = (
            await office.run("keys", "generate", "operators", str(keys / "operators.hex"), CLEAR)
        ).strip()
        await office.run("keys", "generate", "node", str(keys / "node.pem"), CLEAR, "--owner", node)
        await self.federated.make_keys()
        key = SigningKey.load(node, keys / "node.pem", None)
        self._post = Post(self.who.ministry, self._http_ports.gateway, self._http_ports.rse, key)

    async def _admit_ministry(self) -> None:
        office, ministry = self.federated.office, self.who.ministry
        path = self.folder / f"{ministry.node}.json"
        path.write_bytes(manifests.signed(ministry, self.post.key, datetime.now(UTC)))
        await office.run("nodes", "apply", str(path))
        await office.run("nodes", "provision", ministry.node)
        for person in self.who.people:
            await office.run_by(self.federated.place.token_of(person), "nodes", "approve", ministry.node, "--manifest", str(path))

    def _write_instances(self) -> Path:
        path = self.folder / "instances.yaml"
        path.touch(mode=0o600)
        said = described(
            self.who.ministry, self.post.rse_url, self.who.ministry.space, webhook_secret=self.post.webhook_secret,
            api_secret=self.post.api_secret, signing_key=self.federated.place.keys / "node.pem",
        )  # fmt: skip
        path.write_text(yaml.safe_dump(said, allow_unicode=True))
        return path

    def _settings(self, place: Place, servers: Mapping[str, str]) -> dict[str, str]:
        taken = self._http_ports
        return {
            **servers,
            **place.environment(),
            "TRAITDUNION_SIGNING_KEY": str(place.keys / "hub.pem"),
            "TRAITDUNION_OPERATORS_PRIVATE_KEY": str(place.keys / "operators.hex"),
            "TRAITDUNION_REGISTRY_URL": f"{place.base}/.well-known/traitdunion/registry",
            "TRAITDUNION_HUB_URL": self.site,
            "TRAITDUNION_SITE_HOST": LOOPBACK,
            "TRAITDUNION_SITE_PORT": str(taken.site),
            "TRAITDUNION_DOOR_HOST": LOOPBACK,
            "TRAITDUNION_DOOR_PORT": str(taken.door),
            "TRAITDUNION_METRICS_PORT": "0",
        }

    async def _ready(self, http: ClientSession) -> None:
        doors = (f"{self.federated.place.base}/readyz", f"http://{LOOPBACK}:{self._http_ports.gateway}/readyz")
        async with asyncio.timeout(READY_WITHIN):
            for url in doors:
                while not await _well(http, url):  # noqa: ASYNC110 - as above
                    await asyncio.sleep(POLL_SECONDS)


async def _well(http: ClientSession, url: str) -> bool:
    try:
        async with http.get(url) as answer:
            return answer.status == 200  # noqa: PLR2004 (an HTTP status names itself)
    except (OSError, TimeoutError):  # aiohttp's connection errors among them
        return False
