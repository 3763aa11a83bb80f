"""What the twin's users see: each room's messages with edits applied, redactions gone, replies marked, reactions under them."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adapters.matrix.twin.rooms import Rooms

_STYLE = "body{font:16px/1.5 system-ui;max-width:50rem;margin:2rem auto;padding:0 1rem}li{margin:.6rem 0}q{color:#555}small{color:#555}"


def visible(rooms: Rooms, room: str) -> list[dict[str, Any]]:
    """The messages of a room as a client shows them, oldest first."""
    shown: dict[str, dict[str, Any]] = {}
    for event in rooms.events(room):
        content = event["content"]
        if event["type"] == "m.reaction":
            _react(rooms, shown, event)
        if event["type"] != "m.room.message" or "state_key" in event or "body" not in content:
            continue
        relation = content.get("m.relates_to", {})
        if relation.get("rel_type") == "m.replace":
            _edit(shown, event, relation.get("event_id"))
        else:
            shown[event["event_id"]] = _message(rooms, event, relation)
    return list(shown.values())


def _message(rooms: Rooms, event: dict[str, Any], relation: dict[str, Any]) -> dict[str, Any]:
    content = event["content"]
    return {
        "event_id": event["event_id"],
        "sender": event["sender"],
        "name": rooms.shown_as(event["room_id"], event["sender"]),
        "body": content["body"],
        "formatted_body": content.get("formatted_body"),
        "reply_to": None if relation.get("is_falling_back") else relation.get("m.in_reply_to", {}).get("event_id"),
        "thread": relation.get("event_id") if relation.get("rel_type") == "m.thread" else None,
        "edited": False,
        "edited_at": None,
        "reactions": [],
        "ts": event["origin_server_ts"],
        "content": content,
    }


def _edit(shown: dict[str, dict[str, Any]], edit: dict[str, Any], target: str | None) -> None:
    """Only the author's own edits count; clients leave all others out, and show the one with the latest stamp, whichever came last."""
    message, new = shown.get(target or ""), edit["content"].get("m.new_content", {})
    if message is None or message["sender"] != edit["sender"] or "body" not in new:
        return
    place = [edit["origin_server_ts"], edit["event_id"]]
    if message["edited_at"] is None or message["edited_at"] < place:
        message.update(body=new["body"], formatted_body=new.get("formatted_body"), edited=True, edited_at=place)


def _react(rooms: Rooms, shown: dict[str, dict[str, Any]], event: dict[str, Any]) -> None:
    """A redacted reaction has no content left, and shows nowhere."""
    relation = event["content"].get("m.relates_to", {})
    message = shown.get(relation.get("event_id", ""))
    if message is not None and relation.get("rel_type") == "m.annotation":
        name = rooms.shown_as(event["room_id"], event["sender"])
        message["reactions"].append({"event_id": event["event_id"], "key": relation["key"], "sender": event["sender"], "name": name})


def page(rooms: Rooms) -> str:
    """All rooms on one page, readable without JavaScript."""
    sections = "".join(_section(rooms, room) for room in rooms.rooms())
    head = f'<meta charset="utf-8"><meta http-equiv="refresh" content="2"><title>{escape(rooms.server_name)}</title><style>{_STYLE}</style>'
    body = f"<main><h1>Salons de {escape(rooms.server_name)}</h1>{sections or '<p>Aucun salon.</p>'}</main>"
    return f'<!doctype html><html lang="fr"><head>{head}</head><body>{body}</body></html>'


def _section(rooms: Rooms, room: str) -> str:
    names = [event["content"].get("name", "") for event in rooms.state(room) if event["type"] == "m.room.name"]
    messages = visible(rooms, room)
    bodies = {message["event_id"]: message["body"] for message in messages}
    items = "".join(_item(message, bodies) for message in messages)
    return f"<section><h2>{escape(names[0] if names else room)}</h2><ol>{items}</ol></section>"


def _item(message: dict[str, Any], bodies: dict[str, str]) -> str:
    answered = message["reply_to"]
    quoted = f"<br><q>{escape(bodies.get(answered, 'message supprimé ou inconnu')[:80])}</q>" if answered else ""
    edited = " <small>(modifié)</small>" if message["edited"] else ""
    text = escape(message["body"]).replace("\n", "<br>")
    reactions = ", ".join(f"{escape(one['key'])} {escape(one['name'])}" for one in message["reactions"])
    under = f"<br><small>{reactions}</small>" if reactions else ""
    return f'<li id="{escape(message["event_id"])}"><strong>{escape(message["name"])}</strong>{edited}{quoted}<br>{text}{under}</li>'
