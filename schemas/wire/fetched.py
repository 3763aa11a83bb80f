"""What is asked of other servers and what they answer: media types, documents, and how much one activity may have us ask."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol

from schemas import jcs
from schemas.activities import PARTS_LIMIT
from schemas.media_types import ACTIVITY_JSON, LD_JSON, holds_activity
from schemas.wire.destinations import FetchRefused, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime


REFUSALS: Final = {"json_too_deep": Refusal.TOO_DEEP, "json_too_many_parts": Refusal.TOO_LARGE}


class Media(StrEnum):
    """What is asked for, as its `Accept` field; an answer of another type is not taken, for it may be a file that somebody uploaded there."""

    ACTIVITY = f"{ACTIVITY_JSON}, {LD_JSON}"
    WEBFINGER = "application/jrd+json, application/json"
    REGISTRY = "application/json"
    NODEINFO = 'application/json; profile="http://nodeinfo.diaspora.software/ns/schema/2.1#", application/json'

    def takes(self, unverified_type: str) -> bool:
        """Tell whether an answer of this content type is one."""
        kind = unverified_type.partition(";")[0].strip().lower()
        match self:
            case Media.ACTIVITY:
                return holds_activity(unverified_type)
            case Media.WEBFINGER:
                return kind in {"application/jrd+json", "application/json"}
            case Media.NODEINFO | Media.REGISTRY:
                return kind == "application/json"


class Signer(Protocol):
    """Signs a request that has no body."""

    def fields(self, method: str, target_uri: str, now: datetime) -> Mapping[str, str]:
        """The fields that sign it."""
        ...


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer; `body` is empty where the status is not 2xx."""

    url: str
    """Where it was in the end."""
    status: int
    body: bytes = field(repr=False)

    @property
    def found(self) -> bool:
        """2xx."""
        return self.status // 100 == 2  # noqa: PLR2004 - the class of success

    @property
    def gone(self) -> bool:
        """404 or 410."""
        return self.status in {404, 410}

    def document(self) -> dict[str, Any]:
        """The JSON object, as strictly read as a signed one; raises FetchRefused."""
        try:
            value = jcs.parse(self.body, PARTS_LIMIT)
        except jcs.JsonRefused as refused:
            raise FetchRefused(REFUSALS.get(refused.reason, Refusal.MALFORMED)) from refused
        if not isinstance(value, dict):
            raise FetchRefused(Refusal.MALFORMED)
        return value


@dataclass(frozen=True, slots=True)
class Answered:
    """What a server said to a body that was brought to it; `retry_after` in seconds, where it wished some."""

    status: int
    retry_after: float | None = None


class Budget:
    """How much may be fetched on behalf of one activity: who sends one that leads from place to place makes us work for nobody."""

    def __init__(self, fetches: int = 8, seconds: float = 20.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetches, self._clock = fetches, clock
        self._until = clock() + seconds

    def spend(self) -> float:
        """Count one request; the seconds that are left for it; raises FetchRefused."""
        left = self._until - self._clock()
        if self._fetches <= 0 or left <= 0:
            raise FetchRefused(Refusal.BUDGET)
        self._fetches -= 1
        return left
