"""A registry that nears its end is spoken of before, our own as a neighbour's: a metric for operators' alerts, and a line of log a day."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from schemas.manifest import Standing
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from datetime import datetime

    from schemas.manifest import Registry

AGAIN: Final = timedelta(days=1)
log = structlog.get_logger()


class ExpiryWatch:
    """Says when this process will refuse to go on for want of a registry, from the last part of its life on."""

    def __init__(self) -> None:
        self._said = Said()

    def look(self, registry: Registry, now: datetime) -> None:
        """Look at the registry in hand; cheap enough for every time that it is asked for."""
        version, expires = registry.document.version, registry.document.expires
        Metric.registry_expires.set((expires - now) / timedelta(days=1))
        match self._said.due(registry, now):
            case Standing.ENDING:
                log.warning("registry_expires_soon", version=version, expires=expires.isoformat())
            case Standing.EXPIRED:
                log.error("registry_expired", version=version, expired=expires.isoformat())


class PeerExpiryWatch:
    """The same of another Trait d'union's registry: once it has expired, what its ministries say is refused."""

    def __init__(self, peer: str) -> None:
        self._peer, self._said = peer, Said()

    def look(self, registry: Registry, now: datetime) -> None:
        """Look at what was read of it last."""
        version, expires = registry.document.version, registry.document.expires
        Metric.peer_registry_expires.labels(self._peer).set((expires - now) / timedelta(days=1))
        match self._said.due(registry, now):
            case Standing.ENDING:
                log.warning("peer_registry_expires_soon", peer=self._peer, version=version, expires=expires.isoformat())
            case Standing.EXPIRED:
                log.error("peer_registry_expired", peer=self._peer, version=version, expired=expires.isoformat())

    def end(self) -> None:
        """It is no longer read: its server takes part no longer."""
        with contextlib.suppress(KeyError):
            Metric.peer_registry_expires.remove(self._peer)


class Said:
    """What was said of one registry, and when."""

    def __init__(self) -> None:
        self._said: dict[Standing, datetime] = {}

    def due(self, registry: Registry, now: datetime) -> Standing | None:
        """How it stands, where that is to be said now; None where it is well, or was said within a day."""
        standing = registry.standing(now)
        if standing is Standing.FRESH:
            self._said.clear()
        return standing if standing is not Standing.FRESH and self._due(standing, now) else None

    def _due(self, standing: Standing, now: datetime) -> bool:
        said = self._said.get(standing)
        if said is not None and now - said < AGAIN:
            return False
        self._said[standing] = now
        return True
