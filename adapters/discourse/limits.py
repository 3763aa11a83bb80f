"""How long posts and titles may be in one Discourse: asked of the site, which tells every client so (`/site/settings.json`)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from adapters.port import Later

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.discourse.http import Api

LIFE = 3600.0  # seconds

Length = Annotated[int, Field(ge=1, le=10_000_000)]


class Limits(BaseModel):
    """Characters; Discourse's own defaults where the site does not tell."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    min_post_length: Length = 20
    min_first_post_length: Length = 20
    max_post_length: Length = 32_000
    min_topic_title_length: Length = 15
    max_topic_title_length: Length = 255

    @property
    def least(self) -> int:
        """The shortest post that is taken as a topic and as a reply."""
        return max(self.min_post_length, self.min_first_post_length)


DEFAULT = Limits()


class SiteLimits:
    """A site's limits, asked again every hour; the last known while it does not answer."""

    def __init__(self, api: Api, clock: Callable[[], float] = time.monotonic) -> None:
        self._api, self._clock = api, clock
        self._known, self._until = DEFAULT, float("-inf")

    async def now(self) -> Limits:
        """What the site takes."""
        if self._clock() >= self._until:
            self._until = self._clock() + LIFE
            answer = await self._api.get("/site/settings.json")
            if isinstance(answer, Later):
                self._until = self._clock()
            elif answer.done:
                self._known = _read(answer.document)
        return self._known


def _read(document: dict[str, Any]) -> Limits:
    """What can be read of it; another version may write one of them otherwise."""
    known = Limits.model_fields.keys() & document.keys()
    try:
        return Limits.model_validate({name: document[name] for name in known})
    except ValidationError:
        return DEFAULT
