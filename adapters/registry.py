"""The signed registry of nodes as this process trusts it: fetched, checked against the anchor, kept in the ledger."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

import aiohttp
import structlog

from adapters.ledger import LedgerUnavailable
from schemas.manifest import Registry, RegistryRefused
from schemas.wire.expiry import ExpiryWatch
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from adapters.ledger import Ledger

SIZE_LIMIT = 4 * 1024 * 1024
REFRESH_SECONDS = 30.0
FIRST_SECONDS = 1.0
HURRY = timedelta(seconds=2)  # a flood of unknown keys asks no more often than this
SHARED = "*"  # the registry is the same for every instance of a process
log = structlog.get_logger()


class DocumentUnreachable(ConnectionError):
    """The registry document could not be had; the last good one serves on."""


class Shelf(Protocol):
    """Where the last good document is kept across restarts."""

    async def last(self, anchor: str) -> tuple[int, bytes] | None:
        """The version and bytes last kept."""
        ...

    async def keep(self, anchor: str, version: int, document: bytes) -> None:
        """Keep a newer document."""
        ...


class LedgerShelf:
    """The shelf in PostgreSQL."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def last(self, anchor: str) -> tuple[int, bytes] | None:
        """The version and bytes last kept."""
        async with self._ledger.connection() as connection:
            row = await connection.fetchrow("SELECT version, document FROM registry WHERE instance = $1 AND anchor = $2", SHARED, anchor)
        return (row["version"], row["document"]) if row else None

    async def keep(self, anchor: str, version: int, document: bytes) -> None:
        """Keep a document unless a newer one stands already."""
        async with self._ledger.connection() as connection:
            await connection.execute(
                "INSERT INTO registry (instance, anchor, version, document) VALUES ($1, $2, $3, $4) ON CONFLICT (instance, anchor) "
                "DO UPDATE SET version = excluded.version, document = excluded.document WHERE registry.version <= excluded.version",
                SHARED,
                anchor,
                version,
                document,
            )


async def fetch(url: str) -> bytes:
    """Ask the hub for the document: no proxy of the environment, no redirect, no more than SIZE_LIMIT. Raises DocumentUnreachable."""
    timeout = aiohttp.ClientTimeout(total=10)
    try:
        async with (
            aiohttp.ClientSession(trust_env=False, timeout=timeout) as session,
            session.get(url, allow_redirects=False) as response,
        ):
            if response.status != 200:  # noqa: PLR2004 - HTTP's own number
                raise DocumentUnreachable(f"HTTP {response.status}")
            body = await response.content.read(SIZE_LIMIT + 1)
            while len(body) <= SIZE_LIMIT and (more := await response.content.read(SIZE_LIMIT)):
                body += more
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise DocumentUnreachable(type(error).__name__) from error
    if len(body) > SIZE_LIMIT:
        raise DocumentUnreachable("too large")
    return body


class Trust:
    """The registry in force; none until a good document was seen, none once the last good one has expired.

    The shelf bears the name of the anchor handed over; the document on it tells which one has followed that, and from there one goes on.
    """

    def __init__(self, anchor: str, ask: Callable[[], Awaitable[bytes]], shelf: Shelf, clock: Callable[[], datetime]) -> None:
        self._anchor, self._ask, self._shelf, self._clock = anchor, ask, shelf, clock
        self._registry: Registry | None = None
        self._watch = ExpiryWatch()
        self._asked_at: datetime | None = None
        self._alone = asyncio.Lock()
        self._arrived = asyncio.Event()

    def current(self) -> Registry | None:
        """The registry in force now."""
        registry = self._registry
        return registry if registry is not None and self._clock() < registry.document.expires else None

    async def wait(self) -> Registry:
        """The registry in force, as soon as there is one."""
        while (registry := self.current()) is None:
            self._arrived.clear()
            await self._arrived.wait()
        return registry

    async def load(self) -> None:
        """Open the document kept from the last run; done at start."""
        kept = await self._shelf.last(self._anchor)
        if kept is None:
            return
        try:
            self._registry = Registry.believed(kept[1], self._anchor)
        except RegistryRefused as error:
            log.warning("registry_refused", reason=error.reason, origin="shelf")
            return
        self._look()  # one that has expired serves nobody, and still tells a roll-back

    async def refresh(self) -> None:
        """Ask for a newer document; the last good one stands when there is none."""
        async with self._alone:
            self._asked_at = self._clock()
            try:
                document = await self._ask()
            except DocumentUnreachable as error:
                Metric.records.labels("registry", "", "unreachable").inc()
                log.warning("registry_unreachable", error=str(error))
                self._look()
                return
            await self._open(document)

    async def hurry(self) -> None:
        """Ask at once because a key is unknown, unless we asked a moment ago."""
        if self._asked_at is None or self._clock() - self._asked_at >= HURRY:
            await self.refresh()

    async def run(self) -> None:
        """Refresh for ever."""
        while True:
            await self.refresh()
            await asyncio.sleep(REFRESH_SECONDS if self.current() is not None else FIRST_SECONDS)

    async def _open(self, unverified: bytes) -> None:
        seen = self._registry
        try:
            registry = Registry.open(unverified, self._anchor, self._clock(), seen)
        except RegistryRefused as error:
            Metric.records.labels("registry", "", error.reason).inc()
            log.warning("registry_refused", reason=error.reason, origin="hub")
            self._look()
            return
        if seen is None or registry.document.version > seen.document.version:
            kept = await self._keep(registry)
            if not kept and registry.anchor != (seen.anchor if seen else self._anchor):
                self._look()  # after a restart the anchor that was followed would be believed again: the next look tries anew
                return
        self._follow(registry)
        self._look()

    def _follow(self, registry: Registry) -> None:
        before = self._registry.anchor if self._registry is not None else self._anchor
        if registry.anchor != before:
            log.warning("registry_anchor_follows", anchor=registry.anchor, followed=before)
        self._registry = registry

    def _look(self) -> None:
        if self._registry is not None:
            self._watch.look(self._registry, self._clock())
        if self.current() is not None:
            self._arrived.set()

    async def _keep(self, registry: Registry) -> bool:
        try:
            await self._shelf.keep(self._anchor, registry.document.version, registry.unparsed)
        except LedgerUnavailable:
            log.warning("registry_not_kept", version=registry.document.version)
            return False
        return True
