"""Puts the parts of a connector process together, runs them, and takes them apart again."""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import signal
import socket
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog
import uvicorn
from nacl.public import PublicKey as SealingKey
from pydantic import SecretStr

from adapters.admission import Admission
from adapters.applied import Applied
from adapters.asking_again import Asking
from adapters.backfill import Backfiller, Bringing
from adapters.backfills import Backfills
from adapters.bench import Bench
from adapters.completions import Completions
from adapters.door import DoorTransport
from adapters.far_clock import ZERO
from adapters.gateway import Counter, application
from adapters.greetings import Greeter, Register
from adapters.handshake import Handshake
from adapters.hints import Hints
from adapters.kafka_transport import KafkaTransport
from adapters.kept_secrets import kept_secret
from adapters.last_door import LastDoor
from adapters.ledger import Ledger, LedgerUnavailable
from adapters.looks import Looker
from adapters.losses import LossLooker
from adapters.members import Members
from adapters.memory import Memory
from adapters.node_key import NodeKey
from adapters.notices import Board, Noticer
from adapters.observing import Observing
from adapters.offers import Announces, Greets, Ordered, Recalls, Unlikes
from adapters.outgoing import Outgoing
from adapters.pacing import Paces
from adapters.patience import Pause
from adapters.people import Rostered
from adapters.platforms import platform
from adapters.poller import REMINDED, Outlook, Poller, asked
from adapters.port import Polled, Reminding
from adapters.quotations import Quotes
from adapters.receipts import Receipts
from adapters.registry import LedgerShelf, Trust, fetch
from adapters.requoting import Requoting
from adapters.resyncs import Resyncs
from adapters.rosters import Office, Rosters
from adapters.rotation import Rotation
from adapters.settings import Instances, secret_in
from adapters.sorting import Seat
from adapters.spool import Spool
from adapters.ties import Ties
from adapters.told_likes import ToldLikes
from adapters.unliked import Unliked
from adapters.watch import Watch
from adapters.writer import Writer
from schemas.wire import at_rest
from schemas.wire.kafka import KafkaSettings, TopicNames
from schemas.wire.reception import Reception
from schemas.wire.telemetry import Health

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping

    from adapters.platforms import Platform
    from adapters.poller import Looks, Rhythm
    from adapters.port import RseClient
    from adapters.settings import AdapterSettings, Instance
    from adapters.transport import Transport

TIDY_SECONDS = 3600.0
KEPT = timedelta(days=1)
HEALTH_SECONDS = 2.0
PSEUDONYMS = b"traitdunion: pseudonyms of people, v1"
"""What the node's key signs to make a secret of its own, the same at each start: such a signature is told to nobody."""
log = structlog.get_logger()


class SettingsIncomplete(ValueError):
    """A setting without which no connector may start."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What all instances of a process share."""

    settings: AdapterSettings
    transport: Transport
    ledger: Ledger
    trust: Trust
    platform: Callable[[str], Platform]
    clock: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Connector:
    """One instance at work."""

    counter: Counter
    loops: tuple[Coroutine[None, None, None], ...]


def now() -> datetime:
    """The process's clock."""
    return datetime.now(UTC)


async def build(name: str, instance: Instance, shared: Shared) -> Connector:
    """Make one instance's parts and read what its last run left in the ledger."""
    key = _key(name, instance, shared)
    if not instance.pseudonym_secret.get_secret_value():
        made = key.held().sign(PSEUDONYMS).hex()
        instance = instance.model_copy(update={"pseudonym_secret": SecretStr(await kept_secret(shared.ledger, name, "pseudonyms", made))})
    kind = shared.platform(instance.platform)
    paces = Paces(name, instance.limits)
    client = kind.client(instance, paces)
    if paces.unknown:
        raise SettingsIncomplete(f"{name}: limits {', '.join(paces.unknown)}")
    if not isinstance(client, Polled) and not instance.webhook_secret.get_secret_value():
        raise SettingsIncomplete(f"{name}: webhook_secret")  # anybody could sign with an empty one
    ties, spool = Ties(shared.ledger, name), Spool(shared.ledger, name, shared.settings.spool_limit)
    applied = Applied(shared.ledger, name)
    for part in (ties.load(), spool.count()):
        await part
    publisher = shared.transport.publisher(key)
    observes, members = Observing(name, instance.node, shared.trust.current), Members(shared.ledger, name)
    outgoing = Outgoing(publisher, spool, name, shared.clock, observes, members.unsaid)
    sealing = SealingKey(bytes.fromhex(shared.settings.operators_key))
    memory = Memory(shared.ledger, name)
    rosters = None
    if isinstance(client, Rostered):
        rosters = Rosters(
            Office(name, instance, key, client, ties, members, memory, outgoing, shared.clock, asyncio.sleep, random.random, observes)
        )  # fmt: skip
    pause = Pause(name, asyncio.sleep, random.random)
    handshake = Handshake(instance, key, client, ties, outgoing, pause, shared.clock)
    hints = Hints(handshake, asyncio.sleep)
    roster_hint = rosters.touched if rosters is not None else _nobody
    seat = Seat(
        name, instance, key, memory, ties, spool, outgoing, sealing, shared.clock, hints.hint, roster_hint, observes=observes,
        ahead=_ahead(client),
    )  # fmt: skip
    admission = Admission(seat)
    receipts = Receipts(key, instance.platform, publisher, applied, shared.clock)
    resyncs = Resyncs(shared.ledger, name)
    asking_again = Asking(name, instance, key, ties, applied, resyncs, outgoing, shared.clock, asyncio.sleep)
    bench = Bench(
        name, instance, client, LastDoor(instance.node, shared.settings.hub_id), shared.trust, applied, ties, resyncs, asking_again, handshake,
        pause, receipts, publisher, admission.wake, shared.clock, asyncio.sleep,
    )  # fmt: skip
    writer = Writer(bench)
    requoting = Requoting(bench, client, shared.ledger).run if isinstance(client, Quotes) else None
    await receipts.recall()
    intake = shared.transport.intake(name, key, writer, applied)
    completions = Completions(name, client, spool, admission)
    loops: tuple[Coroutine[None, None, None], ...] = (
        handshake.run(), _after(handshake.begun, admission.run), _after(handshake.begun, intake.run), receipts.run(), completions.run(),
        hints.run(), _after(handshake.begun, asking_again.run), _tidy(applied, shared.clock),
    )  # fmt: skip
    if requoting is not None:
        loops = (*loops, _after(handshake.begun, requoting))
    watch = Watch(shared.ledger, name, secrets.token_hex(8))
    asking = _asking(seat, client, watch, admission)
    if asking is not None:
        poller = Poller(
            Outlook(name, instance, *asking, ties, watch, lambda: admission.refusals, shared.clock, asyncio.sleep, random.random)
        )
        loops = (*loops, _after(handshake.begun, poller.run))
    loops = (*loops, *_offered(seat, client, shared, admission, handshake, pause))
    if rosters is not None:
        loops = (*loops, _after(handshake.begun, rosters.run))
    return Connector(Counter(name, instance, kind.adapter, client, admission), loops)


def _ahead(client: RseClient) -> Callable[[], timedelta]:
    """How far an RSE's clock is ahead of ours: of one that does not say, and of a polled one, nothing rests on it."""
    return (lambda: client.ahead) if isinstance(client, Ordered) else lambda: ZERO


def _key(name: str, instance: Instance, shared: Shared) -> NodeKey:
    phrase = secret_in(instance.signing_passphrase_file).encode() if instance.signing_passphrase_file else None
    key = NodeKey(instance.node, instance.signing_key, shared.trust.current, shared.clock, phrase)
    at_rest.tell(name, *key.files)
    return key


def _offered(
    seat: Seat, client: RseClient, shared: Shared, admission: Admission, handshake: Handshake, pause: Pause
) -> Iterator[Coroutine[None, None, None]]:
    """The loops of what a client offers beyond the port."""
    name, instance, ties = seat.name, seat.instance, seat.ties
    if isinstance(client, Announces):
        yield Noticer(name, instance, client, Board(shared.ledger, name), shared.trust, shared.settings.about).run()
    if isinstance(client, Greets) and instance.private_notice:
        register = Register(shared.ledger, name)
        yield Greeter(name, instance, client, seat.newcomers, register, ties, shared.trust, pause, shared.settings.about).run()
    if isinstance(client, Recalls):
        asked = Backfills(shared.ledger, name, secrets.token_hex(8))
        bringing = Bringing(
            name, instance, client, ties, asked, seat.memory, seat.spool, pause, admission.admit, admission.asking, shared.clock,
            observes=seat.observes,
        )  # fmt: skip
        yield _after(handshake.begun, Backfiller(bringing).run)
    if isinstance(client, Unlikes):
        told = ToldLikes(shared.ledger, name)
        asking = Unliked(
            name, client, told, ties, seat.lately, admission.admit, admission.asking, shared.clock, asyncio.sleep, instance.limits
        )
        yield _after(handshake.begun, asking.run)


def _asking(seat: Seat, client: RseClient, watch: Watch, admission: Admission) -> tuple[Looks, Rhythm] | None:
    """How an RSE is asked, and how often: all of it, what it could not tell, or not at all."""

    def room() -> int:
        return seat.spool.room

    if isinstance(client, Polled):
        looker = Looker(client, watch, admission.admit, room, seat.clock, seat.instance.reread_per_minute, seat.name)
        return looker, asked(seat.instance)
    if isinstance(client, Reminding):
        return LossLooker(seat.name, client, watch, seat.memory.recall, admission.admit, room, seat.clock), REMINDED
    return None


def _nobody(space: str) -> None:
    """This RSE tells nobody who takes part."""
    del space


async def _after(begun: asyncio.Event, run: Callable[[], Coroutine[None, None, None]]) -> None:
    """Nothing is read or published on an attestation that has lapsed while the process was away."""
    await begun.wait()
    await run()


async def _tidy(applied: Applied, clock: Callable[[], datetime]) -> None:
    while True:
        await asyncio.sleep(TIDY_SECONDS)
        with contextlib.suppress(LedgerUnavailable):  # the next hour will do
            await applied.tidy(clock() - KEPT)


async def run(settings: AdapterSettings, *, find: Callable[[str], Platform] = platform, stop: asyncio.Event | None = None) -> None:
    """Run gateway and writers of every instance until `stop` or a signal; any part that fails ends the process for its supervisor."""
    if not settings.registry_anchor or not settings.operators_key:
        raise SettingsIncomplete("TRAITDUNION_REGISTRY_ANCHOR, TRAITDUNION_OPERATORS_KEY")
    async with AsyncExitStack() as stack:
        listening = stack.enter_context(socket.create_server((settings.gateway_host, settings.gateway_port), backlog=1024))
        ledger = await Ledger.open(settings.ledger_url, now=lambda: settings.now("ledger_url"))
        stack.push_async_callback(ledger.close)
        trust = Trust(settings.registry_anchor, lambda: fetch(settings.registry_url), LedgerShelf(ledger), now)
        await trust.load()
        shared = Shared(settings, transport_of(settings), ledger, trust, find, now)
        connectors = {}
        instances = Instances.read(settings.instances)
        rotation = Rotation(settings.instances, instances)
        for name, instance in instances.instances.items():
            connectors[name] = await build(name, rotation.followed(name, instance), shared)
            stack.push_async_callback(connectors[name].counter.client.close)
        await _serve(shared, connectors, listening, stop or _on_signals(stack))


def transport_of(settings: AdapterSettings) -> Transport:
    """The hub's door where one is named; no Kafka client is made then."""
    if settings.door:
        return DoorTransport(settings.door, now)
    kafka_settings = KafkaSettings()
    at_rest.tell("kafka", kafka_settings.key_file)
    return KafkaTransport(kafka_settings, TopicNames())


def _on_signals(stack: AsyncExitStack) -> asyncio.Event:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
        stack.callback(loop.remove_signal_handler, number)
    return stop


async def _stop_when(stop: asyncio.Event, server: uvicorn.Server) -> None:
    await stop.wait()
    server.should_exit = True


async def _serve(shared: Shared, connectors: Mapping[str, Connector], listening: socket.socket, stop: asyncio.Event) -> None:
    health = Health({shared.transport.name: lambda: shared.transport.ready, "registry": lambda: shared.trust.current() is not None})
    counters = {name: connector.counter for name, connector in connectors.items()}
    server = _Quiet(
        uvicorn.Config(
            application(counters, health),
            http=Reception,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # nothing here asks who the client is, and a client may claim anything
            timeout_graceful_shutdown=5,
        )
    )
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(part)
            for part in (shared.transport.run(), shared.trust.run(), _watch(shared.ledger, health), _stop_when(stop, server))
        ]
        tasks += [group.create_task(part) for connector in connectors.values() for part in connector.loops]
        log.info("gateway_ready", instances=sorted(connectors), port=listening.getsockname()[1])
        await server.serve(sockets=[listening])
        for task in tasks:
            task.cancel()


async def _watch(ledger: Ledger, health: Health) -> None:
    """Ask PostgreSQL from time to time, so that `/readyz` answers at once."""
    well = {"ledger": True}
    health.checks["ledger"] = lambda: well["ledger"]
    while True:
        well["ledger"] = await ledger.answers()
        await asyncio.sleep(HEALTH_SECONDS)


class _Quiet(uvicorn.Server):
    """A server that leaves signals to us: its own way re-raises them before anything else could be put away."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        yield
