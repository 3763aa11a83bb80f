"""Makes things go wrong: kills, restarts, outages; and makes all well again at the end."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter, defaultdict
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import psutil

from deploy.local import ports
from deploy.local.process import ServerFailed
from tests import full_disk
from tests.chaos.rse import Refused, Unsure
from tests.chaos.schedule import Fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from deploy.local.kafka import LocalKafka
    from deploy.local.postgres import LocalPostgres
    from tests.chaos.rse import Rse
    from tests.chaos.schedule import Trouble
    from tests.chaos.town import Connector, Town

ATTEMPTS: Final = 3
KILLED: Final = {
    Fault.INBOUND_KILLED: ("worker", "inbound"),
    Fault.FANOUT_KILLED: ("worker", "fanout"),
    Fault.RECEIPTS_KILLED: ("worker", "receipts"),
    Fault.RELAY_KILLED: ("relay",),
    Fault.DOOR_KILLED: ("door",),
    Fault.SITE_KILLED: ("site",),
    Fault.PEERS_KILLED: ("worker", "peers"),
    Fault.PEER_DOOR_KILLED: ("peer-door",),
    Fault.COURIER_KILLED: ("courier",),
}
ASKED_OF_TWIN: Final[dict[Fault, Callable[[Trouble], dict[str, Any]]]] = {
    Fault.RSE_5XX: lambda one: {"kind": "status", "status": 503, "count": int(one.size)},
    Fault.RSE_429: lambda one: {"kind": "status", "status": 429, "retry_after": 1, "count": int(one.size)},
    Fault.RSE_SLOW: lambda one: {"kind": "delay", "seconds": one.size},
    Fault.RSE_ANSWER_LOST: lambda one: {"kind": "lost_answer", "count": int(one.size)},
    Fault.WEBHOOK_TWICE: lambda one: {"kind": "webhook_twice", "count": int(one.size), "seconds": one.lasts},
    Fault.WEBHOOK_LATE: lambda one: {"kind": "webhook_late", "count": int(one.size), "seconds": one.lasts},
}
"""What a twin does by itself, in its words."""


class Hand:
    """Carries out troubles; `made` counts those that found something to break."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self.made: Counter[Fault] = Counter()
        self._servers, self._peer = asyncio.Lock(), asyncio.Lock()
        self._rses: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def make(self, trouble: Trouble) -> None:
        """Let one thing go wrong, and end it after its time."""
        if await self._made(trouble):
            self.made[trouble.fault] += 1

    async def heal(self) -> None:
        """Bring back whatever may be away."""
        async with self._servers:
            await asyncio.gather(_up(self._town.broker), _up(self._town.database))
            if self._town.up is None or self._town.up.exit_code is not None:
                self._town.supervise()
        for rse in self._town.rses:
            with suppress(Refused, Unsure):
                await rse.heal()
        self._town.abroad.lost = 0
        for connector in self._town.connectors:  # an eXo tells nobody who came: it is asked every five minutes, and after a start
            _kill(self._of(connector))

    async def _made(self, trouble: Trouble) -> bool:
        rse = self._town.rses[trouble.place % len(self._town.rses)]
        connector = self._town.connectors[trouble.place % len(self._town.connectors)]
        match trouble.fault:
            case fault if fault in KILLED:
                return _kill([one for one in self._children() if _says(one, ("-m", "hub", *KILLED[trouble.fault]))])
            case Fault.CONNECTOR_KILLED:
                return _kill(self._of(connector))
            case Fault.SUPERVISOR_KILLED:
                return await self._supervisor(trouble.lasts)
            case Fault.KAFKA_KILLED | Fault.KAFKA_RESTARTED | Fault.SPOOL_FULL:
                return await self._broker(trouble)
            case Fault.POSTGRES_KILLED | Fault.POSTGRES_RESTARTED:
                return await self._database(trouble)
            case Fault.LEDGER_FULL:
                return await self._no_room(trouble.lasts)
            case Fault.GATEWAY_AWAY:
                return await self._gateway(connector, trouble.lasts)
            case Fault.RSE_KILLED | Fault.RSE_STOPPED:
                return await self._away(rse, trouble)
            case Fault.PEER_AWAY | Fault.PEER_5XX | Fault.PEER_ANSWER_LOST:
                return await self._abroad(trouble)
            case Fault.CLOCK_AHEAD | Fault.CLOCK_BEHIND:
                return not rse.keeps_time and await _clock(rse, trouble)
            case _:
                return await rse.fault(**ASKED_OF_TWIN[trouble.fault](trouble))

    def _children(self) -> list[psutil.Process]:
        """What runs under the supervisor."""
        if self._town.up is None or self._town.up.exit_code is not None:
            return []
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self._town.up.pid).children()
        return []

    def _of(self, connector: Connector) -> list[psutil.Process]:
        return [one for one in self._children() if served_by(one) == connector.name]

    async def _supervisor(self, seconds: float) -> bool:
        """The power cut of a whole machine of ours: everything under the supervisor goes with it."""
        async with self._servers:
            if self._town.up is not None:
                await asyncio.to_thread(self._town.up.kill)
            await asyncio.sleep(seconds)
            self._town.supervise()
        return True

    async def _broker(self, trouble: Trouble) -> bool:
        async with self._servers:
            end = self._town.broker.kill if trouble.fault is Fault.KAFKA_KILLED else self._town.broker.stop
            await asyncio.to_thread(end)
            await asyncio.sleep(trouble.lasts)
            await _up(self._town.broker)
        return True

    async def _database(self, trouble: Trouble) -> bool:
        async with self._servers:
            end = self._town.database.kill if trouble.fault is Fault.POSTGRES_KILLED else self._town.database.stop
            await asyncio.to_thread(end)
            await asyncio.sleep(trouble.lasts)
            await _up(self._town.database)
        return True

    async def _no_room(self, seconds: float) -> bool:
        """The ledgers' disk is full; the hub's is another."""
        async with self._servers, full_disk.full(self._town.url):
            await asyncio.sleep(seconds)
        return True

    async def _away(self, rse: Rse, trouble: Trouble) -> bool:
        """One outage of an RSE after the other: a busy machine may take longer to end one than the plan has left until the next."""
        async with self._rses[rse.seat.node]:
            await (rse.kill() if trouble.fault is Fault.RSE_KILLED else rse.stop())
            await asyncio.sleep(trouble.lasts)
            await rse.start()
        return True

    async def _abroad(self, trouble: Trouble) -> bool:
        """The server of others answers nobody, one outage after the other; or fails at its next deliveries."""
        abroad = self._town.abroad
        match trouble.fault:
            case Fault.PEER_5XX:
                abroad.failing += 1
                await asyncio.sleep(trouble.lasts)
                abroad.failing -= 1
            case Fault.PEER_ANSWER_LOST:
                abroad.lost = 1
            case _:
                async with self._peer:
                    await abroad.close()
                    await asyncio.sleep(trouble.lasts)
                    await abroad.open()
        return True

    async def _gateway(self, connector: Connector, seconds: float) -> bool:
        """Nobody answers at a gateway's address, whatever its supervisor tries: the address is ours meanwhile."""
        found = _kill(self._of(connector))
        with suppress(OSError):  # it came back first: then it was killed, and that is all
            async with nobody_at(connector.port):
                await asyncio.sleep(seconds)
        return found


@asynccontextmanager
async def nobody_at(port: int) -> AsyncIterator[None]:
    """Whoever calls is hung up on, and whoever would listen there finds the address taken: bound alone, it would leave room for a server."""

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, ports.LOOPBACK, port, reuse_address=True):
        yield


async def _up(server: LocalKafka | LocalPostgres) -> None:
    """Start a server; a busy machine may need more than one attempt."""
    for _ in range(ATTEMPTS):
        with suppress(ServerFailed):
            return await asyncio.to_thread(server.start)
    return await asyncio.to_thread(server.start)


def served_by(process: psutil.Process) -> str:
    """The connector's name of a connector process, else empty."""
    try:
        named = process.environ().get("TRAITDUNION_INSTANCES", "")
    except psutil.Error:
        return ""
    return named.rpartition("/")[2].removesuffix(".yaml")


def _says(process: psutil.Process, words: Sequence[str]) -> bool:
    try:
        line = process.cmdline()
    except psutil.Error:
        return False
    return tuple(line[1:]) == tuple(words)


def _kill(processes: Sequence[psutil.Process]) -> bool:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    return bool(processes)


async def _clock(rse: Rse, trouble: Trouble) -> bool:
    if not await rse.fault("clock", seconds=trouble.size if trouble.fault is Fault.CLOCK_AHEAD else -trouble.size):
        return False
    await asyncio.sleep(trouble.lasts)
    return await rse.fault("clock", seconds=0)
