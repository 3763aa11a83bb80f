"""Actors of other servers and their keys: asked of their own servers, kept for a while, each asked once however many wait."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar
from urllib.parse import urldefrag

from hub.federation.purses import ENTRIES, Purses
from hub.federation.remote import Reason, RemoteActor, authority_of, is_actor, passing, read_actor, read_lone_key
from schemas.actor_keys import ActorKey, KeyFault
from schemas.origins import URI_LIMIT, origin_of, same_origin
from schemas.wire.destinations import Absence, FetchFailed, FetchRefused, Refusal
from schemas.wire.fetched import Budget, Media
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from hub.federation.purses import Purse
    from hub.ports import Clock
    from schemas.wire.fetched import Fetched

T = TypeVar("T")
KEPT: Final = timedelta(hours=1)
REGISTRY: Final = "/.well-known/traitdunion/registry"
KEPT_REFUSED: Final = timedelta(minutes=10)
KEPT_AWAY: Final = timedelta(seconds=30)
"""How long an answer holds: a key, a refusal, a server that does not answer. A signature that fails asks anew in between (`renewed`)."""
CHARACTERS: Final = 16 * 1024 * 1024
"""What is kept of actors, and of their keys: four bytes each at most; an actor of the usual kind has some hundreds."""
OF_A_KEY: Final = 2_000
RENEWED_EVERY: Final = timedelta(minutes=1)
"""How often a key is asked for anew because a signature failed: anybody can send signatures that fail."""


class Asks(Protocol):
    """Asks a server, signing as it wants."""

    async def get(self, url: str, accept: Media, budget: Budget) -> Fetched:
        """A document; raises FetchFailed."""
        ...


@dataclass(slots=True)
class _Entry(Generic[T]):
    value: T
    until: datetime
    renewed: datetime


class _Kept(Generic[T]):
    """What was asked for, the least used forgotten first: past so many answers, or so many characters in them, which others choose."""

    def __init__(self, entries: int) -> None:
        self._entries, self._known, self._characters = entries, OrderedDict[str, _Entry[T]](), 0

    def get(self, name: str, now: datetime) -> T | None:
        """What is known and still holds."""
        entry = self._known.get(name)
        if entry is None or entry.until <= now:
            return None
        self._known.move_to_end(name)
        return entry.value

    def keep(self, name: str, value: T, now: datetime) -> None:
        """Remember an answer for as long as its kind holds."""
        self.forget(name)
        self._known[name] = _Entry(value, _until(value, now), now)
        self._characters += _weight(name, value)
        while len(self._known) > self._entries or self._characters > CHARACTERS:
            self.forget(next(iter(self._known)))

    def has(self, name: str) -> bool:
        """Whether it is known, or was."""
        return name in self._known

    def forget(self, name: str) -> None:
        """Know it no longer."""
        entry = self._known.pop(name, None)
        if entry is not None:
            self._characters -= _weight(name, entry.value)

    def asked_within(self, name: str, span: timedelta, now: datetime) -> bool:
        """Whether its server was asked so recently."""
        entry = self._known.get(name)
        return entry is not None and now - entry.renewed < span


ANOTHERS: Final[frozenset[StrEnum]] = frozenset({Refusal.BUDGET, Reason.RATE})
"""What one asker could not have asked, another can."""
LOST: Final = frozenset({Reason.KEY_NOT_CLAIMED, Reason.KEY_GONE, Reason.ACTOR_GONE, *KeyFault}) - {KeyFault.UNKNOWN}
"""What ends a key before its time: its owner's document, which no longer has it, or says that she has gone. All else tells nothing of it."""


class Actors:
    """What other servers say of their actors. Each refusal is an answer with a name: nothing here is raised.

    A key is believed when it and its owner are of one origin and the owner's own document claims it (FEP-fe34).
    """

    def __init__(self, asks: Asks, clock: Clock, admitted: Callable[[str], bool], entries: int = ENTRIES) -> None:
        """`admitted` tells of an authority whether people have given it any right: nobody else is ever asked."""
        self._asks, self._clock, self._admitted = asks, clock, admitted
        self._keys: _Kept[ActorKey] = _Kept(entries)
        self._refused: _Kept[StrEnum] = _Kept(entries)
        self._actors: _Kept[RemoteActor | StrEnum] = _Kept(entries)
        self._under_way: dict[str, asyncio.Task[Any]] = {}
        self._purses = Purses(clock)

    def budget(self) -> Budget:
        """How much one activity may have us ask."""
        return Budget()

    async def key(self, key_id: str, budget: Budget) -> ActorKey | StrEnum:
        """The key of this id, whatever its shape: with a fragment, a path or a query of its own."""
        return await self._key(key_id, self._purses.of_the_proved(budget))

    async def key_for(self, caller: str, key_id: str, budget: Budget) -> ActorKey | StrEnum:
        """The same for who names it without having proved anything: anybody may name a key of anybody's."""
        return await self._key(key_id, self._purses.of_caller(caller, budget))

    async def renewed(self, key_id: str, budget: Budget) -> ActorKey | StrEnum:
        """The key as its owner's document says now, for a signature that failed under the one known: it may have been rotated.

        `key_unchanged` where it is the same one, or was asked for a moment ago; why not, where it could not be had then.
        """
        now = self._clock()
        failed = self._refused.get(key_id, now) if self._refused.asked_within(key_id, RENEWED_EVERY, now) else None
        if failed is not None:
            return failed
        if self._keys.asked_within(key_id, RENEWED_EVERY, now):
            return Reason.KEY_SAME
        before = self._keys.get(key_id, now)
        purse = self._purses.of_the_known(budget)
        found = await self._once("key " + key_id, lambda: self._find_key(key_id, purse))
        return _counted(Reason.KEY_SAME if found == before else found, "renewed")

    async def _key(self, key_id: str, purse: Purse) -> ActorKey | StrEnum:
        if len(key_id) > URI_LIMIT:
            return _counted(Reason.KEY_ID, "refused")
        now = self._clock()
        known = self._keys.get(key_id, now) or self._refused.get(key_id, now)
        if known is not None:
            return _counted(known, "cached")
        if self._keys.has(key_id):
            purse = self._purses.of_the_known(purse.budget)  # it was believed before: no stranger's naming others empties what it lives on
        return _counted(await self._once("key " + key_id, lambda: self._find_key(key_id, purse)), "fetched")

    async def actor(self, uri: str, budget: Budget) -> RemoteActor | StrEnum:
        """What an actor's own document says."""
        known = self._actors.get(uri, self._clock())
        return (
            known
            if known is not None
            else await self._once("actor " + uri, lambda: self._find_actor(uri, self._purses.of_the_proved(budget)))
        )

    async def document(self, uri: str, budget: Budget) -> bytes | StrEnum | None:
        """An object as its own server tells it; None where that says that nothing is there (any more)."""
        fetched = await self._ask(uri, self._purses.of_the_proved(budget))
        if isinstance(fetched, StrEnum):
            return fetched
        if fetched.gone:
            return None
        return fetched.body if fetched.found else Reason.UNAVAILABLE

    async def registry(self, origin: str, budget: Budget) -> bytes | StrEnum:
        """The signed registry of another Trait d'union, as it serves it; its signature is for who asks to judge."""
        fetched = await self._ask(origin + REGISTRY, self._purses.of_the_proved(budget), Media.REGISTRY)
        if isinstance(fetched, StrEnum):
            return fetched
        return fetched.body if fetched.found else Reason.UNAVAILABLE

    async def _find_key(self, key_id: str, purse: Purse) -> ActorKey | StrEnum:
        found = await self._asked_key(key_id, purse)
        if isinstance(found, ActorKey):
            self._refused.forget(key_id)
            self._keys.keep(key_id, found, self._clock())
        elif found not in ANOTHERS:
            if found in LOST:
                self._keys.forget(key_id)
            self._refused.keep(key_id, found, self._clock())
        return found

    async def _asked_key(self, key_id: str, purse: Purse) -> ActorKey | StrEnum:
        address = urldefrag(key_id).url
        if origin_of(address) is None:
            return Reason.KEY_ID
        fetched = await self._ask(address, purse)
        if isinstance(fetched, StrEnum):
            return fetched
        if not fetched.found:
            return {404: KeyFault.UNKNOWN, 410: Reason.KEY_GONE}.get(fetched.status, Reason.UNAVAILABLE)
        try:
            document = fetched.document()
        except FetchRefused as refused:
            return refused.reason
        if is_actor(document):
            return await self._key_of_actor(key_id, fetched.url, document, purse)
        return await self._key_of_its_own(key_id, document, purse)

    async def _key_of_actor(self, key_id: str, url: str, document: dict[str, Any], purse: Purse) -> ActorKey | StrEnum:
        """An actor's document; one found at another address than its own (GoToSocial shows part of it at the key's) is asked for at that."""
        actor = read_actor(document, self._clock())
        if isinstance(actor, StrEnum):
            return actor
        if not same_origin(actor.id, key_id):
            return KeyFault.OF_ANOTHER_ORIGIN
        if actor.id != url or not actor.inbox:
            whole = await self._fetched_actor(actor.id, purse)
            if isinstance(whole, StrEnum):
                return whole
            actor = whole
        else:
            self._actors.keep(actor.id, actor, self._clock())
        return actor.key(key_id)

    async def _key_of_its_own(self, key_id: str, document: dict[str, Any], purse: Purse) -> ActorKey | StrEnum:
        """A key's own document is one side's word: its owner must say the same."""
        lone = read_lone_key(document, key_id, self._clock())
        if isinstance(lone, StrEnum):
            return lone
        owner = await self._fetched_actor(lone.owner, purse)
        if isinstance(owner, StrEnum):
            return owner
        if key_id in owner.named:
            return lone
        claimed = owner.key(key_id)
        return lone if claimed == lone else claimed if isinstance(claimed, StrEnum) else Reason.KEY_NOT_CLAIMED

    async def _find_actor(self, uri: str, purse: Purse) -> RemoteActor | StrEnum:
        found = await self._fetched_actor(uri, purse)
        if isinstance(found, StrEnum) and found not in ANOTHERS:
            self._actors.keep(uri, found, self._clock())
        return found

    async def _fetched_actor(self, uri: str, purse: Purse) -> RemoteActor | StrEnum:
        fetched = await self._ask(uri, purse)
        found = fetched if isinstance(fetched, StrEnum) else self._read(fetched, uri)
        if isinstance(found, RemoteActor):
            self._actors.keep(uri, found, self._clock())
        return found

    def _read(self, fetched: Fetched, uri: str) -> RemoteActor | StrEnum:
        if not fetched.found:
            return {404: Reason.ACTOR_UNKNOWN, 410: Reason.ACTOR_GONE}.get(fetched.status, Reason.UNAVAILABLE)
        try:
            found = read_actor(fetched.document(), self._clock())
        except FetchRefused as refused:
            return refused.reason
        if isinstance(found, RemoteActor):
            if found.id != uri:
                return Reason.ACTOR_MISMATCH
            if not found.inbox:
                return Reason.ACTOR_MALFORMED
        return found

    async def _ask(self, url: str, purse: Purse, media: Media = Media.ACTIVITY) -> Fetched | StrEnum:
        """One question to a server that is admitted."""
        server = authority_of(url)
        if not self._admitted(server):
            return Reason.NOT_ADMITTED
        if not purse.take(server):
            return Reason.RATE
        try:
            fetched = await self._asks.get(url, media, purse.budget)
        except FetchFailed as failed:
            return failed.reason
        return passing(fetched.status) or fetched

    async def _once(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        """Let all who ask for one thing wait for one question; who leaves does not take the answer from the others.

        Who waited for a question that another's means did not reach asks it by its own.
        """
        task = self._under_way.get(name)
        if task is not None:
            shared: T = await asyncio.shield(task)
            if not isinstance(shared, StrEnum) or shared not in ANOTHERS:
                return shared
        task = asyncio.ensure_future(work())
        self._under_way[name] = task
        task.add_done_callback(lambda done: self._over(name, done))
        found: T = await asyncio.shield(task)
        return found

    def _over(self, name: str, task: asyncio.Future[Any]) -> None:
        if self._under_way.get(name) is task:
            del self._under_way[name]


def _until(value: object, now: datetime) -> datetime:
    """Until when it holds: a key no longer than its owner said that it would."""
    end = now + _life(value)
    return min(end, value.expires) if isinstance(value, ActorKey) and value.expires is not None else end


def _weight(name: str, value: object) -> int:
    """About how many characters an answer takes in memory."""
    match value:
        case RemoteActor():
            addresses = (value.inbox, value.shared_inbox, value.followers, value.outbox, *value.also_known_as, *value.keys, *value.named)
            return sum(map(len, (name, value.id, value.name, value.username, *addresses))) + OF_A_KEY * len(value.keys)
        case ActorKey():
            return len(name) + len(value.key_id) + len(value.owner) + OF_A_KEY
        case _:
            return len(name)


def _life(value: object) -> timedelta:
    """How long an answer holds."""
    match value:
        case Absence() | Reason.UNAVAILABLE | Reason.UNWELL | Reason.BUSY:
            return KEPT_AWAY
        case StrEnum():
            return KEPT_REFUSED
        case _:
            return KEPT


def _counted(found: ActorKey | StrEnum, how: str) -> ActorKey | StrEnum:
    _asked(found.value if isinstance(found, StrEnum) else how).inc()
    return found


_asked = cache(Metric.peer_keys.labels)
