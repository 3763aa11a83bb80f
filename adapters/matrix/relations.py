"""What relates to an event in one way: edits, reactions. Source: `/relations` of the Client-Server API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from adapters.matrix.homeserver import Homeserver

PAGES: Final = 20  # of a hundred events: more than anybody sets on one message


async def relations(homeserver: Homeserver, room: str, event: str, kind: str, *, as_user: str) -> list[dict[str, Any]]:
    """The events that relate so, latest first, as somebody of the room reads them. Raises Declined."""
    found, page = list[dict[str, Any]](), dict[str, str]()
    for _ in range(PAGES):
        query = {"limit": "100", **page}
        answer = await homeserver.call("GET", "v1", "rooms", room, "relations", event, kind, as_user=as_user, query=query)
        chunk = answer.get("chunk")
        found += [one for one in chunk if isinstance(one, dict)] if isinstance(chunk, list) else []
        if not isinstance(following := answer.get("next_batch"), str):
            break
        page = {"from": following}
    return found
