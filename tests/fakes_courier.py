"""A courier without servers: a topic in a list, peers that answer what a test tells them, a database in a dictionary."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aiokafka.errors import OffsetOutOfRangeError

from hub.courier import Courier
from hub.federation.keeping import Keeper
from hub.federation.laggards import Laggards
from hub.federation.lanes import Lanes, Parts
from hub.federation.parcel import Form, Parcel
from hub.federation.posting import Posting, Reply
from hub.federation.readership import Readership
from hub.federation.window import Window
from hub.registry.peers import Peer, PeerKind
from schemas.manifest import Grade

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence

    from hub.federation.delivery import Scheme, Standing
    from hub.federation.positions import Refusal, Told, Writing
    from hub.federation.posting import Hand as OurHand
    from hub.federation.posting import Location

COMMUNITY = "futurs-publics"
GROUP = "https://hub.example/groups/futurs-publics"


@dataclass(frozen=True)
class Record:
    """A record as a consumer gives it."""

    offset: int
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]]


@dataclass(frozen=True)
class Follower:
    """An actor elsewhere."""

    actor: str
    peer: str
    inbox: str
    shared_inbox: str = ""


def record(offset: int, *, form: Form = Form.ANNOUNCED, forgets: bool = False, community: str = COMMUNITY, source: str = "") -> Record:
    """An activity on the topic; its body is its offset."""
    parcel = Parcel(community, f"e{offset}", GROUP, form, str(offset).encode(), forgets, correlation="c" * 32, source=source)
    return Record(offset, community.encode(), parcel.body, parcel.headers())


def answer(offset: int, to: str, inbox: str = "") -> Record:
    """An answer for one actor."""
    headers = [("peer_to", to.encode()), ("peer_inbox", inbox.encode()), ("correlation", b"c" * 32)]
    return Record(offset, COMMUNITY.encode(), b'{"actor":"%s","n":%d}' % (GROUP.encode(), offset), headers)


def again(offset: int, earlier: int, peer: str) -> Record:
    """What stands at an earlier offset, once more for one peer."""
    headers = [("peer_again", str(earlier).encode()), ("peer_only", peer.encode()), ("correlation", b"d" * 32)]
    return Record(offset, COMMUNITY.encode(), b"{}", headers)


@dataclass(frozen=True)
class Hand:
    """One of our pairs."""

    pair: str

    def fields(self, scheme: Scheme, actor: str, url: str, content_type: str, body: bytes) -> dict[str, str]:
        del actor, url, content_type, body
        return {"scheme": f"{self.pair}{scheme.value}"}


@dataclass
class Inboxes:
    """Every peer's inbox: takes all, unless a test says otherwise."""

    took: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    asked: list[tuple[str, str]] = field(default_factory=list)
    says: dict[str, Callable[[str, str], Reply]] = field(default_factory=dict)
    held: dict[str, asyncio.Event] = field(default_factory=dict)
    held_from: int = 0
    under_way: Counter[str] = field(default_factory=Counter)
    most: int = 0

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], location: Location) -> Reply:
        del location
        scheme, text = headers["scheme"], body.decode()
        self.asked.append((url, scheme))
        self.under_way[url] += 1
        self.most = max(self.most, self.under_way[url])
        try:
            if url in self.held and int(text) >= self.held_from:
                await self.held[url].wait()
            await asyncio.sleep(0)
            reply = self.says[url](text, scheme) if url in self.says else Reply(202)
        finally:
            self.under_way[url] -= 1
        if reply.status // 100 == 2:
            self.took[url].append(text)
        return reply

    tells: dict[str, Callable[[], str | Reply]] = field(default_factory=dict)
    """What its server answers who asks for an actor, or raises; her inbox where a test says nothing."""

    looked_up: list[str] = field(default_factory=list)

    async def inbox_of(self, actor: str, location: Location) -> str | Reply:
        del location
        self.looked_up.append(actor)
        return self.tells[actor]() if actor in self.tells else actor + "/inbox"

    shown: dict[str, set[str]] = field(default_factory=dict)
    """The inboxes that an actor's own document names; a server that is being restarted shows none."""

    async def shows(self, actor: str, inbox: str, location: Location) -> bool:
        del location
        return inbox in self.shown.get(actor, ())

    pairs: tuple[str, ...] = ("",)
    """Our pairs, the one that signs first; what a peer is shown is the pair's name before the scheme's."""

    new: bool = False
    """Whether the pair that signs is one that no former one has named, since less than two days."""

    def unheralded(self) -> bool:
        return self.new

    own: Sequence[OurHand] = ()
    """The hands of a test's own pairs, in the place of those."""

    def hands(self) -> Sequence[OurHand]:
        return self.own or [Hand(pair) for pair in self.pairs]


@dataclass
class Kept:
    """What the database would hold."""

    standings: dict[str, Standing] = field(default_factory=dict)
    told: dict[int, Told] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    writes: int = 0

    async def write(self, writing: Writing) -> None:
        await asyncio.sleep(0)
        self.writes += 1
        self.standings |= {one.peer: one for one in writing.standings}
        self.told |= {one.offset: one for one in writing.told}
        self.refusals += writing.refusals


@dataclass
class World:
    """A courier and all that it touches; `run` is one life of it, what is kept outlives it."""

    topic: list[Record] = field(default_factory=list)
    first_kept: int = 0
    inboxes: Inboxes = field(default_factory=Inboxes)
    kept: Kept = field(default_factory=Kept)
    following: list[Follower] = field(default_factory=list)
    known: dict[str, Peer] = field(default_factory=dict)
    now: datetime = datetime(2026, 11, 22, 12, tzinfo=UTC)
    courier: Courier = field(init=False)
    read_by_laggards: int = 0
    slow_reads: int = 0
    """How often the broker has nothing to give in time before it does."""

    def clock(self) -> datetime:
        return self.now

    # what the courier asks of the database and of the topic

    async def inboxes_of(self, community: str) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, dict[str, None]] = {}
        for one in self.following if community == COMMUNITY else ():
            found.setdefault(one.peer, {})[one.shared_inbox or one.inbox] = None
        return {peer: tuple(inboxes) for peer, inboxes in found.items()}

    async def behind(self, community: str, peer: str, inbox: str, most: int) -> Sequence[str]:
        assert community == COMMUNITY
        return [one.actor for one in self.following if one.peer == peer and (one.shared_inbox or one.inbox) == inbox][:most]

    async def peers(self) -> Mapping[str, Peer]:
        return self.known

    async def drop(self, community: str, peer: str, inbox: str) -> int:
        actors = await self.behind(community, peer, inbox, len(self.following))
        self.following = [one for one in self.following if one.actor not in actors]
        return sum(one.peer == peer for one in self.following)

    async def read(self, offset: int, limit: int) -> Sequence[Any]:
        await asyncio.sleep(0)
        if offset < self.first_kept:
            raise OffsetOutOfRangeError
        if self.slow_reads:
            self.slow_reads -= 1
            return ()
        found = [one for one in self.topic if one.offset >= offset][:limit]
        self.read_by_laggards += len(found)
        return found

    async def first(self) -> int:
        return self.first_kept

    async def told_to(self, peer: str, offset: int) -> bool:
        return offset in self.kept.told and peer in self.kept.told[offset].peers

    # what a test does

    def follow(self, *peers: str, shared: bool = True, grade: Grade = Grade.FULL, kind: PeerKind = PeerKind.ACTIVITYPUB) -> None:
        """Peers are admitted, and one actor of each follows the community."""
        for peer in peers:
            self.known[peer] = Peer(peer, peer, peer, kind, grade, self.now)
            self.following.append(Follower(f"https://{peer}/u", peer, f"https://{peer}/u/inbox", inbox_of(peer) if shared else ""))

    async def say(self, *records: Record) -> None:
        """More activities come."""
        for one in records:
            self.topic.append(one)
            await self.courier.take(one)

    async def passes(self, seconds: float) -> None:
        """Time goes by, and everybody does what is due."""
        self.now += timedelta(seconds=seconds)
        self.courier.lanes.woken.set()
        await self.rest()

    async def goes_by(self, time: timedelta) -> None:
        """So much time, each peer tried whenever its turn comes."""
        await self.rest()
        until = self.now + time
        while self.now < until:
            due = [one.next_try for one in self.kept.standings.values() if one.next_try is not None and one.next_try > self.now]
            await self.passes((min(min(due, default=until), until) - self.now).total_seconds())

    async def rest(self) -> None:
        """Let everything that can go on go on."""
        for _ in range(400):
            await asyncio.sleep(0)

    @contextlib.asynccontextmanager
    async def run(self, mark: int = 0) -> AsyncIterator[Courier]:
        """One life of the courier, from what was kept."""
        tasks: set[asyncio.Task[None]] = set()
        failed: deque[BaseException] = deque()

        def ended(task: asyncio.Task[None]) -> None:
            tasks.discard(task)
            if not task.cancelled() and (error := task.exception()) is not None:
                failed.append(error)

        def spawn(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
            task = asyncio.ensure_future(work)
            tasks.add(task)
            task.add_done_callback(ended)
            return task

        keeper, window = Keeper(self.kept.write), Window(mark)
        posting = Posting(self.inboxes, self.inboxes, self.inboxes, self.clock)
        parts = Parts(posting, keeper, Readership(self), self.clock, spawn)
        self.courier = Courier(window, Lanes(parts, window, self.kept.standings), parts, self)
        spawn(keeper.run())
        spawn(Laggards(self.courier.lanes, parts, window, self).run())
        try:
            yield self.courier
            await self.rest()
        finally:
            for task in list(tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        assert not failed, failed


def inbox_of(peer: str) -> str:
    """A peer's shared inbox."""
    return f"https://{peer}/inbox"
