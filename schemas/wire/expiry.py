"""A registry that nears its end is spoken of before: a metric for operators' alerts, and a line of log a day."""

from __future__ import annotations

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
        self._said: dict[Standing, datetime] = {}

    def look(self, registry: Registry, now: datetime) -> None:
        """Look at the registry in hand; cheap enough for every time that it is asked for."""
        expires = registry.document.expires
        Metric.registry_expires.set((expires - now) / timedelta(days=1))
        match registry.standing(now):
            case Standing.FRESH:
                self._said.clear()
            case Standing.ENDING as standing:
                if self._due(standing, now):
                    log.warning("registry_expires_soon", version=registry.document.version, expires=expires.isoformat())
            case Standing.EXPIRED as standing:
                if self._due(standing, now):
                    log.error("registry_expired", version=registry.document.version, expired=expires.isoformat())

    def _due(self, standing: Standing, now: datetime) -> bool:
        said = self._said.get(standing)
        if said is not None and now - said < AGAIN:
            return False
        self._said[standing] = now
        return True
