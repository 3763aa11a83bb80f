"""The composition root: settings in, working parts out."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

import structlog

from hub.federation.addresses import Addresses
from hub.operations.office import LABEL, Office
from hub.registry import document
from hub.registry.hub_keys import HubFiles, HubKeys
from hub.registry.repository import newest_document
from hub.storage.engine import engine_for
from hub.unit_of_work import Rules, UnitOfWork, never_followed, transaction
from schemas.keys import PublicKey
from schemas.manifest import Registry, RegistryRefused
from schemas.wire.expiry import ExpiryWatch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from hub.ports import Clock
    from hub.settings import HubSettings
    from schemas.keys import KeyHolder

OwnDatabase = Literal["door_database_url", "peer_door_database_url", "courier_database_url"]
log = structlog.get_logger()


def clock() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)


def engine(settings: HubSettings) -> AsyncEngine:
    """The database."""
    return engine_for(settings.database_url)


def own_database(settings: HubSettings, own: OwnDatabase) -> str:
    """The database's address under a process's own role; who takes over a process that has none has the whole database, so that it is said."""
    url: str = getattr(settings, own)
    if not url:
        log.warning("database_role_shared", missing=f"TRAITDUNION_{own.upper()}")
    return url or settings.database_url


def hub_files(settings: HubSettings) -> HubFiles:
    """Where the hub's own key is, and the one that follows it."""
    passphrase = settings.signing_passphrase
    secret = passphrase.get_secret_value().encode() if passphrase else None
    return HubFiles(settings.hub_id, settings.signing_key, settings.signing_key_next, secret)


def rules(settings: HubSettings) -> Rules:
    """What transactions know of this hub."""
    keys = HubKeys(hub_files(settings), clock)
    return rules_of(settings, keys, keys.follow)


def rules_of(settings: HubSettings, key: KeyHolder, follow: Callable[[AsyncConnection], Awaitable[None]] = never_followed) -> Rules:
    """The same for a key that is chosen otherwise."""
    return Rules(
        key, clock, settings.hold, settings.tie_life, settings.registry_life, bool(settings.federation_url), settings.federation_anchor,
        follow=follow,
    )  # fmt: skip


def addresses(settings: HubSettings) -> Addresses:
    """The addresses under which other servers know this one."""
    return Addresses(settings.federation_url)


def first_door_key(settings: HubSettings) -> PublicKey:
    """The first key of the peers' door, its public half alone; raises KeyMalformed where the settings name none."""
    return PublicKey.of(settings.federation_anchor)


def begin(database: AsyncEngine, known: Rules) -> Callable[[Registry | None], AbstractAsyncContextManager[UnitOfWork]]:
    """How a worker opens its transactions."""
    return functools.partial(transaction, database, known)


def office(settings: HubSettings, database: AsyncEngine, now: Clock) -> Office:
    """Where the federation's people act; the hub's key is read when somebody does, since the site shows its pages without."""

    @functools.cache
    def known() -> Rules:
        return replace(rules(settings), clock=now)

    def begin() -> AbstractAsyncContextManager[UnitOfWork]:
        return transaction(database, known())

    @functools.cache
    def secret() -> bytes:
        return hashlib.sha256(known().key.held().sign(LABEL)).digest()

    return Office(begin, secret, settings.charter, now)


class RegistryReader:
    """The newest registry document, checked against the hub's public key alone; asked before each batch, so a revocation holds at once."""

    def __init__(self, database: AsyncEngine, anchor: str) -> None:
        self._alone = database.execution_options(isolation_level="AUTOCOMMIT")  # one statement needs no transaction around it
        self._anchor = anchor
        self._registry: Registry | None = None
        self._watch = ExpiryWatch()

    async def __call__(self) -> Registry:
        """The registry as it stands now, one without nodes before the first approval; raises RegistryRefused."""
        async with self._alone.connect() as connection:
            newer = await newest_document(connection, self._version)
        if newer is not None and newer[0] > self._version:  # who asked at the same time may have been told of a later one
            seen = self._registry
            newest = Registry.believed(newer[1], seen.anchor if seen is not None else self._anchor, seen)
            if seen is not None:
                newest.follows(seen)
            self._registry = newest
        now = clock()
        if self._registry is None:
            return document.of_nobody(now)
        self._watch.look(self._registry, now)
        if now >= self._registry.document.expires:
            raise RegistryRefused("registry_expired", self._registry.document.expires.isoformat())
        return self._registry

    @property
    def _version(self) -> int:
        return self._registry.document.version if self._registry else 0
