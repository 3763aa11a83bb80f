"""eXo's HTML, both ways: what its editor makes, said in the subset in which messages travel, and the subset in what its sanitiser keeps.

Sources: `HTMLSanitizer` and `MentionUtils` of Meeds-io: an « @ » before a user name calls her wherever it stands, in code too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from adapters.markup import canonical, safe_html
from adapters.markup.inline import WORD_JOINER
from adapters.markup.shown import joined, linked, plain_table, without_pictures
from adapters.mentions import CALL, pointing
from schemas.markup.tree import Element, mapped, parse, serialised

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.markup.tree import Node

_PROFILE = re.compile(r"/portal/[^/?#]+/profile/([^/?#]+)/?$")
_SHOWN_AS = {"del": "strike", "s": "strike", "ins": "u", "kbd": "code", "tt": "code", "mark": "strong", "var": "em"}
_HANDLE = re.compile(r"[\w.-]{1,60}")
_CALL = re.compile(r"@(?=[!-~])")


def from_title(title: str, home: str, called: list[str] | None = None) -> str:
    """The subset's HTML of an activity's or a comment's; `called` gets the user names of whom it calls."""
    found: list[str] = [] if called is None else called

    def rewrite(element: Element) -> Sequence[Node] | None:
        profile = _PROFILE.search(element.attributes.get("href", "")) if element.tag == "a" else None
        return pointing(f"user:{profile[1]}", element.children, found) if profile else _read(element)

    return canonical(title, home, rewrite)


def to_title(html: str) -> str:
    """Sanitised once more here: what another node signed is still not ours to trust. Its words call nobody."""
    return title_of_tree(parse(safe_html(html)))


def title_of_tree(nodes: Sequence[Node]) -> str:
    """The same of a tree that `safe_html` has made; who is called in it by her user name is called."""
    return serialised(silent(mapped(nodes, _written)))


def silent(nodes: Sequence[Node]) -> list[Node]:
    """The same tree, in which an « @ » calls nobody."""
    return [
        quiet(node)
        if isinstance(node, str)
        else Element("span", {}, [f"@{node.attributes[CALL]}"])  # eXo reads up to the next element: « @claire, » would call nobody
        if _HANDLE.fullmatch(node.attributes.get(CALL, ""))
        else Element(node.tag, node.attributes, silent(node.children))
        for node in joined(nodes)
    ]  # fmt: skip


def quiet(text: str) -> str:
    """Words in which an « @ » calls nobody."""
    return _CALL.sub("@" + WORD_JOINER, text)


def _read(element: Element) -> Sequence[Node] | None:
    match element.tag:
        case "a" if "metadata-tag" in element.classes:
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
        case "span" if CALL in element.attributes:
            return [element]
        case "span":
            return ["[texte masqué] ", *element.children] if "data-spoiler" in element.attributes else element.children
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
