"""What a copy looks like in eXo: HTML in an activity's title, and the marker by which we find it again. No I/O."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

from adapters.exo.title import quiet, title_of_tree, to_title
from adapters.files import body_of, lines_of
from adapters.markup import safe_html, spoken
from adapters.markup.division import divided
from adapters.mentions import called_in
from adapters.parts import parts_of
from adapters.people import signature_of
from adapters.titles import fitted

if TYPE_CHECKING:
    from adapters.port import Order

TEXT_LIMIT = 30_000
DELETED_NOTICE = "(message supprimé par son auteur)"
ANSWERED_GONE = "<blockquote>En réponse à : un message supprimé depuis</blockquote>"
_KEY = 16
_ORIGINAL = "Message d’origine"
_QUOTED = 120  # letters of what is answered
_ANSWERING = "En réponse à : "
_QUOTATION = re.compile(rf"<p><strong>[^<]*</strong> a écrit[^<]*</p>\s*(<blockquote>{_ANSWERING}[^<]{{0,1000}}</blockquote>)")
_WRITER = re.compile(r"<p><strong>([^<]{1,400})</strong> a écrit")


def marker(order: Order) -> str:
    """Of the object: the beginning of a fragment of a link at the copy's foot. eXo's sanitiser drops comments and keeps links."""
    return f"#traitdunion-{quote(order.subject, safe='')}-"


def act_marker(order: Order) -> str:
    """Of this very act: the whole fragment."""
    return f"{marker(order)}{quote(order.key, safe='')[:_KEY]}"


def html(order: Order, home: str, quoted: str = "") -> str:
    """Who wrote, what she wrote, where the original is."""
    who = f"<strong>{escape(quiet(signature_of(order.author)))}</strong>"
    later = order.part is not None and order.part.number > 1
    head = f"<p>{who} a écrit, suite ({order.part.number}/{order.part.of}) :</p>" if order.part and later else f"<p>{who} a écrit :</p>"
    head += quoted
    if order.parent_missing:
        head += "<p><em>En réponse à un message qui n’est pas dans cet espace.</em></p>"
    if order.title:
        head += f"<p><strong>{escape(quiet(order.title))}</strong></p>"
    body = title_of_tree(called_in(body_of(order), order)) or ("" if order.attachments else "<p>(message vide)</p>")
    files = "".join(
        f'<li><a href="{address(file.link)}">{escape(quiet(file.name))}</a>{escape(quiet(file.after))}</li>' for file in lines_of(order)
    )
    if order.part and order.part.number < order.part.of:
        body += f"<p><em>La suite est dans le commentaire suivant ({order.part.number}/{order.part.of})</em></p>"
    return head + body + (f"<ul>{files}</ul>" if files else "") + _foot(order, home)


def divided_for_stream(order: Order) -> tuple[Order, ...]:
    """A text too long for one activity or comment goes on in comments under it."""
    html = order.content.html if order.content else ""
    return (order,) if len(html) <= TEXT_LIMIT else parts_of(order, divided(html, TEXT_LIMIT, lambda piece: len(to_title(piece))))


def answering(name: str, html: str) -> str:
    """What an answer says first that eXo cannot put under what it answers; a copy, which has no `name`, says itself who wrote it."""
    own = html.replace(quoted_in(html), "") if quoted_in(html) else html
    said = fitted(" ".join(spoken(safe_html(own)).split()), _QUOTED)
    return f"<blockquote>{_ANSWERING}{escape(quiet(f'{name} : {said}' if name else said))}</blockquote>"


def answering_whom(name: str, html: str) -> str:
    """The same without the words, where nothing could be changed in it once they are taken back."""
    written = _WRITER.match(html)
    whom = escape(quiet(name)) if name else written[1] if written else "un autre commentaire"
    return f"<blockquote>{_ANSWERING}{whom}</blockquote>"


def quoted_in(html: str) -> str:
    """What a copy says first of what it answers, as it stands there already: an edit keeps it."""
    found = _QUOTATION.match(html)
    return found[1] if found else ""


def requoted(html: str, quotation: str) -> str:
    """A copy's HTML with that in the place of what it says first of what it answers."""
    found = _QUOTATION.match(html)
    return html[: found.start(1)] + quotation + html[found.end(1) :] if found else html


def deleted_html(order: Order, home: str) -> str:
    """What stands in place of an activity that others have commented."""
    return f"<p><em>{_gone(order)}</em></p>{_foot(order, home)}"


def answers_gone_html(order: Order, home: str, answers: int) -> str:
    """What an eXo says that can only delete an activity with what stands under it: the answers are gone here, and by nobody's will."""
    went = "Une réponse est partie" if answers == 1 else f"{answers} réponses sont parties"
    said = f"{_gone(order)} {went} d’ici avec lui : cet eXo ne sait pas les garder. Les autres réseaux les gardent."
    return f"<p><em>{said}</em></p>{_foot(order, home)}"


def _gone(order: Order) -> str:
    return f"({escape(quiet(order.reason))})" if order.reason else DELETED_NOTICE


def _foot(order: Order, home: str) -> str:
    """The way to the original, and our marker. An address that has a fragment (a Matrix client's) is nothing without it, so that the marker stands beside."""
    if order.link and "#" not in order.link:
        return f'<p><a href="{address(order.link)}{act_marker(order)}">{_ORIGINAL}</a></p>'
    original = f'<a href="{address(order.link)}">{_ORIGINAL}</a> · ' if order.link else ""
    return f'<p>{original}<a href="{address(home)}/{act_marker(order)}">Copié par Trait d’union</a></p>'


def address(link: str) -> str:
    """An address inside an attribute; what is no web address leads nowhere."""
    if not link.startswith(("https://", "http://")):
        return "#"
    return escape(re.sub(r"[<>\s\\]", lambda found: f"%{ord(found[0]):02X}", link))
