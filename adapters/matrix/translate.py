"""One Matrix room event → one outcome: pure, and never raises whatever the event holds."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from adapters.internal import begins
from adapters.markup import from_text, words
from adapters.matrix.formatted import from_formatted
from adapters.matrix.names import is_ours, ministry_of
from adapters.matrix.payload import Event, Message, Redaction, Relating, Relation, media_link, permalink
from adapters.matrix.standing import standing_of
from adapters.people import author_of
from adapters.port import Act, Change, Incomplete, Nonsense, Outcome, RosterAltered, Unused
from schemas.facts.message import LINK_LIMIT, TEXT_LIMIT, Attachment, Content
from schemas.facts.reaction import EMOJI_LIMIT

if TYPE_CHECKING:
    from adapters.settings import Instance

READ = frozenset({"m.room.message", "m.room.redaction", "m.reaction"})
FILES = frozenset({"m.file", "m.image", "m.audio", "m.video"})
WORDS = frozenset({"m.text", "m.notice", "m.emote"}) | FILES

# What we name when we count what we do not use: any other type is "other", or a sender could fill the metrics with names of his own.
KNOWN_TYPES = frozenset(
    {
        "m.call.answer",
        "m.call.candidates",
        "m.call.hangup",
        "m.call.invite",
        "m.poll.end",
        "m.poll.response",
        "m.poll.start",
        "m.presence",
        "m.reaction",
        "m.receipt",
        "m.room.aliases",
        "m.room.avatar",
        "m.room.canonical_alias",
        "m.room.create",
        "m.room.encrypted",
        "m.room.encryption",
        "m.room.guest_access",
        "m.room.history_visibility",
        "m.room.join_rules",
        "m.room.member",
        "m.room.message",
        "m.room.name",
        "m.room.pinned_events",
        "m.room.power_levels",
        "m.room.redaction",
        "m.room.server_acl",
        "m.room.tombstone",
        "m.room.topic",
        "m.space.child",
        "m.space.parent",
        "m.sticker",
        "m.typing",
    }
)

_FALLBACK_OPENING = re.compile(r"> (?:\* )?<@[^>\n]{1,255}>")
EMOJI = re.compile(rf"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{{1,{EMOJI_LIMIT}}}")
_HTML = "org.matrix.custom.html"


def outcome_of(unverified_event: object, instance: Instance) -> Outcome:
    """Read one event of a transaction; a bad one is nonsense by name and spoils no other."""
    if not isinstance(unverified_event, dict):
        return Nonsense("event_not_an_object")
    kind = unverified_event.get("type")
    if not isinstance(kind, str):
        return Nonsense("event_without_type")
    if "state_key" in unverified_event:
        return standing_of(unverified_event, instance) or _of_state(kind, unverified_event, instance)
    if kind not in READ:
        return Unused(counted_type(kind))
    try:
        return _understood(Event.model_validate(unverified_event), instance)
    except ValidationError as error:
        return Nonsense("event_malformed", _where(error))


def _of_state(kind: str, unverified_event: dict[str, Any], instance: Instance) -> Outcome:
    """Somebody came, went, was banned or has another name: a hint, for any event may be late, doubled, or one of thousands."""
    room, user = unverified_event.get("room_id"), unverified_event.get("state_key")
    if kind != "m.room.member" or not isinstance(room, str) or (isinstance(user, str) and is_ours(user, instance)):
        return Unused(counted_type(kind))
    return RosterAltered(room)


def counted_type(kind: object) -> str:
    """The event type as a metric's label."""
    return kind if isinstance(kind, str) and kind in KNOWN_TYPES else "other"


def _where(error: ValidationError) -> str:
    """The fields that were wrong, never their values: these are what people wrote."""
    return ", ".join(sorted({".".join(str(part) for part in problem["loc"])[:80] for problem in error.errors()})[:5])


def _understood(event: Event, instance: Instance) -> Outcome:
    if event.type == "m.room.redaction":
        return _redaction(event, instance)
    if not event.content or (isinstance(event.unsigned, dict) and "redacted_because" in event.unsigned):
        return Unused(f"{event.type}.redacted")  # pruned before it reached us: its redaction follows
    if event.type == "m.reaction":
        return _reaction(event, instance)
    relating = Relating.model_validate(event.content)
    relation = relating.relates_to
    if relation is None or relation.rel_type != "m.replace":
        message = _unquoted(Message.model_validate(event.content), relation)
        return _written(Act.POSTED, event, event.event_id, message, relation.answered if relation else None, instance)
    if relation.edited is None or relating.new_content is None:
        return Nonsense("edit_without_target_or_new_content")
    if not is_ours(event.sender, instance):
        return Incomplete(relation.edited, Act.EDITED, space=event.room_id)
    return _written(Act.EDITED, event, relation.edited, relating.new_content, None, instance)


def standing_edit(unverified_message: dict[str, Any], instance: Instance) -> Change | Unused | Nonsense:
    """The edit of a message that people are shown, from the message as its homeserver tells it.

    Anybody in a room may send an edit of anybody's message, and name a message of another room. A homeserver passes them all on; clients
    show none but those of the message's own author (Client-Server API, « Validity of replacement events »), and so does its aggregation.
    """
    unsigned = unverified_message.get("unsigned")
    relations = unsigned.get("m.relations") if isinstance(unsigned, dict) else None
    replacement = relations.get("m.replace") if isinstance(relations, dict) else None
    if not isinstance(replacement, dict):
        return Unused("m.room.message.edit_not_shown")
    try:
        edit = Event.model_validate({"room_id": unverified_message.get("room_id"), **replacement})
        relating = Relating.model_validate(edit.content)
    except ValidationError as error:
        return Nonsense("event_malformed", _where(error))
    if relating.relates_to is None or relating.relates_to.edited is None or relating.new_content is None:
        return Nonsense("edit_without_target_or_new_content")
    new = _unquoted(relating.new_content, _relation_of(unverified_message))  # Element Android repeats the quotation in its edits
    return _written(Act.EDITED, edit, relating.relates_to.edited, new, None, instance)


def _relation_of(unverified_message: dict[str, Any]) -> Relation | None:
    try:
        return Relating.model_validate(unverified_message.get("content")).relates_to
    except ValidationError:
        return None


def _reaction(event: Event, instance: Instance) -> Outcome:
    """An emoji or a few words on a message; a picture of the media repository (`mxc:`) says nothing elsewhere."""
    relation = Relating.model_validate(event.content).relates_to
    if relation is None or relation.rel_type != "m.annotation" or relation.event_id is None:
        return Unused("m.reaction.other")
    key = relation.key
    if not isinstance(key, str) or not EMOJI.fullmatch(key) or key.startswith("mxc:"):
        return Unused("m.reaction.key")
    return Change(
        act=Act.REACTED,
        native_id=event.event_id,
        version=event.event_id,
        marker=event.event_id,
        space=event.room_id,
        actor=event.sender,
        occurred_at=_time(event),
        author=author_of(ministry_of(event.sender, instance)),
        parent=relation.event_id,
        emoji=key,
        by_us=is_ours(event.sender, instance),
    )


def _unquoted(message: Message, relation: Relation | None) -> Message:
    """The message without the quotation that clients put before a reply's text."""
    if relation is None or relation.in_reply_to is None:
        return message
    html = _without_quotation(message.formatted_body) if message.formatted_body else None
    return message.model_copy(update={"body": _without_fallback(message.body), "formatted_body": html})


def _redaction(event: Event, instance: Instance) -> Outcome:
    in_content, on_top = event.content.get("redacts"), event.redacts
    if in_content and on_top and in_content != on_top:
        # Room versions before 11 look at the top level, later ones at the content: a sender could write the other one himself.
        return Nonsense("redaction_names_two_events")
    return Change(
        act=Act.DELETED,
        native_id=Redaction.model_validate({"target": in_content or on_top}).target,
        version=event.event_id,
        marker=event.event_id,
        space=event.room_id,
        actor=event.sender,
        occurred_at=_time(event),
        by_us=is_ours(event.sender, instance),
    )


def _written(
    act: Act, event: Event, native_id: str, message: Message, parent: str | None, instance: Instance
) -> Change | Unused | Nonsense:
    if message.msgtype not in WORDS:
        return Unused("m.room.message.other")
    called: list[str] = []
    content = _content(message, instance.url, called)
    if content is None:
        return Nonsense("text_too_long")
    return Change(
        act=act,
        native_id=native_id,
        version=event.event_id,
        marker=event.event_id,
        space=event.room_id,
        actor=event.sender,
        occurred_at=_time(event),
        author=author_of(ministry_of(event.sender, instance), kind="bot" if message.msgtype == "m.notice" else "person"),
        content=content,
        link=_page(event.room_id, native_id, instance),
        parent=parent,
        attachments=_attachments(message, instance),
        called=tuple(called),
        handle=event.sender,
        by_us=is_ours(event.sender, instance),
        inside=begins(message.body, instance.mark),
    )


def _content(message: Message, homeserver: str, called: list[str]) -> Content | None:
    """Safe HTML and the same as text; None when it is longer than any message may be."""
    html, text = _markup(message, homeserver, called)
    return Content(html=html, text=text) if max(len(html), len(text)) <= TEXT_LIMIT else None


def _markup(message: Message, homeserver: str, called: list[str]) -> tuple[str, str]:
    if message.format == _HTML and message.formatted_body:
        html = from_formatted(message.formatted_body, homeserver, called)
        return html, words(html)
    text = f"* {message.body}" if message.msgtype == "m.emote" else message.body
    return from_text(text), text


def _without_quotation(html: str) -> str:
    """Drop the leading `<mx-reply>`; found by plain search, since a pattern would be slow on ten thousand of them."""
    end = html.find("</mx-reply>") if html.lstrip().startswith("<mx-reply>") else -1
    return html if end < 0 else html[end + len("</mx-reply>") :]


def _without_fallback(body: str) -> str:
    """Drop the `> <@who> …` lines that clients put before a reply; a quotation that the person wrote herself stays."""
    if not _FALLBACK_OPENING.match(body):
        return body
    lines = body.split("\n")
    kept = next((number for number, line in enumerate(lines) if not line.startswith(">")), len(lines))
    return "\n".join(lines[kept:]).removeprefix("\n")


def _attachments(message: Message, instance: Instance) -> tuple[Attachment, ...]:
    link = media_link(instance.url, message.url) if message.msgtype in FILES else None
    if link is None:
        return ()  # no file, or an encrypted one, which only its room may read
    name = (message.filename or message.body)[:255]
    return (Attachment(name=name, link=link, media_type=message.media_type, size=message.size),)


def _page(room: str, event_id: str, instance: Instance) -> str | None:
    """The message's page in the web client that the instance names (`web_url`), else its permalink; none past what a link may hold."""
    client = instance.options.get("web_url")
    page = f"{client.rstrip('/')}/#/room/{room}/{event_id}" if client else permalink(room, event_id, instance.options.get("server_name"))
    return page if len(page) <= LINK_LIMIT else None


def _time(event: Event) -> datetime:
    return datetime.fromtimestamp(event.origin_server_ts / 1000, tz=UTC)


def ephemeral_outcomes(unverified_transaction: dict[str, Any]) -> list[Outcome]:
    """Typing, presence, receipts, messages to devices: counted, never used."""
    keys = ("ephemeral", "de.sorunome.msc2409.ephemeral", "to_device", "de.sorunome.msc2409.to_device")
    lists = [found for key in keys if isinstance(found := unverified_transaction.get(key), list)]
    return [Unused(counted_type(item.get("type") if isinstance(item, dict) else None)) for found in lists for item in found]
