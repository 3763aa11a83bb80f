"""What Discourse cooks of Markdown, said in the subset of HTML in which messages travel. No I/O."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import emoji

from adapters.markup import canonical
from adapters.markup.markdown import HIDDEN
from adapters.mentions import pointing
from schemas.markup.tree import Element, text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.markup.tree import Node

_TONES = {f"t{number}": chr(0x1F3FA + number - 1) for number in range(2, 7)}
_LANGUAGE = re.compile(r"lang(?:uage)?-([A-Za-z0-9+#._-]{1,40})")
_NO_LANGUAGE = frozenset(("auto", "plaintext", "text", "nohighlight"))
_SPOILERS = frozenset(("spoiler", "spoiled", "spoiler-blurred"))
_HASHTAGS = frozenset(("hashtag", "hashtag-cooked"))
_POLL = "Sondage, à voir dans le message d’origine :"


_ASIDE = re.compile(r"<aside\b[^<>]*\bquote\b[^<>]*>")
_PLACE = re.compile(r"\bdata-(post|topic)=[\"']?([1-9][0-9]{0,15})\b")
MOST_QUOTED = 20


def quoted_in(cooked: str) -> list[tuple[int, int]]:
    """The topics and numbers of the posts that a post quotes, each once; the forum's previews of topics, which do not leave, are none."""
    found = (dict(_PLACE.findall(tag)) for tag in _ASIDE.findall(cooked) if "data-username" in tag)
    places = [(int(one["topic"]), int(one["post"])) for one in found if len(one) == 2]  # noqa: PLR2004 - both
    return list(dict.fromkeys(places))[:MOST_QUOTED]


def from_cooked(cooked: str, home: str, called: list[str] | None = None) -> str:
    """The subset's HTML of a post; `home` is the site's address, for links that name none. `called` gets the user names of whom it calls."""
    found: list[str] = [] if called is None else called

    def rewrite(element: Element) -> Sequence[Node] | None:
        if element.tag == "a" and "mention" in element.classes:
            return pointing("username:" + text_of(element.children).strip().removeprefix("@"), element.children, found)
        if element.tag == "a" and "inline-onebox" in element.classes and _address(element).startswith(home.rstrip("/") + "/"):
            return [_bare(_address(element))]  # its author wrote an address: the title, and who wrote there, are others' words
        return _rewrite(element)

    return canonical(cooked, home, rewrite)


def _rewrite(element: Element) -> Sequence[Node] | None:
    classes = set(element.classes)
    match element.tag:
        case "img":
            return _image(element, classes)
        case "a":
            return _link(element, classes)
        case "aside":
            return _aside(element, classes)
        case "code":
            return [Element("code", _language(element), element.children)]
        case "div" | "span":
            return _wrapper(element, classes)
        case "video" | "audio":
            return _played(element)
        case _:
            return None


def _image(image: Element, classes: set[str]) -> Sequence[Node]:
    if "emoji" in classes:
        return [_emoji(image.attributes.get("alt") or image.attributes.get("title", ""))]
    if classes & {"avatar", "site-icon"}:
        return []
    return [Element("img", {name: value for name, value in image.attributes.items() if name in {"src", "alt"}})]


def _emoji(code: str) -> str:
    """`:wave:t3:` as the sign itself; the name of one that this forum alone has."""
    name, _, tone = code.strip(":").partition(":")
    sign = emoji.emojize(f":{name}:", language="alias")
    return sign + _TONES.get(tone, "") if sign != f":{name}:" else code


def _link(link: Element, classes: set[str]) -> Sequence[Node] | None:
    if "anchor" in classes:
        return []
    if "lightbox" in classes:
        shown = next((one for one in link.children if isinstance(one, Element) and one.tag == "img"), Element("img"))
        return [Element("img", {"src": link.attributes.get("href", ""), "alt": shown.attributes.get("alt", "")})]
    if "mention-group" in classes:
        return link.children
    if classes & _HASHTAGS:
        return [Element("a", {"href": link.attributes.get("href", "")}, [_hashtag(link)])]
    return None


def _hashtag(link: Element) -> str:
    """`#rh` as its author typed it, though the forum shows the category's name; of one under another (`#agents:rh`), its own."""
    typed = text_of(link.children).strip().lstrip("#").partition("::")[0]
    return "#" + (link.attributes.get("data-slug") or typed.rpartition(":")[2])


def _aside(aside: Element, classes: set[str]) -> Sequence[Node] | None:
    if "onebox" in classes:  # its author wrote an address: the rest is what the forum found there
        address = aside.attributes.get("data-onebox-src") or _first_address(aside.children)
        return [Element("p", {}, [_bare(address)])] if address else None
    if "quote" in classes:  # its title is the quoted person's user name, which stays in this forum
        titles, said = _parted(aside.children)
        address = _first_address(titles) if "data-topic" in aside.attributes and "data-username" not in aside.attributes else ""
        return [Element("p", {}, [_bare(address)])] if address else said  # whom nobody quoted: the forum's own preview of a topic
    return None


def _parted(children: Sequence[Node]) -> tuple[list[Node], list[Node]]:
    """The title of a quotation, and what it quotes."""
    titles = [one for one in children if isinstance(one, Element) and "title" in one.classes]
    return [*titles], [one for one in children if one not in titles]


def _bare(address: str) -> Element:
    return Element("a", {"href": address}, [address])


def _address(link: Element) -> str:
    return link.attributes.get("href", "")


def _first_address(nodes: Sequence[Node]) -> str:
    """Where the first link in a preview leads: to what it previews."""
    found = (_address(one) if one.tag == "a" else _first_address(one.children) for one in nodes if isinstance(one, Element))
    return next(filter(None, found), "")


def _wrapper(element: Element, classes: set[str]) -> Sequence[Node] | None:
    if classes & _SPOILERS:
        if element.tag == "span":
            return [Element("span", {"data-spoiler": ""}, element.children)]
        return [Element("details", {}, [Element("summary", {}, [HIDDEN]), *element.children])]
    if "chcklst-box" in classes:
        return ["☑" if "checked" in classes else "☐"]
    if "poll" in classes:
        return [Element("p", {}, [_POLL]), *element.children]
    if "data-video-src" in element.attributes:
        return _file(element.attributes["data-video-src"])
    if element.tag == "div" and classes & {"md-table", "lightbox-wrapper"}:
        return element.children
    if "meta" in classes and classes <= {"meta"}:
        return []  # what stands under a picture: its name again, and its size
    return None


def _played(element: Element) -> Sequence[Node]:
    sources = [one.attributes.get("src", "") for one in element.children if isinstance(one, Element) and one.tag == "source"]
    address = element.attributes.get("src") or next(iter(sources), "")
    return _file(address) if address else element.children


def _file(address: str) -> Sequence[Node]:
    return [Element("a", {"href": address}, [address.rpartition("/")[2] or address])]


def _language(element: Element) -> dict[str, str]:
    found = _LANGUAGE.search(element.attributes.get("class", ""))
    return {"class": f"language-{found[1]}"} if found and found[1] not in _NO_LANGUAGE else {}
