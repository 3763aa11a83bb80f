"""A message as a Note: what peers show, and beside it the ministry's own proof for those who can check it."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING, Any, Final

import nh3

from schemas.facts.message import MessageEdited, MessagePosted
from schemas.names import one_line
from schemas.proof import timestamp

if TYPE_CHECKING:
    from hub.federation.addresses import Addresses
    from schemas.envelope import CanonicalEvent
    from schemas.facts.message import Attachment, Author

PUBLIC: Final = "https://www.w3.org/ns/activitystreams#Public"
EVENT_MEMBER: Final = "ministryEvent"
"""Our own member of a Note, of the type `@json` in our context: a ministry's event as it came, for whoever checks its node's proof."""
TAGS: Final = frozenset(
    "a b blockquote br code del em h1 h2 h3 h4 h5 h6 i li ol p pre s strong u ul".split()  # noqa: SIM905 - a line of words reads better
)
SCHEMES: Final = frozenset({"http", "https"})
UNKNOWN: Final = "Auteur inconnu"
NAME_LIMIT: Final = 200


def followers(addresses: Addresses, community: str) -> str:
    """The collection of who follows a community."""
    return addresses.group(community) + "/followers"


def note(event: CanonicalEvent, fact: MessagePosted, community: str, answers: str | None, addresses: Addresses) -> dict[str, Any]:
    """The Note of a ministry's message, whole; `answers` is the address of what it answers.

    Its address is also where people read it: the link into the ministry's own RSE opens for its agents alone. When an edited one was first
    said, its event does not tell.
    """
    envelope, html = event.envelope, content(fact)
    address, said = addresses.note(envelope.subject), timestamp(envelope.time)
    made: dict[str, Any] = {
        "id": address,
        "type": "Note",
        "attributedTo": addresses.node(envelope.source),
        **addressing(community, addresses),
        "url": address,
        ("updated" if isinstance(fact, MessageEdited) else "published"): said,
        "content": html,
    }
    if fact.content.language:
        made["contentMap"] = {fact.content.language: html}
    if fact.title:
        made["name"] = fact.title
    if answers is not None:
        made["inReplyTo"] = answers
    if fact.attachments:
        made["attachment"] = [_document(one) for one in fact.attachments]
    return {**made, EVENT_MEMBER: ministry_event(event)}


def addressing(community: str, addresses: Addresses) -> dict[str, Any]:
    """To everybody, by the Group: `audience` for who knows FEP-1b12, `cc` for who looks for the Group there."""
    group = addresses.group(community)
    return {"to": [PUBLIC], "cc": [followers(addresses, community), group], "audience": group}


def ministry_event(event: CanonicalEvent) -> dict[str, Any]:
    """The signed attributes as received, the fact's bytes and the salt: all that a check of the ministry's proof needs."""
    return {"attributes": dict(event.attributes), "value": base64.b64encode(event.value).decode(), "salt": event.salt.hex()}


def content(fact: MessagePosted) -> str:
    """Who wrote, her title, what she wrote: agents are no actors here, so their name and ministry stand first, as in RSEs without ghosts.

    Cleaned again at this door; images are left out, for they would ask the ministry's own server who reads.
    """
    title = f"<p><strong>{escape(' '.join(fact.title.split()))}</strong></p>" if fact.title else ""
    cleaned = nh3.clean(
        fact.content.html, tags=set(TAGS), attributes={"a": {"href"}}, url_schemes=set(SCHEMES), link_rel="noopener noreferrer nofollow"
    )
    return f"<p><strong>{escape(identity(fact.author))}</strong> a écrit :</p>{title}{cleaned}"


def identity(author: Author) -> str:
    """« Inès Exemple (Ministère des finances) », without the invisible characters by which a name could turn round its ministry."""
    return f"{one_line(author.name, NAME_LIMIT) or UNKNOWN} ({one_line(author.organisation, NAME_LIMIT)})"


def _document(file: Attachment) -> dict[str, str]:
    """A file, by reference; who cannot open it is told nothing more than its name."""
    kind = {"mediaType": file.media_type} if file.media_type else {}
    return {"type": "Document", "name": file.name, "url": file.link, **kind}
