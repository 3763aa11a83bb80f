"""Every process of a session: started side by side, found ready, stopped in order."""

from __future__ import annotations

import asyncio
import shlex
import signal
import sys
from typing import TYPE_CHECKING

from aiohttp import ClientError, ClientSession

from deploy.demo import cast, manifests, servers
from deploy.demo.federated import Federated, Office
from deploy.demo.operator import Operator
from deploy.local import ports
from deploy.local.matrix_user import MatrixUser
from deploy.local.process import Process, Program
from deploy.local.synapse import LocalSynapse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from deploy.demo.plan import Plan

READY_WITHIN = 180.0
POLL_SECONDS = 0.2
SECOND = "opsi"
WIDTH = "150"  # of the operator's tables


class Stack:
    """The session's processes; `rse_urls` and `room` are known once the RSEs run."""

    def __init__(self, plan: Plan, http: ClientSession, rse: str, say: Callable[[str], None]) -> None:
        self._plan, self._http, self._rse, self._say = plan, http, rse, say
        folder = plan.ground.folder
        self.broker = servers.broker(folder / "kafka")
        self._database = servers.database(folder / "postgres")
        self._synapse = LocalSynapse(folder / "synapse", [plan.service], cast.MATRIX_SERVER) if rse == "synapse" else None
        self._twins: dict[str, Process] = {}
        self._up: Process | None = None
        self._first: list[Callable[[], Awaitable[None]]] = []
        self._operator: Operator | None = None
        self.environment: dict[str, str] = {}
        self.rse_urls = {node: post.rse_url for node, post in plan.posts.items()}
        if self._synapse is not None:
            self.rse_urls[cast.EDUCATION.node] = self._synapse.url
        self.spaces = {ministry.node: ministry.space for ministry in cast.MINISTRIES}

    @property
    def operator(self) -> Operator:
        """The operator's terminal, once it is open."""
        if self._operator is None:
            raise NotReady("l'administration n'est pas encore ouverte")
        return self._operator

    @property
    def federated(self) -> Federated:
        """The hub as servers of others know it, once its settings are known."""
        team = manifests.APPROVERS[0]
        return Federated(team.organisation, team.siret, self._plan.place, manifests.APPROVERS, Office(self.operator, self.environment))

    async def open_to_others(self) -> None:
        """Give the hub an address for servers of others: new settings, and its processes are started again with them. Raises NotReady."""
        self.environment |= self._plan.place.environment()
        await self.federated.make_keys()
        if self._up is not None:
            await asyncio.to_thread(self._up.stop)
        self.start_processes()
        await self.ready()
        await self._answers("la porte des autres serveurs", f"{self._plan.place.base}/readyz")

    async def second_hub(self) -> Mapping[str, str]:
        """A database and topics for another hub, on the same servers: the settings that lead there."""
        url = await self._database.another(SECOND)
        prefix = f"{self.broker.settings[servers.PREFIX]}{SECOND}."
        named = {**self.broker.settings, servers.PREFIX: prefix, servers.DATABASE: url, "TRAITDUNION_LEDGER_URL": url}
        return {name: value for name, value in named.items() if value}

    async def start_servers(self) -> MatrixUser:
        """Broker, database with its tables, RSEs; answers the agent who sits at the Matrix server, her room made."""
        self._operator = await Operator.start(self._plan.ground.logs / "administration.log")
        async with asyncio.TaskGroup() as group:
            group.create_task(self._start_broker())
            group.create_task(self._start_database())
            claire = group.create_task(self._start_matrix())
            for node in (cast.WIFIP.node, cast.DIPLOMATIE.node, cast.GENDARMERIE.node):
                group.create_task(self.start_twin(node))
        return claire.result()

    def start_processes(self) -> None:
        """The hub's processes and the connectors, under one supervisor that starts again what ends."""
        words = [sys.executable, "-m", "hub", "up", "--logs", str(self._plan.ground.logs)]
        for node, post in self._plan.posts.items():
            instances = self._plan.write_instances(node, self.rse_urls[node], self.spaces[node])
            settings = {"TRAITDUNION_INSTANCES": instances, "TRAITDUNION_GATEWAY_PORT": post.gateway_port, **self._plan.way(node)}
            named = [f"{name}={value}" for name, value in settings.items()]
            words += ["--also", f"connector-{node}={shlex.join([*named, sys.executable, '-m', 'adapters', 'run'])}"]
        program = Program("up", words, self._plan.ground.logs / "up.log", self.environment, death_signal=signal.SIGTERM)
        self._up = Process(program)

    async def ready(self) -> None:
        """Wait for the hub's pages and each connector's gateway. Raises ServerFailed."""
        doors = {"le hub": f"{self._plan.site}/readyz", "la porte du hub": f"{self._plan.door}/readyz"}
        for node, post in self._plan.posts.items():
            way = ", par la porte HTTPS et sans Kafka," if post.ministry.way is cast.Way.DOOR else ""
            doors[f"le connecteur {node}{way}"] = f"http://{ports.LOOPBACK}:{post.gateway_port}/readyz"
        async with asyncio.TaskGroup() as group:
            for name, url in doors.items():
                group.create_task(self._answers(name, url))

    async def start_twin(self, node: str) -> None:
        """Start a ministry's twin, on what it remembers."""
        registration = None
        if self._plan.posts[node].ministry.platform == "matrix":
            registration = self._plan.service.write(self._plan.ground.folder / "matrix-service.yaml")
        log = self._plan.ground.logs / f"rse-{node}.log"
        command = self._plan.twin_command(node, registration)
        twin = Process(Program(f"rse-{node}", command, log))
        self._twins[node] = twin
        await asyncio.to_thread(twin.wait_until, lambda: ports.answers(self._plan.posts[node].rse_port), READY_WITHIN)
        self._say(f"{self._plan.posts[node].ministry.rse} ({self._plan.posts[node].ministry.name}) : {self.rse_urls[node]}")

    async def stop_twin(self, node: str) -> None:
        """Stop a ministry's RSE, politely."""
        await asyncio.to_thread(self._twins[node].stop)

    def on_stop(self, end: Callable[[], Awaitable[None]]) -> None:
        """Have something else ended before all the rest, the last one first."""
        self._first.append(end)

    async def stop(self) -> None:
        """End every process: first what works, then what it works on."""
        for end in reversed(self._first):
            await end()
        if self._operator is not None:
            await self._operator.close()
        if self._up is not None:
            await asyncio.to_thread(self._up.stop)
        stops = [asyncio.to_thread(twin.stop) for twin in self._twins.values()]
        stops += [asyncio.to_thread(self._synapse.stop)] if self._synapse else []
        stops += [asyncio.to_thread(self.broker.stop), self._database.stop()]
        await asyncio.gather(*stops)

    async def _start_broker(self) -> None:
        self._say(await asyncio.to_thread(self.broker.start))

    async def _start_database(self) -> None:
        url = await self._database.start()
        self._say("un vrai PostgreSQL répond")
        role = await self._database.door_role()
        self.environment = self._plan.environment(self.broker.settings, url) | ({"TRAITDUNION_DOOR_DATABASE_URL": role.url} if role else {})
        await self.operator.learn({**self.environment, "COLUMNS": WIDTH})
        await self.operator.run("migrate", *(["--door-role", role.name] if role else []))
        await self.operator.run("connector", "migrate")
        self._say("les tables du hub et des connecteurs sont prêtes")

    async def _start_matrix(self) -> MatrixUser:
        node = cast.EDUCATION.node
        if self._synapse is None:
            await self.start_twin(node)
        else:
            await asyncio.to_thread(self._synapse.start)
            self._say(f"un vrai Synapse (Éducation nationale) : {self._synapse.url}")
        agent = cast.EDUCATION.agent
        claire = await MatrixUser.register(self._http, self.rse_urls[node], agent.username, agent.name)
        self.spaces[node] = await claire.create_room(cast.TITLE)
        return claire

    async def _answers(self, name: str, url: str) -> None:
        end = asyncio.get_running_loop().time() + READY_WITHIN
        while not await self._well(url):
            if asyncio.get_running_loop().time() > end:
                raise NotReady(f"{name} n'est pas prêt après {READY_WITHIN:.0f} s")
            if self._up is None or self._up.exit_code is not None:
                raise NotReady(f"le superviseur s'est arrêté avant que {name} soit prêt")
            await asyncio.sleep(POLL_SECONDS)
        self._say(f"prêt : {name}")

    async def _well(self, url: str) -> bool:
        try:
            async with self._http.get(url) as answer:
                return answer.status == 200  # noqa: PLR2004 (an HTTP status names itself)
        except (ClientError, OSError, TimeoutError):
            return False


class NotReady(RuntimeError):
    """A process did not become ready in time."""
