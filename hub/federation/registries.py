"""Registries of other Trait d'union, each under its own anchor, whose versions never go back."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response
from starlette.routing import Route

from hub.federation.actors import REGISTRY
from hub.federation.ministries import Fault
from hub.federation.repository import Shown
from hub.registry.repository import newest_document
from schemas.manifest import Registry, RegistryRefused
from schemas.problem import MEDIA_TYPE, Problem
from schemas.wire.expiry import PeerExpiryWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncEngine
    from starlette.requests import Request

    from hub.federation.abroad import Abroad
    from hub.federation.repository import Remembered
    from hub.ports import Clock
    from hub.registry.peers import Peer

FRESH: Final = timedelta(seconds=60)
"""How long a registry is believed without asking: a key revoked there is revoked here a minute later at most."""
HURRIED: Final = timedelta(seconds=2)
"""How often it may be asked for sooner: keys that nobody knows are easily made up."""
EVERY_SECONDS: Final = 3600.0
"""How often one is asked for though nobody speaks from there."""
log = structlog.get_logger()


class Kept(Protocol):
    """Where versions are kept."""

    async def last(self, peer: str) -> Remembered | None:
        """What is remembered of a peer's registry; None where none was seen."""
        ...

    async def every(self) -> Sequence[Remembered]:
        """What is remembered of every peer's."""
        ...

    async def keep(self, peer: str, anchor: str, version: int, now: datetime, shown: Shown | None = None) -> None:
        """Remember a version seen from an anchor on, and what a new one showed."""
        ...


class _Held(NamedTuple):
    """What was believed last of a peer's registry: from which anchor on, when that was, and whence it came."""

    registry: Registry
    anchor: str
    at: datetime
    origin: str


class PeerRegistries:
    """What a door knows of other Trait d'union's ministries."""

    def __init__(self, abroad: Abroad, kept: Kept, clock: Clock) -> None:
        self._abroad, self._kept, self._clock = abroad, kept, clock
        self._known: dict[str, _Held] = {}
        self._watches: dict[str, PeerExpiryWatch] = {}

    async def of(self, peer: Peer, origin: str, budget: Any) -> Registry | Fault:
        """A peer's registry as it stands now; while its server is away the last good one serves on, until it expires."""
        now, found = self._clock(), self._held(peer)
        registry = found.registry if found is not None and now < found.registry.document.expires else None
        if registry is not None and found is not None and now - found.at < FRESH:
            return registry
        body = await self._abroad.registry(origin, budget)
        if isinstance(body, StrEnum):
            self._look(peer, now)
            return registry or Fault.REGISTRY_UNAVAILABLE
        return await self._opened(peer, body, origin, now)

    async def renewed(self, peer: Peer, origin: str, budget: Any) -> Registry | StrEnum:
        """The same, asked for anew, or why it was not had: who has just been admitted there, or signs by a new key, is in no registry of before."""
        now, found = self._clock(), self._held(peer)
        if found is not None and now - found.at < HURRIED and now < found.registry.document.expires:
            return found.registry
        body = await self._abroad.registry(origin, budget)
        return body if isinstance(body, StrEnum) else await self._opened(peer, body, origin, now)

    async def run(self, peers: Callable[[str], Peer | None]) -> None:
        """Look at those that were read, at once and for ever: what nears its end is said before whoever was silent for days is refused."""
        while True:
            await self.look_again(peers)
            await asyncio.sleep(EVERY_SECONDS)

    async def look_again(self, peers: Callable[[str], Peer | None]) -> None:
        """Ask each peer whose registry was read for the one of now; of who is no Trait d'union admitted here any more nothing is known."""
        try:
            self._recall(await self._kept.every(), peers)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            log.warning("peer_registries_not_read", error=type(error).__name__)
        for name, held in list(self._known.items()):
            peer = peers(name)
            if peer is None or not peer.acknowledges:
                del self._known[name]
                self._end(name)
                continue
            try:
                await self.of(peer, held.origin, self._abroad.budget())
            except (SQLAlchemyError, OSError, TimeoutError) as error:  # the next look tries anew
                log.warning("peer_registry_not_read", peer=name, error=type(error).__name__)

    def _recall(self, remembered: Sequence[Remembered], peers: Callable[[str], Peer | None]) -> None:
        """Go on from what was read before this door started, or by another: who has been silent since is looked at all the same."""
        for kept in remembered:
            peer = peers(kept.peer)
            if peer is None or not peer.acknowledges or self._held(peer) is not None:
                continue
            registry, known = _believed(kept), self._known.get(peer.id)
            if registry is not None and _counts(peer, kept.anchor, registry):
                origin = known.origin if known is not None else f"https://{peer.id}"  # by http, in development, it is asked once it speaks
                self._known[peer.id] = _Held(registry, kept.anchor, kept.at, origin)
                self._look(peer, self._clock())

    def _held(self, peer: Peer) -> _Held | None:
        """What counts of what was believed last of a peer: once people have replaced its anchor, what that one signed does no more."""
        found = self._known.get(peer.id)
        return found if found is not None and _counts(peer, found.anchor, found.registry) else None

    def _look(self, peer: Peer, now: datetime) -> None:
        """See how long what is believed of a peer still holds."""
        if found := self._held(peer):
            self._watches.setdefault(peer.id, PeerExpiryWatch(peer.id)).look(found.registry, now)
        else:
            self._end(peer.id)

    def _end(self, peer: str) -> None:
        if watch := self._watches.pop(peer, None):
            watch.end()

    async def _opened(self, peer: Peer, body: bytes, origin: str, now: datetime) -> Registry | Fault:
        """One that is signed by another, expired, or older than what was seen is refused, and said so: somebody may be rolling it back."""
        highest, seen = await self._seen(peer)
        anchor = peer.anchor or ""
        try:
            registry = _followed(Registry.open(body, anchor, now, seen), highest)
        except RegistryRefused as refused:
            log.error("peer_registry_refused", peer=peer.id, reason=refused.reason)  # noqa: TRY400 - a trace says no more
            self._look(peer, now)
            return Fault.REGISTRY_REFUSED
        new = seen is None or registry.document.version > seen.document.version
        shown = Shown(registry.unparsed, registry.document.hub.keys) if new else None
        await self._kept.keep(peer.id, anchor, registry.document.version, now, shown)
        self._known[peer.id] = _Held(registry, anchor, now, origin)
        self._look(peer, now)
        return registry

    async def _seen(self, peer: Peer) -> tuple[int, Registry | None]:
        """The highest version that counts, and its document: what follows must follow it. Under an anchor that nothing was seen of, 0 and None."""
        kept = await self._kept.last(peer.id)
        if kept is None:
            return 0, None
        registry = _believed(kept)
        return (kept.version, registry) if _counts(peer, kept.anchor, registry) else (0, None)


def own_registry(database: AsyncEngine) -> Route:
    """Our own registry, byte for byte as it was signed, at the address under which other Trait d'union know this one."""

    async def page(_: Request) -> Response:
        async with database.connect() as connection:
            newest = await newest_document(connection)
        if newest is None:
            problem = Problem(404, "registry_missing", "Aucun registre n’est encore publié")
            return Response(problem.to_bytes(), problem.status, media_type=MEDIA_TYPE)
        return Response(newest[1], headers={"Cache-Control": "public, max-age=0, must-revalidate"}, media_type="application/json")

    return Route(REGISTRY, page, methods=["GET"], include_in_schema=False)


def _counts(peer: Peer, anchor: str, registry: Registry | None) -> bool:
    """Whether what was believed from an anchor on counts under the peer's of now: the same one, or the one that has followed it and signed."""
    return peer.anchor == anchor or (registry is not None and peer.anchor == registry.anchor)


def _believed(kept: Remembered) -> Registry | None:
    try:
        return Registry.believed(kept.document, kept.anchor) if kept.document is not None else None
    except RegistryRefused as refused:
        log.warning("peer_registry_refused", peer=kept.peer, reason=refused.reason, origin="kept")
        return None


def _followed(registry: Registry, highest: int) -> Registry:
    if registry.document.version < highest:
        raise RegistryRefused("registry_rolled_back", f"{registry.document.version} < {highest}")
    return registry
