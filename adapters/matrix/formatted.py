"""Matrix's HTML, both ways: what clients write, said in the subset in which messages travel, and the subset in the tags that clients show.

Source: Client-Server API 1.15, « m.room.message msgtypes » (tags and attributes that a client should show).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from adapters.markup import canonical, safe_html
from adapters.markup.shown import WEB, linked, plain_table, without_pictures
from adapters.matrix.payload import media_link
from adapters.mentions import CALL, pointing
from schemas.markup.tree import Element, mapped, parse, serialised, text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.markup.tree import Node

_ROOT = "https://matrix.to/#/"
_PERSON = re.compile(r"(?:https?://[^?#\s]+#/(?:user/)?@|matrix:u(?:ser)?/)([^/?#\s@:]+:[^/?#\s]+)", re.IGNORECASE)
"""A link to a person: `matrix.to`, a client's own (Element's `permalink_prefix`, which Tchap sets; MSC4352), the `matrix:` scheme (MSC2312)."""
_SHOWN_AS = {"kbd": "code", "tt": "code", "ins": "u", "var": "em", "strike": "del"}
_UNWRAPPED = frozenset(("abbr", "small"))
MARKED = {"data-mx-bg-color": "#fff59d"}


def from_formatted(formatted: str, homeserver: str, called: list[str] | None = None) -> str:
    """The subset's HTML of a `formatted_body`; files of the media repository get the address under which they are fetched.

    `called` gets the ids of whom it calls.
    """
    found: list[str] = [] if called is None else called

    def rewrite(element: Element) -> Sequence[Node] | None:
        address = unquote(element.attributes.get("href", "")) if element.tag == "a" else ""  # some clients write « %40 » and « %3A »
        if person := _PERSON.match(address):
            return pointing(f"@{person[1]}", element.children, found)
        return _read(element, homeserver)

    return canonical(formatted, None, rewrite)


def to_formatted(html: str) -> str:
    """Sanitised once more here: what another node signed is still not ours to trust."""
    return formatted_of(parse(safe_html(html)))


def formatted_of(nodes: Sequence[Node]) -> str:
    """The same of a tree that `safe_html` has made; who is called in it by her id becomes a pill."""
    return serialised(mapped(nodes, _written))


def _read(element: Element, homeserver: str) -> Sequence[Node] | None:
    match element.tag:
        case "span" if "data-mx-spoiler" in element.attributes:
            return [Element("span", {"data-spoiler": element.attributes["data-mx-spoiler"]}, element.children)]
        case "span" if "data-mx-bg-color" in element.attributes:
            return [Element("mark", {}, element.children)]
        case "img":
            alternative = element.attributes.get("alt") or element.attributes.get("title", "")
            if "data-mx-emoticon" in element.attributes:
                return [alternative]
            source = element.attributes.get("src", "")
            address = media_link(homeserver, source) or (source if source.startswith(WEB) else None)
            return [Element("img", {"src": address, "alt": alternative})] if address else [alternative]
        case _:
            return None


def _written(element: Element) -> Sequence[Node]:
    match element.tag:
        case "img":
            return linked(element)
        case "q":
            return ["« ", *element.children, " »"]
        case "mark":
            return [Element("span", MARKED, element.children)]
        case "span":
            return _span(element)
        case "a":
            return without_pictures(element)
        case "dt":
            return [Element("p", {}, [Element("strong", {}, element.children)])]
        case "dd":
            return [Element("p", {}, element.children)]
        case "dl":
            return element.children
        case "table":
            return [plain_table(element)]
        case tag if tag in _UNWRAPPED:
            return element.children
        case tag:
            return [Element(_SHOWN_AS.get(tag, tag), element.attributes, element.children)]


def _span(element: Element) -> Sequence[Node]:
    """A pill for whom we call, a cover for what is hidden."""
    if CALL in element.attributes:
        return [Element("a", {"href": _ROOT + element.attributes[CALL]}, [text_of(element.children).removeprefix("@")])]
    if "data-spoiler" in element.attributes:
        return [Element("span", {"data-mx-spoiler": element.attributes["data-spoiler"]}, element.children)]
    return element.children
