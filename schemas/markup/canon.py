"""From what a platform shows to the one subset in which a message travels: one name for each thing, nothing of the platform's own."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from schemas.markup.safe import TAG_LIMIT, TAGS, readable_html, safe_html
from schemas.markup.tree import Element, Node, mapped, parse, serialised

Rewrite = Callable[[Element], Sequence[Node] | None]
"""What a platform's own element says in the subset; None where it says nothing of its own. Its children are rewritten already."""

_SAYS_MORE = re.compile(
    r"<(?:[bisu]|tt|strike|font|span|img|aside|a [^>]*class|input|video|audio|source|abbr)\b|class=|data-|matrix:u|#/(?:user/)?(?:@|%40)|/profile/",
    re.IGNORECASE,
)
"""Where none of this stands, what the cleaner keeps is the subset already."""
_ONE_NAME = {"b": "strong", "i": "em", "s": "del", "strike": "del", "tt": "code", "var": "em"}
_SAYS = frozenset(("data-mention", "data-spoiler"))
_WRAPPERS = frozenset(("abbr", "article", "aside", "audio", "header", "input", "section", "source", "video"))


def canonical(html: str, base: str | None, rewrite: Rewrite) -> str:
    """The subset's HTML of a platform's; relative links are made absolute with `base`. Never raises, whatever comes."""
    if html.count("<") > TAG_LIMIT or not _SAYS_MORE.search(html):
        return safe_html(html, base)
    return safe_html(serialised(mapped(parse(readable_html(html, base)), lambda element: _said(element, rewrite))), base)


def _said(element: Element, rewrite: Rewrite) -> Sequence[Node]:
    said = rewrite(element)
    return [one for node in ([element] if said is None else said) for one in _named(node)]


def _named(node: Node) -> Sequence[Node]:
    if isinstance(node, str):
        return [node]
    node.tag = _ONE_NAME.get(node.tag, node.tag)
    if node.tag == "img" and "src" not in node.attributes:
        return [node.attributes.get("alt", "")]
    if node.tag in _WRAPPERS or node.tag not in TAGS:
        return node.children
    if (node.tag == "span" and not _SAYS & node.attributes.keys()) or (node.tag == "a" and "href" not in node.attributes):
        return node.children
    return [node]
