"""What a copy looks like in Discourse: its title, its Markdown, and the marker by which we find it again. No I/O."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from adapters.markup import escape_markdown, safe_html, spoken, to_markdown
from adapters.markup.inline import destination

if TYPE_CHECKING:
    from adapters.port import Order

POST_LIMIT = 32_000  # max_post_length
TITLE_MINIMUM, TITLE_LIMIT = 15, 255
EXTERNAL_ID_LIMIT = 50
DELETED_NOTICE = "*(message supprimé par son auteur)*"
_TITLE_WORDS = 80
_EXTERNAL_ID = re.compile(r"^[A-Za-z0-9_-]{1,50}$")
_UNKNOWN = "Auteur inconnu"
_FENCE = "```"


def marker(order: Order) -> str:
    """The comment that Discourse keeps in `raw` and shows to nobody; our words never hold one, since `<` is escaped."""
    return f"<!-- traitdunion:{order.subject} -->"


def external_id(order: Order) -> str:
    """The idempotency key of a topic: at most 50 letters, digits, `-` and `_`."""
    if _EXTERNAL_ID.match(order.subject):
        return order.subject
    return hashlib.sha256(order.subject.encode()).hexdigest()[:EXTERNAL_ID_LIMIT]


def raw(order: Order) -> str:
    """Who wrote, what she wrote, where the original is."""
    head = [f"**{escape_markdown(_identity(order))}** a écrit :"]
    if order.parent_missing:
        head.append("*En réponse à un message qui n’est pas dans cet espace.*")
    tail = [f"- [{escape_markdown(file.name)}]({destination(file.link)})" for file in order.attachments]
    if order.link:
        tail.append(f"[Message d’origine]({destination(order.link)})")
    tail.append(marker(order))
    start, end = "\n\n".join(head), "\n\n".join(tail)
    body = to_markdown(order.content.html) if order.content else ""
    return "\n\n".join((start, _shortened(body or "*(message vide)*", POST_LIMIT - len(start) - len(end) - 4), end))


def deleted_raw(order: Order) -> str:
    """What stands in place of a topic's first message when others have answered it."""
    return f"{DELETED_NOTICE}\n\n{marker(order)}"


def titles(order: Order) -> tuple[str, ...]:
    """Titles to try in turn: Discourse refuses a title of less than 15 characters, all in capitals, or used already."""
    own = _words(order)
    name = _identity(order)
    plain = own if len(own) >= TITLE_MINIMUM else f"{own} — {name}".strip(" —")
    if len(plain) < TITLE_MINIMUM:
        plain = f"{plain} — message partagé"
    key = external_id(order)[:8]
    if plain == own:
        return plain, _fitted(f"{plain} — {name}", TITLE_LIMIT), _kept_end(f"{plain} — {name} · {key}")
    return _fitted(plain, TITLE_LIMIT), _kept_end(f"{plain} · {key}"), _kept_end(f"{plain} · {external_id(order)}")


def _identity(order: Order) -> str:
    author = order.author
    if author is None:
        return _UNKNOWN
    return f"{' '.join(author.name.split()) or _UNKNOWN} ({' '.join(author.organisation.split())})"


def _words(order: Order) -> str:
    """The title given, else the first words of the message, on one line."""
    text = order.title or (spoken(safe_html(order.content.html)) if order.content else "")
    line = " ".join(text.split())
    if line.isupper():
        line = line.capitalize()
    return _fitted(line, TITLE_LIMIT if order.title else _TITLE_WORDS)


def _fitted(line: str, limit: int) -> str:
    """A line cut at a word's end."""
    if len(line) <= limit:
        return line
    cut = line[: limit - 1]
    words = cut.rsplit(" ", 1)[0]
    return (words if len(words) > limit // 2 else cut).rstrip(" ,;:") + "…"


def _kept_end(title: str) -> str:
    """A title cut in its beginning: its end makes it unique."""
    return title if len(title) <= TITLE_LIMIT else "…" + title[-(TITLE_LIMIT - 1) :]


def _shortened(body: str, room: int) -> str:
    if len(body) <= room:
        return body
    notice = "\n\n*(la suite dans le message d’origine)*"
    kept = body[: room - len(notice) - len(_FENCE) - 1].rstrip()
    if kept.count(_FENCE) % 2:
        kept += f"\n{_FENCE}"
    return kept + notice
