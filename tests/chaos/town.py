"""The whole system of a run: a broker, a database, RSEs, the hub's processes and the connectors under their supervisor."""

from __future__ import annotations

import asyncio
import shlex
import signal
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self

import asyncpg
import yaml
from aiohttp import ClientError
from kafka import KafkaConsumer
from sqlalchemy.exc import SQLAlchemyError

from adapters import ledger
from deploy.local import ports
from deploy.local.kafka import STARTS_FAST, LocalKafka
from deploy.local.postgres import LocalPostgres
from deploy.local.process import Process, Program
from hub.communities.service import open_community
from hub.operations import topics as operations
from hub.operations.broker import administrator
from hub.registry.service import propose_tie
from hub.storage.engine import engine_for, migrate
from hub.unit_of_work import Rules, transaction
from schemas import topics
from schemas.wire.kafka import KafkaSettings, TopicNames
from schemas.words import Audience
from tests import fakes_federation, full_disk
from tests.chaos.abroad import Abroad
from tests.chaos.kinds import kind_of
from tests.chaos.rse import Seat
from tests.chaos.surroundings import Doors, Keys, environment
from tests.fakes_neighbour import applying

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from aiohttp import ClientSession
    from sqlalchemy.ext.asyncio import AsyncEngine

    from hub.unit_of_work import UnitOfWork
    from tests.chaos.book import Book
    from tests.chaos.rse import Rse

EACH: Final = 2
"""RSEs that one connector process serves."""
ARRIVES_WITHIN: Final = 600.0
GONE: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What a database raises that is just being restarted, in the middle of an answer too."""
READY_WITHIN: Final = 180.0
BEHIND: Final = """
    SELECT coalesce(sum(greatest(0, coalesce(last, 0) - applied)), 0) + (SELECT count(*) FROM adapters.spool) AS behind
    FROM adapters.sequences
    LEFT JOIN (SELECT community, max(sequence) AS last FROM hub.events GROUP BY community) AS numbered USING (community)
"""


class NotReady(RuntimeError):
    """The system did not come up in time."""


@dataclass(frozen=True, slots=True)
class Connector:
    """One connector process's place."""

    name: str
    port: int
    rses: tuple[Rse, ...]
    by_door: bool = False
    """Whether it knows no Kafka, only the hub's HTTPS door."""


class Town:
    """Everything that runs; `start` brings it up, `stop` ends it."""

    def __init__(self, folder: Path, twins: int, communities: Sequence[str], retry_unit: float, http: ClientSession, book: Book) -> None:
        self.folder, self.communities, self._http = folder, communities, http
        self.broker = LocalKafka(folder / "kafka", java_options=STARTS_FAST)
        self.database = LocalPostgres(folder / "postgres")
        self.connectors: list[Connector] = []
        gateways = ports.free_ports(-(-twins // EACH))
        own = ports.free_ports(twins + 4)
        self._doors = Doors(own.pop(), own.pop(), own.pop())
        self._keys = Keys(folder / "keys")
        self.abroad = Abroad(communities[0], self._doors.federation, http, book, own.pop())
        rses = [
            kind_of(number)(Seat(f"n{number:02}", number, port, gateways[number // EACH], folder, retry_unit), communities, http)
            for number, port in enumerate(own)
        ]
        for number, port in enumerate(gateways):
            served = tuple(rses[number * EACH : (number + 1) * EACH])
            self.connectors.append(Connector(f"connector-{number}", port, served, by_door=number == len(gateways) - 1))
        self.rses = rses
        self._url = ""
        self.up: Process | None = None
        self.late: tuple[Rse, str] | None = None
        """An RSE and the community that it enters in the middle of the run, with its past."""
        self.arrived = False

    def keep_out(self, rse: Rse, community: str) -> None:
        """Before the start: this RSE's space is tied when `arrive` says so."""
        self.late, rse.late = (rse, community), community

    async def arrive(self) -> None:
        """Tie the space that was kept out, as soon as the database lets us."""
        if self.late is None:
            return
        rse, community = self.late
        while True:
            engine = engine_for(self._url)
            try:
                await self._work(partial(propose_tie, rse.seat.node, rse.spaces[community], community), engine)
                break
            except (*GONE, SQLAlchemyError):
                await asyncio.sleep(1.0)
            finally:
                await engine.dispose()
        await until(lambda: self._stands(rse, rse.spaces[community]), f"{rse.seat.node} rattaché avec son passé", ARRIVES_WITHIN)
        self.arrived = True

    async def _stands(self, rse: Rse, space: str) -> bool:
        """Whether a space's tie is known to hub and connector."""
        try:
            active = await self.ask("SELECT 1 FROM hub.ties WHERE node = $1 AND space = $2 AND state = 'active'", rse.seat.node, space)
            confirmed = await self.ask(
                "SELECT 1 FROM adapters.ties WHERE instance = $1 AND space = $2 AND state = 'confirmed'", rse.seat.node, space
            )
        except GONE:
            return False
        return bool(active and confirmed)

    def awaits(self, rse: Rse | None, community: str) -> bool:
        """Whether people, but for those of one RSE, do nothing in a community yet: its first space is still to come, with its past."""
        return self.late is not None and not self.arrived and community == self.late[1] and rse is not self.late[0]

    async def start(self) -> Self:
        """Start everything and tie every space."""
        for name in ("logs", "keys"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self._keys.save()
        await self.abroad.start()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._lay_topics())
            group.create_task(self._lay_tables())
            for rse in self.rses:
                group.create_task(self._open(rse))
        self.supervise()
        await self._admit()
        await self.ready()
        await self._tie()
        await self.abroad.follow()
        return self

    async def stop(self) -> None:
        """End every process: first what works, then what it works on."""
        if self.up is not None:
            await asyncio.to_thread(self.up.stop)
        await asyncio.gather(*(rse.kill() for rse in self.rses), self.abroad.stop())
        await asyncio.gather(asyncio.to_thread(self.broker.discard), asyncio.to_thread(self.database.discard))

    def supervise(self) -> None:
        """Start the hub and the connectors as `traitdunion up` does; in production another supervisor would restart that one."""
        words = [sys.executable, "-m", "hub", "up", "--logs", str(self.folder / "logs")]
        for connector in self.connectors:
            settings = {"TRAITDUNION_INSTANCES": self._instances(connector), "TRAITDUNION_GATEWAY_PORT": connector.port}
            settings |= (
                {"TRAITDUNION_DOOR": self._doors.nodes, "TRAITDUNION_KAFKA_BOOTSTRAP": "nowhere.invalid:1"} if connector.by_door else {}
            )
            named = [f"{name}={value}" for name, value in settings.items()]
            words += ["--also", f"{connector.name}={shlex.join([*named, sys.executable, '-m', 'adapters', 'run'])}"]
        log = self.folder / "logs" / "up.log"
        self.up = Process(
            Program("up", words, log, environment(self.broker.bootstrap, self._url, self._doors, self._keys), death_signal=signal.SIGTERM)
        )

    async def age(self) -> None:
        """Let the ties of Discourse have stood for days: its log of webhooks is read by its times, and a clock of yesterday dates what it could not tell. An eXo's numbers tell."""
        wanted = sum(rse.looked_at and (rse, community) != self.late for rse in self.rses for community in self.communities)

        async def looked_at() -> bool:
            return len(await self.ask("SELECT 1 FROM adapters.polls")) == wanted

        await until(looked_at, f"{wanted} espaces relevés")
        numbered = [rse.seat.node for rse in self.rses if rse.platform == "exo"]
        await self.ask("UPDATE adapters.polls SET since = since - interval '2 days' WHERE instance <> ALL($1)", numbered)
        if self.up is not None:
            await asyncio.to_thread(self.up.kill)
        self.supervise()
        await self.ready()

    async def ready(self) -> None:
        """Wait for the hub's pages and each gateway. Raises NotReady."""
        listening = (self._doors.site_port, self._doors.peer_port, *(one.port for one in self.connectors))
        doors = [f"http://{ports.LOOPBACK}:{port}/readyz" for port in listening]
        await until(lambda: self._all_well(doors), f"le hub et {len(self.connectors)} connecteurs")

    async def behind(self) -> int:
        """What is still on its way, as far as hub and connectors know: events to write into an RSE, and what waits in spools."""
        found = await self.ask(BEHIND)
        return int(found[0]["behind"])

    @property
    def url(self) -> str:
        """Where hub and ledger lie."""
        return self._url

    async def ask(self, sql: str, *values: Any) -> list[Any]:
        """Ask the database, where hub and ledger lie; it may have been restarted since the last time."""
        connection = await asyncpg.connect(self._url, timeout=60)
        try:
            return list(await connection.fetch(sql, *values))
        finally:
            await connection.close()

    async def dead_letters(self) -> dict[str, int]:
        """Reason → how many records were set aside, by hub and connectors."""
        letters = await asyncio.to_thread(self._letters)
        return dict(Counter(letters))

    def _letters(self) -> list[str]:
        settings = KafkaSettings(bootstrap=self.broker.bootstrap)
        names = [topic.dead_letters.name for topic in (topics.RSE_INBOUND, topics.PEER_INBOUND, topics.HUB_FACTS, topics.RSE_RECEIPTS)]
        names += [topics.outbound(rse.seat.node).dead_letters.name for rse in self.rses] + [topics.ADAPTERS_DLQ.name]
        consumer = KafkaConsumer(
            *names, **settings.options(), auto_offset_reset="earliest", consumer_timeout_ms=1000, enable_auto_commit=False
        )
        try:
            return [next((raw.decode() for name, raw in record.headers if name == "dlq_reason"), "?") for record in consumer]
        finally:
            consumer.close()

    # --- before the first message ------------------------------------------------------------------------------------

    async def _lay_topics(self) -> None:
        await asyncio.to_thread(self.broker.start)

        def lay() -> None:
            settings = KafkaSettings(bootstrap=self.broker.bootstrap)
            wanted = [*topics.STATIC, *(topic for rse in self.rses for topic in topics.of_node(rse.seat.node))]
            with administrator(settings) as admin:
                operations.apply(admin, wanted, TopicNames(topic_prefix=""), settings)

        await asyncio.to_thread(lay)

    async def _lay_tables(self) -> None:
        await asyncio.to_thread(self.database.start)
        self._url = await asyncio.to_thread(self.database.create_database, "traitdunion")
        self._engine = engine_for(self._url)
        await migrate(self._url)
        await asyncio.to_thread(ledger.migrate, self._url)
        await full_disk.install(self._url)

    async def _open(self, rse: Rse) -> None:
        await rse.start()
        await rse.furnish()

    def _instances(self, connector: Connector) -> Path:
        path = self.folder / f"{connector.name}.yaml"
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump({"instances": {rse.seat.node: rse.described() for rse in connector.rses}}, allow_unicode=True))
        return path

    async def _admit(self) -> None:
        """Every ministry applies and is approved, and so does the server of others; the communities open, the first one to everybody."""
        for rse in self.rses:
            name = f"Ministère {rse.seat.number}"
            await self._work(partial(fakes_federation.admit, rse.key, name=name, platform=rse.platform))
        await self._work(partial(applying, self.abroad.authority))
        for community in self.communities:
            audience = Audience.PUBLIC if community == self.abroad.community else Audience.MEMBERS
            await self._work(partial(open_community, community, f"La communauté {community}", audience))

    async def _tie(self) -> None:
        now = [(rse, community) for rse in self.rses for community in rse.spaces if (rse, community) != self.late]
        for rse, community in now:
            await self._work(partial(propose_tie, rse.seat.node, rse.spaces[community], community))
        await self._engine.dispose()
        wanted = len(now)

        async def tied() -> bool:
            active = await self.ask("SELECT 1 FROM hub.ties WHERE state = 'active'")
            confirmed = await self.ask("SELECT 1 FROM adapters.ties WHERE state = 'confirmed'")
            return len(active) == len(confirmed) == wanted

        await until(tied, f"{wanted} rattachements")

    async def _work(self, use: Callable[[UnitOfWork], Awaitable[Any]], engine: AsyncEngine | None = None) -> None:
        rules = Rules(
            self._keys.hub, lambda: datetime.now(UTC), timedelta(seconds=60), timedelta(hours=48), timedelta(days=30),
            federates=True, federation_anchor=self._keys.federation.public.multibase,
        )  # fmt: skip
        async with transaction(engine or self._engine, rules) as work:
            await use(work)
            await work.commit()

    async def _all_well(self, doors: Sequence[str]) -> bool:
        return all(await asyncio.gather(*(self._well(door) for door in doors)))

    async def _well(self, door: str) -> bool:
        try:
            async with self._http.get(door) as answer:
                return answer.status == 200
        except (ClientError, OSError, TimeoutError):
            return False


async def until(holds: Callable[[], Awaitable[bool]], what: str, seconds: float = READY_WITHIN) -> None:
    """Wait until something holds. Raises NotReady."""
    end = asyncio.get_running_loop().time() + seconds
    while not await holds():
        if asyncio.get_running_loop().time() > end:
            raise NotReady(f"{what} : pas prêt après {seconds:.0f} s")
        await asyncio.sleep(0.2)
