"""What a space of eXo held before its tie: its activities by their last touch, then the comments under each."""

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

MOST_ROOTS: Final = 2_000


async def survey(exo: V1 | Alpha3, account: str, space: str, since: datetime, cursor: str | None) -> Survey | Later | Never:
    """All activities touched since, at first; then the comments of one of them at a time, which the cursor names."""
    if cursor is None:
        page = await exo.window(space, since, MOST_ROOTS, "")
        roots: list[str] = []
    else:
        first, *roots = json.loads(cursor)
        page = await exo.comments(first, "")
    if isinstance(page, Later):
        return page
    if isinstance(page, Never):
        return page if cursor is None else Survey((), _rest(roots))  # gone meanwhile, with its comments
    entries = [one for one in page.entries if isinstance(one, Entry)] if isinstance(page, Page) else []
    if cursor is None:
        roots = [one.activity for one in entries if one.is_root and one.comments != 0 and one.updated >= since + exo.api.offset]
    return Survey(tuple(_held((timed(one, exo.api.offset) for one in entries), account, since)), _rest(roots))


def _rest(roots: list[str]) -> str | None:
    return json.dumps(roots) if roots else None


def _held(entries: Iterable[Entry], account: str, since: datetime) -> Iterable[Held]:
    for entry in entries:
        if entry.made_at >= since and not entry.hidden and entry.type not in SYSTEM_TYPES and entry.account.casefold() != account:
            yield Held(entry.native_id, entry.made_at)
