"""A room's past over HTTP: page by page either way, between tokens, and what stands around one event.

A token is a place between two events of the stream: the number of the one behind it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from adapters.matrix.twin.accounts import Accounts
from adapters.matrix.twin.users import MatrixError
from adapters.matrix.twin.web import filter_of

if TYPE_CHECKING:
    from typing import Any

MOST = 1000


class Timeline(Accounts):
    """After Synapse's `/messages` and `/context`."""

    def readable(self, request: web.Request) -> str:
        """The room that the caller may read."""
        room = request.match_info["room"]
        self.rooms.check_joined(room, self.caller(request))
        return room

    async def messages(self, request: web.Request) -> web.Response:
        """Show the room's past from a token on, latest first (`dir=b`) or oldest first, as far as another token."""
        room, limit, only = self.readable(request), min(int(request.query.get("limit", "10")), MOST), filter_of(request)
        begin, end = _token(request, "from"), _token(request, "to")
        if request.query.get("dir") == "f":
            begin = begin or 0
            found = (
                [] if end is not None and end <= begin + 1 else self.rooms.forward(room, begin, end, limit)
            )  # as Synapse: see `adapters.matrix.timeline`
            rest = found[-1][0] + 1 if found else None
            return _page([event for _, event in found], begin, rest)
        begin = self.rooms.end() if begin is None else begin
        chunk, rest = self.rooms.page(room, begin, limit, only, end or 0)
        return _page(chunk, begin, rest)

    async def context(self, request: web.Request) -> web.Response:
        """Show what stands around an event; the tokens are those of the ends of all that is shown."""
        room, limit = self.readable(request), int(request.query.get("limit", "10"))
        event = self.rooms.event(room, request.match_info["event"])
        place = self.rooms.place(event["event_id"])
        before = self.rooms.backward(room, place, limit // 2)
        after = self.rooms.forward(room, place + 1, None, limit - limit // 2)
        ends = {"start": str(before[-1][0] if before else place), "end": str((after[-1][0] if after else place) + 1)}
        shown: dict[str, Any] = {"events_before": [one for _, one in before], "event": event, "events_after": [one for _, one in after]}
        return web.json_response(shown | ends | {"state": []})


def _token(request: web.Request, name: str) -> int | None:
    said = request.query.get(name, "")
    if said and not said.isdigit():
        raise MatrixError(400, "M_UNKNOWN", f"'{name}' parameter is invalid")
    return int(said) if said else None


def _page(chunk: list[dict[str, Any]], begin: int, rest: int | None) -> web.Response:
    following = {"end": str(rest)} if rest is not None else {}
    return web.json_response({"chunk": chunk, "start": str(begin), **following})
