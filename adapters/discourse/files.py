"""The files of a post: attachments, pictures, films and sounds, by reference, as its cooked HTML shows them. No I/O."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from adapters.files import media_type_of
from schemas.facts.message import LINK_LIMIT, Attachment
from schemas.markup.safe import TAG_LIMIT, readable_html
from schemas.markup.tree import Element, parse, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schemas.markup.tree import Node

LIMIT = 50
_UNITS = {"bytes": 1, "octets": 1, "kb": 1024, "ko": 1024, "mb": 1024**2, "mo": 1024**2, "gb": 1024**3, "go": 1024**3}
_SIZE = re.compile(rf"([0-9][0-9.,]{{0,11}})[ \xa0\u202f]?({'|'.join(_UNITS)})\b", re.IGNORECASE)
_BEHIND = re.compile(r"^[\s\xa0]*\(([^()]{1,30})\)")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
_PLAYED = frozenset(("audio", "video"))


def files_of(cooked: str, home: str) -> tuple[Attachment, ...]:
    """Each file once, in the order of the text; what is no web address stays in the text only."""
    if not ("attachment" in cooked or "/uploads/" in cooked) or cooked.count("<") > TAG_LIMIT:
        return ()
    found: dict[str, Attachment] = {}
    for file in _files(parse(readable_html(cooked, home)), home):
        found.setdefault(file.link, file)
    kept = [file for file in found.values() if file.link.startswith(("https://", "http://")) and len(file.link) <= LINK_LIMIT]
    return tuple(kept[:LIMIT])


def _files(nodes: Sequence[Node], home: str) -> Iterator[Attachment]:
    for number, node in enumerate(nodes):
        if isinstance(node, str):
            continue
        classes = set(node.classes)
        if node.tag == "a" and "attachment" in classes:
            yield _file(text_of(node.children), node.attributes.get("href", ""), _behind(nodes[number + 1 :]))
        elif node.tag == "a" and "lightbox" in classes:
            yield _file(
                node.attributes.get("title") or _alternative(node), node.attributes.get("href", ""), _size(text_of(node.children)), "image"
            )
        elif node.tag == "img" and "/uploads/" in node.attributes.get("src", "") and not classes & {"emoji", "avatar"}:
            yield _file(node.attributes.get("alt", ""), node.attributes["src"], None, "image")
        elif source := _source(node):
            yield _file("", source if "://" in source else home + source, None)
        else:
            yield from _files(node.children, home)


def _source(node: Element) -> str:
    if "data-video-src" in node.attributes:
        return node.attributes["data-video-src"]
    if node.tag not in _PLAYED:
        return ""
    inner = (one.attributes.get("src", "") for one in node.children if isinstance(one, Element) and one.tag == "source")
    return node.attributes.get("src") or next(inner, "")


def _file(name: str, link: str, size: int | None, sort: str = "") -> Attachment:
    last = link.rpartition("/")[2]
    called = _CONTROLS.sub(" ", name).strip()[:255] or last[:255] or "fichier"
    media_type = media_type_of(called) or media_type_of(last)
    return Attachment(name=called, link=link, media_type=media_type if not sort or (media_type or "").startswith(sort) else None, size=size)


def _alternative(link: Element) -> str:
    return next((one.attributes.get("alt", "") for one in link.children if isinstance(one, Element) and one.tag == "img"), "")


def _behind(nodes: Sequence[Node]) -> int | None:
    """« (120 Ko) », which Discourse writes behind an attachment's link."""
    found = _BEHIND.match(nodes[0]) if nodes and isinstance(nodes[0], str) else None
    return _size(found[1]) if found else None


def _size(told: str) -> int | None:
    found = _SIZE.search(told)
    if found is None:
        return None
    try:
        return round(float(found[1].replace(",", ".")) * _UNITS[found[2].lower()])
    except ValueError:
        return None
