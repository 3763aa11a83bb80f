"""One request to the twin, and the ways in which it refuses one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web

    from adapters.exo.twin.store import Person

    Act = Callable[["Call"], Awaitable[web.Response]]
    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
    Door = Callable[[Act], Handler]


class Refusal(Exception):
    """A status without a body, as the vendor's WebApplicationException."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True)
class Call:
    """One API request, its account known and its body read."""

    request: web.Request
    person: Person
    given: dict[str, Any]

    def at(self, name: str) -> str:
        """A part of its path."""
        return self.request.match_info[name]

    def asks(self, name: str) -> str:
        """A part of its query."""
        return str(self.request.query.get(name, ""))

    def number(self, name: str, otherwise: int) -> int:
        """A number of its query."""
        found = self.asks(name)
        return int(found) if found.isdecimal() and int(found) > 0 else otherwise

    def text(self, name: str) -> str:
        """What it wants to have written; refused where it is empty."""
        found = self.given.get(name)
        if not isinstance(found, str) or not found.strip():
            raise Refusal(400)
        return found


async def given(request: web.Request) -> dict[str, Any]:
    """The JSON object of a body, empty where none is expected."""
    if request.method not in {"POST", "PUT"} or not request.can_read_body:
        return {}
    try:
        found = await request.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Refusal(400)
    return found
