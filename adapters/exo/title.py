"""eXo's HTML, both ways: what its editor makes, said in the subset in which messages travel, and the subset in what its sanitiser keeps.

Sources: `HTMLSanitizer` and `MentionUtils` of Meeds-io: an « @ » before a user name calls her wherever it stands, in code too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from adapters.markup import canonical, safe_html
from adapters.markup.inline import WORD_JOINER
from adapters.markup.shown import linked, plain_table, without_pictures
from adapters.markup.tree import Element, mapped, parse, serialised

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.markup.tree import Node

_PROFILE = re.compile(r"/portal/[^/?#]+/profile/([^/?#]+)/?$")
_SHOWN_AS = {"del": "strike", "s": "strike", "ins": "u", "kbd": "code", "tt": "code", "mark": "strong", "var": "em"}
_CALL = re.compile(r"@(?=[!-~])")


def from_title(title: str, home: str) -> str:
    """The subset's HTML of an activity's or a comment's."""
    return canonical(title, home, _read)


def to_title(html: str) -> str:
    """Sanitised once more here: what another node signed is still not ours to trust. Its words call nobody."""
    return serialised(silent(mapped(parse(safe_html(html)), _written)))


def silent(nodes: Sequence[Node]) -> list[Node]:
    """The same tree, in which an « @ » calls nobody."""
    return [
        quiet(node) if isinstance(node, str) else Element(node.tag, node.attributes, silent(node.children))
        for node in nodes
    ]  # fmt: skip


def quiet(text: str) -> str:
    """Words in which an « @ » calls nobody."""
    return _CALL.sub("@" + WORD_JOINER, text)


def _read(element: Element) -> Sequence[Node] | None:
    match element.tag:
        case "a" if _PROFILE.search(element.attributes.get("href", "")) or "metadata-tag" in element.classes:
            return element.children
        case "img":
            return [Element("img", {name: value for name, value in element.attributes.items() if name in {"src", "alt"}})]
        case _:
            return None


def _written(element: Element) -> Sequence[Node]:
    match element.tag:
        case "img":
            return linked(element)
        case "q":
            return ["« ", *element.children, " »"]
        case "span":
            return ["[texte masqué] ", *element.children]
        case "a":
            return without_pictures(element)
        case "details":
            return element.children
        case "summary":
            return [Element("p", {}, [Element("strong", {}, element.children)])]
        case "table":
            return [plain_table(element)]
        case "abbr":
            return element.children
        case tag:
            return [Element(_SHOWN_AS.get(tag, tag), element.attributes, element.children)]
