"""Whom a message calls: named by its author's connector, called in each RSE where that person is known, told by her name elsewhere.

What leaves an RSE of a mention is a display name and a ministry; user names stay inside.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from adapters.markup import safe_html, words
from adapters.people import chosen_name
from adapters.port import Acquaintance
from schemas.facts.message import MENTIONS_LIMIT, Content, Mention
from schemas.markup.tree import Element, mapped, parse, serialised, text_of
from schemas.names import ANYBODY, public_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from adapters.port import Change, Order, RseClient
    from schemas.markup.tree import Node

NAME_SECONDS = 2.0
MENTION, CALL = "data-mention", "data-call"
_FOREIGN = re.compile(r"(?P<name>.+) \((?P<organisation>[^()]+)\)")
_UNTOUCHED = frozenset(("a", "code", "pre"))


def pointing(handle: str, shown: Sequence[Node], called: list[str]) -> Sequence[Node]:
    """A mention as it is read: a number in place of the handle, which `called` keeps. Past what a fact may name, nobody by name, since a handle stays inside."""
    if handle not in called:
        if len(called) >= MENTIONS_LIMIT:
            return [f"@{ANYBODY}"]
        called.append(handle)
    return [Element("span", {MENTION: str(called.index(handle))}, [*shown])]


async def introduced(client: RseClient, change: Change) -> Change:
    """The change with a name and a ministry in place of each handle; one whose name the RSE does not tell is « un agent »."""
    if not change.called or change.content is None or change.author is None:
        return replace(change, called=())
    ours, nodes = change.author.organisation, parse(change.content.html)
    shown = dict(_shown(nodes))
    asked = (_introduced(client, handle, shown.get(str(number), ""), ours) for number, handle in enumerate(change.called))
    mentions = await asyncio.gather(*asked)  # at once: a platform whose webhook we answer waits for all of them

    def say(element: Element) -> Sequence[Node]:
        number = element.attributes.get(MENTION, "")
        if not number.isdecimal() or int(number) >= len(mentions):
            return [element]
        return [Element("span", {MENTION: number}, [f"@{mentions[int(number)].name}"])]

    html = serialised(mapped(nodes, say))
    content = Content(html=html, text=words(html), language=change.content.language)
    return replace(change, content=content, mentions=tuple(mentions), called=())


def _shown(nodes: Sequence[Node]) -> Iterator[tuple[str, str]]:
    """What each mention showed."""
    for node in nodes:
        if isinstance(node, Element):
            if MENTION in node.attributes:
                yield node.attributes[MENTION], text_of(node.children).strip().removeprefix("@")
            yield from _shown(node.children)


async def _introduced(client: RseClient, handle: str, shown: str, ours: str) -> Mention:
    """By the name that the RSE tells, else by what was shown, where that is no handle."""
    try:
        async with asyncio.timeout(NAME_SECONDS):
            name = chosen_name(await client.display_name(handle), handle)
    except TimeoutError:
        name = ""
    if not name and shown.casefold() not in handle.casefold():
        name = shown
    foreign = _FOREIGN.fullmatch(name)
    if foreign:
        return Mention(name=public_name(foreign["name"])[:200], organisation=foreign["organisation"][:200])
    return Mention(name=(public_name(name) or ANYBODY)[:200], organisation=ours)


def called_in(html: str, order: Order) -> list[Node]:
    """The tree of a message in which whoever is known here is called by her handle (`data-call`), which no message can write itself."""
    nodes = parse(safe_html(html))
    if not order.at_hand:
        return nodes
    named = {(one.name.casefold(), one.organisation): one for one in order.at_hand}
    ours = sorted((one for one in order.at_hand if one.organisation == order.organisation), key=lambda one: -len(one.name))
    pattern = re.compile("@(" + "|".join(re.escape(one.name) for one in ours) + r")(?!\w)", re.IGNORECASE) if ours else None
    return [call for node in nodes for call in _calls(node, order, named, pattern)]


def handles(nodes: Sequence[Node]) -> list[str]:
    """Who is called, each once."""
    found = [
        one
        for node in nodes
        if isinstance(node, Element)
        for one in ([node.attributes[CALL]] if CALL in node.attributes else handles(node.children))
    ]
    return list(dict.fromkeys(found))


Named = dict[tuple[str, str], Acquaintance]


def _calls(node: Node, order: Order, named: Named, pattern: re.Pattern[str] | None) -> Sequence[Node]:
    if isinstance(node, str):
        return _found(node, order, named, pattern) if pattern else [node]
    if MENTION in node.attributes:
        mention = _mentioned(node, order.mentions)
        one = named.get((mention.name.casefold(), mention.organisation)) if mention else None
        return [_call(one, text_of(node.children))] if one else node.children
    if node.tag in _UNTOUCHED:
        return [node]
    return [Element(node.tag, node.attributes, [call for child in node.children for call in _calls(child, order, named, pattern)])]


def _found(text: str, order: Order, named: Named, pattern: re.Pattern[str]) -> Sequence[Node]:
    nodes: list[Node] = []
    last = 0
    for found in pattern.finditer(text):
        one = named[found[1].casefold(), order.organisation]
        nodes += [text[last : found.start()], _call(one, found[0])]
        last = found.end()
    return [*nodes, text[last:]]


def _call(one: Acquaintance, shown: str) -> Element:
    return Element("span", {CALL: one.handle}, [shown])


def _mentioned(node: Element, mentions: Sequence[Mention]) -> Mention | None:
    number = node.attributes[MENTION]
    return mentions[int(number)] if number.isdecimal() and int(number) < len(mentions) else None
