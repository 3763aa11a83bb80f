"""What a copy looks like in Discourse: its title, its Markdown, and the marker by which we find it again. No I/O."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from adapters.discourse.limits import DEFAULT
from adapters.files import body_of, lines_of
from adapters.markup import escape_markdown
from adapters.markup.inline import destination
from adapters.markup.markdown import blocks
from adapters.mentions import called_in
from adapters.parts import MOST_PARTS
from adapters.people import signature_of
from adapters.port import Act, Part
from adapters.titles import fitted, one_line, title_of

if TYPE_CHECKING:
    from adapters.discourse.limits import Limits
    from adapters.port import Order

EXTERNAL_ID_LIMIT = 50
DELETED_NOTICE = "*(message supprimé par son auteur)*"
_EXTERNAL_ID = re.compile(r"^[A-Za-z0-9_-]{1,50}$")
_FILLER = "Message partagé tel qu’il a été écrit dans son réseau d’origine. "
_GONE = "Ce qui était écrit ici n’est plus lisible. "
_MORE = "*La suite est dans la réponse suivante"


def marker(order: Order) -> str:
    """The comment that Discourse keeps in `raw` and shows to nobody; our words never hold one, since `<` is escaped."""
    return f"<!-- traitdunion:{order.subject} -->"


def external_id(order: Order) -> str:
    """The idempotency key of a topic: at most 50 letters, digits, `-` and `_`."""
    if _EXTERNAL_ID.match(order.subject):
        return order.subject
    return hashlib.sha256(order.subject.encode()).hexdigest()[:EXTERNAL_ID_LIMIT]


def raw(order: Order, limits: Limits = DEFAULT) -> str:
    """Who wrote, what she wrote, where the original is; never shorter than the site takes."""
    tail = [*_continued(order), *_files(order), *_original(order)]
    body = blocks(called_in(body_of(order), order)) or ("" if order.attachments else "*(message vide)*")
    written = _lengthened("\n\n".join((*_head(order, limits), *([body] if body else []), *tail)), limits.least, _FILLER)
    return f"{written}\n\n{marker(order)}{_occasion(order)}"


def _lengthened(written: str, least: int, filler: str) -> str:
    return written if len(written) >= least else f"{written}\n\n{(filler * (least // len(filler) + 1))[:least].rstrip()}"


def _occasion(order: Order) -> str:
    """By which event a later part is written, since it may have stood here before, in the same words, and have been taken away.

    Discourse answers what an API asks for twice within two minutes with the first answer, though that post be gone, and refuses an account
    that is not of its staff the same words within five (`DistributedMemoizer` in `PostsController#create`, `UniquePostValidator`).
    """
    if order.act is not Act.POSTED or order.part is None or order.part.number == 1:
        return ""
    return f"\n<!-- {order.key} -->"


def around(order: Order, limits: Limits) -> int:
    """How much of a post its first and last lines take, whatever part of the message it holds."""
    last = replace(order, act=Act.POSTED, key=f"{order.key}.{MOST_PARTS}", content=None, part=Part(MOST_PARTS, MOST_PARTS))
    return len(raw(last, limits)) + 2 * len(_MORE)


def deleted_raw(order: Order, limits: Limits = DEFAULT) -> str:
    """What stands in place of a topic's first message when others have answered it; never shorter than the site takes, or it would stay."""
    said = _lengthened(f"*({escape_markdown(order.reason)})*" if order.reason else DELETED_NOTICE, limits.least, _GONE)
    return f"{said}\n\n{marker(order)}"


def deleted_title(order: Order, limits: Limits = DEFAULT) -> str:
    """What stands in place of the title that such a topic had; no other bears it, and the site takes it."""
    said = "Message retiré par la modération" if order.reason else "Message supprimé par son auteur"
    return _filled(_kept_end(f"{said} · {external_id(order)[:8]}", limits.max_topic_title_length), limits.min_topic_title_length)


def titles(order: Order, limits: Limits = DEFAULT) -> tuple[str, ...]:
    """Titles to try in turn: Discourse refuses one that is too short, all in capitals, with a very long word, or used already."""
    own, name, key = title_of(order), signature_of(order.author), external_id(order)[:8]
    most, least = limits.max_topic_title_length, limits.min_topic_title_length
    plain = own if len(own) >= least else f"{own} — {name}".strip(" —")
    if len(plain) < least:
        plain = f"{plain} — message partagé"
    named = plain if plain != own else f"{plain} — {name}"
    sure = f"Message de {name}"  # none of her words: whatever it was that was refused in them
    found = (fitted(plain, most), fitted(named, most), _kept_end(f"{named} · {key}", most), _kept_end(f"{sure} · {key}", most))
    return tuple(dict.fromkeys(_filled(one, least) for one in found))


def _filled(title: str, least: int) -> str:
    return title if len(title) >= least else f"{title} · {_FILLER * (least // len(_FILLER) + 1)}"[: max(least, len(title) + 3)].rstrip()


def _head(order: Order, limits: Limits) -> list[str]:
    if order.part and order.part.number > 1:
        return [f"**{escape_markdown(signature_of(order.author))}** a écrit, suite ({order.part.number}/{order.part.of}) :"]
    head = [f"**{escape_markdown(signature_of(order.author))}** a écrit :"]
    if order.parent_missing:
        head.append("*En réponse à un message qui n’est pas dans cet espace.*")
    if order.title and fitted(one_line(order.title), limits.max_topic_title_length) != one_line(order.title):
        head.append(f"**{escape_markdown(one_line(order.title))}**")
    return head


def _continued(order: Order) -> list[str]:
    return [f"{_MORE} ({order.part.number}/{order.part.of})*"] if order.part and order.part.number < order.part.of else []


def _files(order: Order) -> list[str]:
    files = [f"- [{escape_markdown(file.name)}]({destination(file.link)}){escape_markdown(file.after)}" for file in lines_of(order)]
    return ["\n".join(files)] if files else []


def _original(order: Order) -> list[str]:
    return [f"[Message d’origine]({destination(order.link)})"] if order.link else []


def _kept_end(title: str, limit: int) -> str:
    """A title cut in its beginning: its end makes it unique."""
    return title if len(title) <= limit else "…" + title[-(limit - 1) :]
