"""From what a peer's server says to our facts: a post becomes a message, a like a reaction. Pure, and never believes a text to be safe."""

from __future__ import annotations

import hashlib
import html as entities
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter, ValidationError

from hub.federation import ministries
from hub.federation.ministries import MEMBER
from hub.ports import RefusedError
from schemas import provenance
from schemas.activities import POSTS, author_of, authority_of, id_of, ids_of, ministry_via, organisation_of, type_of
from schemas.facts.external import External
from schemas.facts.message import TEXT_LIMIT, Attachment, Author, Content, Mention, MessageEdited, MessagePosted
from schemas.facts.reaction import EMOJI_LIMIT, ReactionAdded
from schemas.markup.canon import canonical
from schemas.markup.safe import from_text
from schemas.markup.tree import Element, parse, serialised, text_of
from schemas.markup.words import words
from schemas.names import one_line
from schemas.origins import origin_of
from schemas.scalars import Moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hub.federation.followers import ExternalObject
    from hub.federation.verification import VerifiedActivity
    from schemas.markup.tree import Node

AHEAD: Final = timedelta(minutes=5)
FILES_LIMIT: Final = 50
MENTIONS_LIMIT: Final = 20
CHOICES_LIMIT: Final = 50
HEADINGS: Final = frozenset(("h1", "h2"))
LIKE: Final = "👍"
WORDS: Final = frozenset(("content", "contentMap", "name", "nameMap", "source", "summary", "attachment", MEMBER))
"""Members in which an object says something."""
NOBODY: Final = "Quelqu’un"
_MOMENT: Final[TypeAdapter[datetime]] = TypeAdapter(Moment)
_CONTROLS: Final = frozenset(map(chr, (*range(0x20), *range(0x7F, 0xA0))))


@dataclass(frozen=True, slots=True)
class Heard:
    """A post as this server understands it, before it is known where it belongs."""

    fact: MessagePosted
    object_id: str
    in_reply_to: str
    at: datetime
    marker: str
    """Which state of the post this is: the same from whomever it comes."""


def author(actor: str, activity: VerifiedActivity) -> Author:
    """The author as people read her: the name that her server gives, the server, « externe »."""
    known = activity.provenance.named(actor)
    name = one_line(known.name, 100) if known else ""
    kind = "bot" if known is not None and known.kind in {"Service", "Application"} else "person"
    shown = name or one_line(actor.rstrip("/").rpartition("/")[2].lstrip("@"), 100) or NOBODY
    return Author(name=shown, organisation=organisation_of(authority_of(actor) or "?"), kind=kind)


def external(activity: VerifiedActivity, made: str) -> External:
    """What the last door needs to check again."""
    told = activity.told
    return External(
        actor=told.actor, server=authority_of(told.actor) or "", object=made, activity=activity.unparsed.decode(),
        document=activity.document.decode() if activity.document is not None else None, via=told.via, provenance=provenance.written(activity.signed),
    )  # fmt: skip


def taken_back(activity: VerifiedActivity, known: ExternalObject) -> External | None:
    """The act by which somebody takes something back, for those whom we told of it; None where others did, or where it says the words again.

    What came through a Group was told by that Group alone, which tells of its end too.
    """
    told = activity.told
    if known.via is not None and told.via is None:
        return None
    said = told.object if isinstance(told.object, dict) else {}
    if told.verb == "Delete" and WORDS & said.keys():
        return None  # a deletion must not be what spreads and keeps the words
    return external(activity, known.id)


def post(activity: VerifiedActivity, now: datetime) -> Heard:
    """A post that was made or edited; raises RefusedError by name for what is none that a community could read."""
    note: Any = activity.told.object
    if not isinstance(note, dict) or type_of(note) not in POSTS:
        raise RefusedError("object_not_a_post")
    if author_of(note) != activity.told.actor:
        raise RefusedError("not_owner")
    at = moment_in(note.get("published")) or activity.received
    if at > now + AHEAD:
        raise RefusedError("time_in_future")
    reply = id_of(note.get("inReplyTo"))
    title, html, mentions = _content(note)
    files = tuple(_files(note))
    if not html and not title and not files:
        raise RefusedError("post_without_text")
    if len(html) > TEXT_LIMIT or len(text := words(html)) > TEXT_LIMIT:
        raise RefusedError("text_too_long")
    if activity.provenance.ministry:
        return Heard(_of_ministry(note, activity), activity.told.object_id, reply, at, _marker(note))
    fact = (MessageEdited if activity.told.verb == "Update" else MessagePosted)(
        space=authority_of(activity.told.actor) or "?", author=author(activity.told.actor, activity),
        content=Content(html=html, text=text, language=_language(note)), title=None if reply else title, link=_page(note),
        attachments=files, mentions=mentions, external=external(activity, activity.told.object_id),
    )  # fmt: skip
    return Heard(fact, activity.told.object_id, reply, at, _marker(note))


def _of_ministry(note: Mapping[str, Any], activity: VerifiedActivity) -> MessagePosted:
    """What a ministry of another Trait d'union signed, in its author's name, cleaned as everybody's; not what its server shows of it."""
    said, server = ministries.reread(note), authority_of(activity.told.actor) or "?"
    if said is None:
        raise RefusedError(ministries.Fault.MALFORMED)
    organisation = ministry_via(activity.provenance.ministry, server)
    html = canonical(said.content.html, None, lambda _: None)
    return (MessageEdited if activity.told.verb == "Update" else MessagePosted)(
        space=server, author=Author(name=one_line(said.author.name, 100) or NOBODY, organisation=organisation, kind=said.author.kind),
        content=Content(html=html, text=words(html), language=said.content.language), title=said.title, link=_page(note),
        attachments=said.attachments[:FILES_LIMIT], mentions=said.mentions[:MENTIONS_LIMIT],
        external=external(activity, activity.told.object_id),
    )  # fmt: skip


def reaction(activity: VerifiedActivity) -> ReactionAdded:
    """A like, or an emoji that somebody set; raises RefusedError where it is a picture that only that server knows."""
    return ReactionAdded(
        space=authority_of(activity.told.actor) or "?",
        author=author(activity.told.actor, activity),
        emoji=emoji(activity.told.act),
        external=external(activity, activity.told.id),
    )


def emoji(act: Mapping[str, Any]) -> str:
    """As what a gesture is shown here; raises RefusedError likewise."""
    said = act.get("content", act.get("_misskey_reaction"))
    if said is None and type_of(act) == "Like":
        return LIKE
    if not isinstance(said, str) or not 0 < len(said) <= EMOJI_LIMIT or said[0] == ":" or _CONTROLS & set(said):
        if type_of(act) == "Like":
            return LIKE
        raise RefusedError("emoji_unreadable")
    return said


def _marker(note: Mapping[str, Any]) -> str:
    """The state of a post by its own date of change, else by what it says: counters of deliveries say nothing."""
    updated = moment_in(note.get("updated"))
    if updated is not None:
        return updated.astimezone(UTC).isoformat()
    said = "\0".join(str(note.get(name)) for name in ("name", "summary", "content", "contentMap", "attachment", "sensitive"))
    return hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()[:32]


def moment_in(said: object) -> datetime | None:
    """A moment, where a text is one that tells its zone."""
    try:
        return _MOMENT.validate_python(said) if isinstance(said, str) else None
    except ValidationError:
        return None


# --- words ------------------------------------------------------------------------------------------------------------------


def _content(note: Mapping[str, Any]) -> tuple[str | None, str, tuple[Mention, ...]]:
    """Title, HTML and mentions: what is said to be sensitive is folded under its warning."""
    mentions = _mentions(note)
    html = canonical(_written(note), None, lambda element: _mention(element, mentions))
    title, html = _titled(note, html)
    html += _choices(note)
    warning = _line(note.get("summary"), 500) if type_of(note) in {"Note", "Question"} else ""
    if warning or note.get("sensitive") is True:
        html = f"<details><summary>{entities.escape(warning or 'Contenu sensible', quote=False)}</summary>{html}</details>"
    return title, html, tuple(mention for mention, _ in mentions)


def _written(note: Mapping[str, Any]) -> str:
    """The content, or the first of its languages; plain text is told by its media type."""
    said = note.get("content")
    if not isinstance(said, str):
        several = note.get("contentMap")
        said = next((text for text in several.values() if isinstance(text, str)), "") if isinstance(several, dict) else ""
    said = said.replace("\x00", "")[: TEXT_LIMIT + 1]
    return from_text(said) if note.get("mediaType") == "text/plain" else said


def _titled(note: Mapping[str, Any], html: str) -> tuple[str | None, str]:
    """A title of its own (NodeBB, Lemmy), or the heading with which the text begins (WordPress)."""
    if title := _line(note.get("name"), 500):
        return title, html
    if not html.startswith(("<h1", "<h2")):
        return None, html
    nodes = parse(html)
    first = nodes[0]
    if not isinstance(first, Element) or first.tag not in HEADINGS or len(nodes) == 1:
        return None, html
    title = one_line(text_of(first.children), 500)
    return (title, serialised(nodes[1:]).strip()) if title else (None, html)


def _choices(note: Mapping[str, Any]) -> str:
    """What a poll lets choose from; nobody votes from here."""
    listed = note.get("oneOf", note.get("anyOf"))
    names = [_line(one.get("name"), 200) for one in listed[:CHOICES_LIMIT] if isinstance(one, dict)] if isinstance(listed, list) else []
    items = "".join(f"<li>{entities.escape(name, quote=False)}</li>" for name in names if name)
    return f"<ul>{items}</ul>" if items else ""


def _language(note: Mapping[str, Any]) -> str | None:
    """The language under which the content itself stands."""
    several = note.get("contentMap")
    if not isinstance(several, dict):
        return None
    said = note.get("content")
    found = [tag for tag, text in several.items() if text == said] or list(several)[:1]
    return found[0][:35] if found and found[0].isascii() and found[0].replace("-", "").isalnum() else None


def _mentions(note: Mapping[str, Any]) -> list[tuple[Mention, str]]:
    """Whom the post calls, with the address under which its text links her."""
    found: dict[str, Mention] = {}
    for tag in _listed(note.get("tag")):
        href, name = tag.get("href"), _line(tag.get("name"), 200)
        if type_of(tag) != "Mention" or not isinstance(href, str) or (server := authority_of(href)) is None:
            continue
        shown = one_line(name.lstrip("@").partition("@")[0] or href.rpartition("/")[2], 100) or NOBODY
        found.setdefault(href, Mention(name=shown, organisation=organisation_of(server)))
    return [(mention, href) for href, mention in list(found.items())[:MENTIONS_LIMIT]]


def _mention(element: Element, mentions: Sequence[tuple[Mention, str]]) -> Sequence[Node] | None:
    if element.tag != "a" or "mention" not in element.classes:
        return None
    for number, (mention, href) in enumerate(mentions):
        if element.attributes.get("href") == href:
            return [Element("span", {"data-mention": str(number)}, [f"@{mention.name}"])]
    return None


# --- what stands beside them -----------------------------------------------------------------------------------------------


def _files(note: Mapping[str, Any]) -> Iterator[Attachment]:
    """Files by reference: what a browser could open, under the name that people gave it."""
    for one in _listed(note.get("attachment"))[:FILES_LIMIT]:
        link = _href(one.get("url")) or _href(one.get("href"))
        if not link:
            continue
        media = one.get("mediaType")
        name = _line(one.get("name"), 255) or one_line(link.partition("?")[0].rpartition("/")[2], 255) or "fichier"
        yield Attachment(name=name, link=link, media_type=media[:127] if isinstance(media, str) and media.isprintable() else None)


def _page(note: Mapping[str, Any]) -> str | None:
    """The page that people can open: the post's own, which must be of its own server."""
    own = id_of(dict(note))
    link = _href(note.get("url"))
    return link if link and origin_of(link) == origin_of(own) else own or None


def _href(value: object) -> str:
    """An http address in a member that may be a text, a Link, or a list of them (the page before the files, as PeerTube has it)."""
    several = value if isinstance(value, list) else [value]
    for one in several:
        said = one.get("href") if isinstance(one, dict) else one
        if isinstance(said, str) and origin_of(said) is not None:
            return said
    return ""


def _listed(value: object) -> list[dict[str, Any]]:
    several = value if isinstance(value, list) else [value]
    return [one for one in several[: FILES_LIMIT * 4] if isinstance(one, dict)]


def _line(said: object, limit: int) -> str:
    return one_line(said, limit) if isinstance(said, str) else ""


def parents(note: Mapping[str, Any]) -> tuple[str, ...]:
    """What a post answers."""
    return ids_of(note.get("inReplyTo"))
