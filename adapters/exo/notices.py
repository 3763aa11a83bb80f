"""The notice in a tied space of eXo: an activity of the connector, pinned where that can be, found again by a link's fragment."""

from __future__ import annotations

import hashlib
from html import escape
from typing import TYPE_CHECKING, Final

from adapters.exo.dialect import Page
from adapters.exo.reading import EVER, Entry
from adapters.exo.render import address
from adapters.port import Later, Never, Written

if TYPE_CHECKING:
    from adapters.exo.alpha3 import Alpha3
    from adapters.exo.v1 import V1
    from adapters.offers import Notice
    from adapters.port import WriteOutcome

SEARCHED: Final = 100  # activities of a space in which our notice is looked for: after a crash it stands among the newest
_PREFIX: Final = "activity:"


async def show(notice: Notice, exo: V1 | Alpha3, account: str, home: str) -> WriteOutcome:
    """Change the activity, or post it; the generation that changes nothing has it taken away and posted anew."""
    standing = await _standing(notice, exo, account)
    if isinstance(standing, Later | Never):
        return standing
    written = await _written(notice, exo, standing, home)
    if not isinstance(written, Written):
        return written
    return await exo.pin(written.native_id.removeprefix(_PREFIX), pinned=notice.pinned) or written


async def _written(notice: Notice, exo: V1 | Alpha3, standing: Entry | None, home: str) -> WriteOutcome:
    html = _html(notice, home)
    if standing is not None and _says(notice) in standing.html:
        return Written(standing.native_id, "")
    if standing is not None and exo.edits:
        return await exo.change(standing, html) or Written(standing.native_id, "")
    if standing is not None:
        refused = await exo.remove(standing)
        if refused is not None:
            return refused
    made = await exo.post(notice.space, html)
    return Written(f"{_PREFIX}{made}", "") if isinstance(made, str) else made


async def _standing(notice: Notice, exo: V1 | Alpha3, account: str) -> Entry | Later | Never | None:
    if notice.native_id is not None:
        entry = await exo.activity(notice.native_id.removeprefix(_PREFIX))
        if isinstance(entry, Entry | Later):
            return entry
    page = await exo.window(notice.space, EVER, SEARCHED, "")
    if not isinstance(page, Page):
        return page if isinstance(page, Later | Never) else None
    ours = (one for one in page.entries if isinstance(one, Entry) and one.account.casefold() == account)
    return next((one for one in ours if _mark(notice) in one.html), None)


def _mark(notice: Notice) -> str:
    return f"#{notice.key}"


def _says(notice: Notice) -> str:
    """The mark and what the notice says: eXo may change HTML that it takes, so that texts cannot be compared."""
    return f"{_mark(notice)}-{hashlib.sha256(f'{notice.title}{notice.content.html}'.encode()).hexdigest()[:12]}"


def _html(notice: Notice, home: str) -> str:
    """The key is the fragment of a link: eXo's sanitiser drops comments and keeps links."""
    anchor = address(f"{home}/{_says(notice)}")
    head = f"<p><strong>{escape(notice.title)}</strong></p>"
    return f'{head}{notice.content.html}<p><a href="{anchor}">¶</a></p>'
