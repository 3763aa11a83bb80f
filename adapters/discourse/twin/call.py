"""One API request to the twin: its account known, its body read as Rails reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adapters.discourse.twin.forum import Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web

    from adapters.discourse.twin.store import Person

    Act = Callable[["Call"], Awaitable[web.Response]]
    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
    Door = Callable[[Act], Handler]


@dataclass(frozen=True)
class Call:
    """One API request, its account known and its body read."""

    request: web.Request
    person: Person
    given: dict[str, Any]

    @property
    def number(self) -> int:
        """The number in its path."""
        return int(self.request.match_info["id"])

    @property
    def wants_raw(self) -> bool:
        """Whether it asks for the posts' source."""
        return "include_raw" in self.request.query


async def given(request: web.Request) -> dict[str, Any]:
    """The body, JSON or a form."""
    if request.content_type == "application/json":
        try:
            found = await request.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Refusal(400, ["There was an error parsing the request body."])
        return found
    return _nested({str(name): str(value) for name, value in (await request.post()).items()})


def _nested(fields: dict[str, str]) -> dict[str, Any]:
    """Rails reads `post[raw]=…` of a form as `{"post": {"raw": …}}`."""
    found: dict[str, Any] = {}
    for name, value in fields.items():
        outer, bracket, inner = name.partition("[")
        if bracket and inner.endswith("]"):
            found.setdefault(outer, {})[inner[:-1]] = value
        else:
            found[name] = value
    return found
