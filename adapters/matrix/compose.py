"""An order → the content of a Matrix event: text, safe HTML, relation, marker; in several events where one would be too large."""

from __future__ import annotations

import json
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING, Any

from adapters.files import body_of, lines_of
from adapters.markup import words
from adapters.markup.division import LEAST_ROOM, divided
from adapters.matrix.formatted import formatted_of, to_formatted
from adapters.mentions import called_in, handles
from adapters.notice_text import date_of
from adapters.parts import MOST_PARTS, parts_of
from adapters.port import Act, Part

if TYPE_CHECKING:
    from adapters.port import Order

SUBJECT = "fr.traitdunion.subject"
KEY = "fr.traitdunion.key"
EVENT_LIMIT = 60_000  # bytes of our content: Matrix takes 65,536 for the whole event, its own fields and signatures included
ACCEPTED_ANSWER = "✅ Réponse retenue"
_MARGIN = 2_000  # bytes: marks of part, the beginning that an edit shows once more


def content_of(order: Order, thread: str | None = None) -> dict[str, Any]:
    """What to send as `m.room.message`; `thread` is the root of the thread in which the answered message stands: its answer goes there too."""
    return _event(order, _text(order), _html(order), thread)


def divided_for_room(order: Order) -> tuple[Order, ...]:
    """A text too long for one event goes on in others that answer it."""
    if order.content is None or size(content_of(order)) <= EVENT_LIMIT:
        return (order,)
    around = size(content_of(replace(order, content=None, part=Part(MOST_PARTS, MOST_PARTS)))) + _MARGIN
    return parts_of(order, divided(order.content.html, max(EVENT_LIMIT - around, LEAST_ROOM), _weight))


def _weight(html: str) -> int:
    """Bytes that a piece takes twice: as HTML and as text; an edit shows the beginning a third time."""
    return size({"h": to_formatted(html), "t": words(html)})


def reaction_of(order: Order) -> dict[str, Any]:
    """What to send as `m.reaction`. A key need be no emoji: the mark of an answer says in words what it is."""
    key = ACCEPTED_ANSWER if order.act is Act.ACCEPTED else order.emoji
    relation = {"rel_type": "m.annotation", "event_id": order.target, "key": key}
    return {"m.relates_to": relation, SUBJECT: order.subject, KEY: order.key}


def size(content: dict[str, Any]) -> int:
    """Bytes of the content as a homeserver counts them (canonical JSON)."""
    return len(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode())


def _event(order: Order, text: str, html: str, thread: str | None) -> dict[str, Any]:
    written: dict[str, Any] = {"msgtype": _msgtype(order), "body": text, "format": "org.matrix.custom.html", "formatted_body": html}
    # Present and often empty: without it "@room" in another ministry's text would ring in every pocket of this room.
    written["m.mentions"] = _mentions(order)
    marks = {SUBJECT: order.subject, KEY: order.key}
    if order.act is Act.EDITED and order.native_id:
        relation = {"rel_type": "m.replace", "event_id": order.native_id}
        fallback = {"msgtype": written["msgtype"], "body": f"* {text[:200]}", "m.mentions": {}}
        return {**fallback, **marks, "m.new_content": {**written, **marks}, "m.relates_to": relation}
    if order.parent:
        within = {"rel_type": "m.thread", "event_id": thread, "is_falling_back": False} if thread else {}
        written["m.relates_to"] = {**within, "m.in_reply_to": {"event_id": order.parent}}
    return {**written, **marks}


def _mentions(order: Order) -> dict[str, Any]:
    """People of this homeserver who are called; a ghost has no pocket."""
    ours = {one.handle for one in order.at_hand if one.organisation == order.organisation}
    called = [handle for handle in handles(called_in(body_of(order), order)) if handle in ours] if ours else []
    return {"user_ids": called} if called else {}


def _msgtype(order: Order) -> str:
    """A notice rings in no pocket: what a program says, and what a person said long ago."""
    return "m.notice" if order.history or (order.author and order.author.kind != "person") else "m.text"


def _text(order: Order) -> str:
    body = [order.content.text] if order.content and body_of(order) else []
    files = [f"{file.name} : {file.link}{file.after}" for file in lines_of(order)]
    return "\n".join([*_opening(order), *body, *files, *_closing(order)])


def _html(order: Order) -> str:
    opening = "".join(f"<p><strong>{escape(line)}</strong></p>" for line in _opening(order))
    body = called_in(body_of(order), order)
    files = "".join(f'<li><a href="{escape(file.link)}">{escape(file.name)}</a>{escape(file.after)}</li>' for file in lines_of(order))
    closing = "".join(f"<p><em>{escape(line)}</em></p>" for line in _closing(order))
    return to_formatted(opening) + formatted_of(body) + to_formatted((f"<ul>{files}</ul>" if files else "") + closing)


def _opening(order: Order) -> list[str]:
    title = [order.title] if order.title else []
    alone = ["En réponse à un message qui n’est pas dans ce salon"] if order.parent_missing and not order.parent else []
    later = [f"Suite ({order.part.number}/{order.part.of})"] if order.part and order.part.number > 1 else []
    dated = [f"Message du {date_of(order.occurred_at)}"] if order.history and order.occurred_at else []
    return [*dated, *title, *alone, *later]


def _closing(order: Order) -> list[str]:
    return (
        [f"La suite est dans le message suivant ({order.part.number}/{order.part.of})"]
        if order.part and order.part.number < order.part.of
        else []
    )
