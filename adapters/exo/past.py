"""What a space of eXo held before its tie: its activities page by page, then the comments under each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from adapters.exo.contract import SYSTEM_TYPES
from adapters.exo.dialect import Page
from adapters.exo.reading import Entry, timed
from adapters.offers import Held, Survey
from adapters.port import Later, Never

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from adapters.exo.alpha3 import Alpha3
    from adapters.exo.v1 import V1

GONE: Final = Never("not_found")


async def survey(exo: V1 | Alpha3, account: str, space: str, since: datetime, cursor: str | None) -> Survey | Later | Never:
    """All activities touched since, a page at a time; then the comments of one of them at a time.

    The cursor tells where the pages go on and whose comments are to be read, or those alone.
    """
    at = json.loads(cursor) if cursor is not None else {"place": None, "roots": []}
    if isinstance(at, list):
        return await _under(exo, account, since, at)
    page = await exo.page(space, at["place"])
    if page == GONE and at["place"] is not None:  # with the activity that named it: what was found meanwhile is found
        return Survey((), json.dumps({**at, "place": None}))
    if not isinstance(page, Page):
        return page
    entries = [one for one in page.entries if isinstance(one, Entry)]
    touched = [one for one in entries if one.updated >= since + exo.api.offset]
    roots = [*dict.fromkeys([*at["roots"], *(one.activity for one in touched if one.comments != 0)])]
    further = page.cursor if touched or not entries else None
    held = tuple(_held((timed(one, exo.api.offset) for one in entries), account, since))
    return Survey(held, json.dumps({"place": further, "roots": roots}) if further is not None else _rest(roots))


async def _under(exo: V1 | Alpha3, account: str, since: datetime, activities: list[str]) -> Survey | Later:
    first, *rest = activities
    page = await exo.comments(first, "")
    if isinstance(page, Later):
        return page
    found = page.entries if isinstance(page, Page) else ()  # gone meanwhile, with its comments
    entries = (timed(one, exo.api.offset) for one in found if isinstance(one, Entry))
    return Survey(tuple(_held(entries, account, since)), _rest(rest))


def _rest(roots: list[str]) -> str | None:
    return json.dumps(roots) if roots else None


def _held(entries: Iterable[Entry], account: str, since: datetime) -> Iterable[Held]:
    for entry in entries:
        if entry.made_at >= since and not entry.hidden and entry.type not in SYSTEM_TYPES and entry.account.casefold() != account:
            yield Held(entry.native_id, entry.made_at)
