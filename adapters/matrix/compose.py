"""An order → the content of a Matrix event: text, safe HTML, relation, marker; always within Matrix's size limit."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any

from adapters.markup import from_text
from adapters.matrix.formatted import to_formatted
from adapters.port import Act

if TYPE_CHECKING:
    from adapters.port import Order

SUBJECT = "fr.traitdunion.subject"
KEY = "fr.traitdunion.key"
EVENT_LIMIT = 60_000  # bytes of our content: Matrix takes 65,536 for the whole event, its own fields and signatures included
ENDS_HERE = "… (la suite est dans le réseau d’origine)"
ACCEPTED_ANSWER = "✅ Réponse retenue"
GOES_ON = "… Lire la suite :"


def content_of(order: Order) -> dict[str, Any]:
    """What to send as `m.room.message`. A text too long for Matrix is cut, visibly, with a link to all of it."""
    content = _event(order, _text(order), _html(order))
    length = len(order.content.text) if order.content else 0
    while size(content) > EVENT_LIMIT and length > 0:
        length = length * 2 // 3
        text = _beginning(order, length)
        content = _event(order, text, from_text(text))
    return content


def reaction_of(order: Order) -> dict[str, Any]:
    """What to send as `m.reaction`. A key need be no emoji: the mark of an answer says in words what it is."""
    key = ACCEPTED_ANSWER if order.act is Act.ACCEPTED else order.emoji
    relation = {"rel_type": "m.annotation", "event_id": order.target, "key": key}
    return {"m.relates_to": relation, SUBJECT: order.subject, KEY: order.key}


def size(content: dict[str, Any]) -> int:
    """Bytes of the content as a homeserver counts them (canonical JSON)."""
    return len(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode())


def _event(order: Order, text: str, html: str) -> dict[str, Any]:
    written: dict[str, Any] = {"msgtype": _msgtype(order), "body": text, "format": "org.matrix.custom.html", "formatted_body": html}
    # Present and empty: without it "@room" in another ministry's text would ring in every pocket of this room.
    written["m.mentions"] = {}
    marks = {SUBJECT: order.subject, KEY: order.key}
    if order.act is Act.EDITED and order.native_id:
        relation = {"rel_type": "m.replace", "event_id": order.native_id}
        fallback = {"msgtype": written["msgtype"], "body": f"* {text[:200]}", "m.mentions": {}}
        return {**fallback, **marks, "m.new_content": {**written, **marks}, "m.relates_to": relation}
    if order.parent:
        written["m.relates_to"] = {"m.in_reply_to": {"event_id": order.parent}}
    return {**written, **marks}


def _msgtype(order: Order) -> str:
    return "m.notice" if order.author and order.author.kind != "person" else "m.text"


def _text(order: Order) -> str:
    body = order.content.text if order.content else ""
    files = [f"{file.name} : {file.link}" for file in order.attachments]
    return "\n".join([*_opening(order), body, *files])


def _html(order: Order) -> str:
    opening = "".join(f"<p><strong>{escape(line)}</strong></p>" for line in _opening(order))
    body = order.content.html if order.content else ""
    files = "".join(f'<li><a href="{escape(file.link)}">{escape(file.name)}</a></li>' for file in order.attachments)
    return to_formatted(opening + body + (f"<ul>{files}</ul>" if files else ""))


def _opening(order: Order) -> list[str]:
    title = [order.title] if order.title else []
    alone = ["En réponse à un message qui n’est pas dans ce salon"] if order.parent_missing and not order.parent else []
    return [*title, *alone]


def _beginning(order: Order, length: int) -> str:
    """The first characters, up to a whole word, and where the rest is."""
    body = order.content.text if order.content else ""
    kept = body[:length].rsplit(None, 1)[0] if body[:length].strip() else ""
    rest = f"{GOES_ON} {order.link}" if order.link else ENDS_HERE
    return "\n".join([*(line[:500] for line in _opening(order)), kept, rest])
