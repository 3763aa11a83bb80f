"""eXo, written to and asked: each order once, found again after a crash, each refusal named; what a poll sees."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from datetime import timedelta
from itertools import chain
from typing import TYPE_CHECKING, assert_never

from adapters.drift import DRIFT, UNTOLD, changed_values
from adapters.exo import render
from adapters.exo.alpha3 import Alpha3
from adapters.exo.contract import strange
from adapters.exo.dialect import Page
from adapters.exo.gestures import react, reacted
from adapters.exo.http import TIMEOUT, Answer
from adapters.exo.notices import show
from adapters.exo.past import survey
from adapters.exo.reading import ACCOUNT, EVER, GONE, Entry, members_of, outcome_of, sightings_of, timed
from adapters.exo.v1 import V1
from adapters.far_clock import utc
from adapters.offers import Recounted
from adapters.pacing import Paces, urgency_of
from adapters.people import ROSTER_LIMIT, Pieced
from adapters.port import (
    REACTIONS,
    TAKEN_BACK,
    UNSUPPORTED,
    WITHDRAWN,
    Act,
    Change,
    Incomplete,
    Later,
    Never,
    Nonsense,
    Reading,
    Same,
    Unused,
    Written,
)
from adapters.settings import OptionRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from adapters.exo.dialect import Known
    from adapters.offers import Notice, Survey
    from adapters.people import Member
    from adapters.port import Order, SpaceReport, WriteOutcome
    from adapters.settings import Instance

GENERATIONS: dict[str, type[V1 | Alpha3]] = {"v1": V1, "v1-alpha3": Alpha3}
VERSION_LIFE = 86_400.0  # seconds
MESSAGES = frozenset({Act.POSTED, Act.EDITED, Act.DELETED})
WOULD_NOTIFY = "history_would_notify"  # eXo tells a space's members of each new activity; no API lets one write silently, or with a date
SEARCHED = 100  # activities of a space in which a copy with our marker is looked for first
SEARCHED_BEYOND = 20  # pages behind them: a clock that is moved back by hours is rare, and so is a write without an answer
_SPACE = re.compile(r"^[A-Za-z0-9_-]{1,64}$")
_NATIVE = re.compile(r"^(?:activity:([A-Za-z0-9_-]{1,64})|comment:([A-Za-z0-9_-]{1,64})/([A-Za-z0-9_-]{1,64}))$")


class ExoClient:
    """Both halves of the eXo connector that speak HTTP; writes under the connector's own account."""

    roster_every = timedelta(minutes=5)

    def __init__(self, instance: Instance, timeout: float = TIMEOUT, paces: Paces | None = None) -> None:
        generation = instance.options.get("generation", "v1")
        if generation not in GENERATIONS:
            raise OptionRefused(instance.node, "generation", *GENERATIONS)
        self._instance = instance
        self._account = instance.options.get("account", ACCOUNT).casefold()
        self._paces = paces or Paces(instance.node, instance.limits)
        self._exo = GENERATIONS[generation](instance, timeout, self._paces)
        self._names: dict[str, str] = {}
        self._version, self._version_until = UNTOLD, 0.0

    # --- writing --------------------------------------------------------------------------------------------------------

    async def turn(self, order: Order) -> None:
        """What limits the calls to an eXo is before it, and makes no difference between them."""
        await self._paces.of("api").set_out(urgency_of(order.act))

    async def write(self, order: Order) -> WriteOutcome:
        """Carry an order out once. An edit of what was never written here writes it."""
        match order.act:
            case Act.POSTED:
                return Never(UNSUPPORTED, WOULD_NOTIFY) if order.history else await self._post(order)
            case Act.EDITED:
                return await self._edit(order) if order.native_id else await self._post(order)
            case Act.DELETED:
                return await self._delete(order)
            case Act.REACTED | Act.UNREACTED:
                return await react(order, await self._entry(order.target or ""), self._exo, self._account)
            case Act.ACCEPTED | Act.UNACCEPTED:
                return Never(UNSUPPORTED)
            case _:
                assert_never(order.act)

    async def divided(self, order: Order) -> Sequence[Order]:
        """What is longer than one activity should be goes on in comments."""
        return render.divided_for_stream(order)

    async def find(self, order: Order) -> Written | Later | None:
        """Look whether an order was carried out: eXo has no idempotency key, so by the marker that is left in each copy."""
        if order.act in REACTIONS:
            return await reacted(order, await self._entry(order.target or ""), self._exo, self._account)
        if order.act not in MESSAGES:
            return None
        if order.native_id is not None:
            entry = await self._entry(order.native_id)
            if isinstance(entry, Later | Entry) or not order.reviving:
                return entry if isinstance(entry, Later) else self._found(order, entry)
            return await self._marked(order, render.act_marker(order))
        return None if order.act is Act.DELETED else await self._marked(order, render.marker(order))

    async def _marked(self, order: Order, mark: str) -> Written | Later | None:
        """The copy that bears a marker, where it would have been written."""
        above = _numbers(order.parent) if order.parent is not None and not order.parent_missing else None
        found = self._bearing(mark, await self._exo.comments(above[0], "")) if above else None
        return found or await self._among(order.space, mark)

    async def _among(self, space: str, mark: str) -> Written | Later | None:
        """What bears a marker among a space's activities, also where a clock that was moved back put it behind them."""
        page = await self._exo.window(space, EVER, SEARCHED, "")
        for _ in range(SEARCHED_BEYOND):
            found = self._bearing(mark, page)
            if found is not None or not isinstance(page, Page) or page.cursor is None:
                return found
            page = await self._exo.deeper(space, page.cursor, "")
        return self._bearing(mark, page)

    def _bearing(self, mark: str, page: Page | Same | Later | Never) -> Written | Later | None:
        if isinstance(page, Later):
            return page
        for entry in page.entries if isinstance(page, Page) else ():
            if isinstance(entry, Entry) and self._ours(entry) and mark in entry.html:
                return self._written(entry)
        return None

    async def complete(self, incomplete: Incomplete) -> Change | Unused | Nonsense | Later:
        """Read the object again, and find out in which of our spaces it stands."""
        return await self._completed(incomplete.native_id, self._instance.spaces)

    async def _completed(self, native_id: str, spaces: Iterable[str]) -> Change | Unused | Nonsense | Later:
        entry = await self._entry(native_id)
        root = await self._exo.activity(entry.activity) if isinstance(entry, Entry) and not entry.is_root else entry
        if not isinstance(entry, Entry) or not isinstance(root, Entry):
            return root if isinstance(root, Later | Nonsense) else Unused("object_gone")
        space = await self._exo.space_of(root, spaces)
        if isinstance(space, Later):
            return space
        found = outcome_of(timed(entry, self._exo.api.offset), space or "", self._instance)
        if isinstance(found, Change):
            return replace(found, occurred_at=min(found.occurred_at, utc()))
        return found if isinstance(found, Unused | Nonsense) else Nonsense("author_missing")

    async def display_name(self, actor: str) -> str | None:
        """The full name of an identity, asked once; a mention tells its own."""
        identity = actor.removeprefix("identity:")
        if identity not in self._names and _SPACE.match(identity):
            name = await self._exo.person(identity)
            if name is None:
                return None
            self._names[identity] = name
        return self._names.get(identity)

    async def report_space(self, space: str) -> SpaceReport | Later | Never:
        """Who can read a space."""
        return await self._exo.space(space) if _SPACE.match(space) else Never("space_malformed")

    async def show(self, notice: Notice) -> WriteOutcome:
        """Keep a notice in a space (`Announces`)."""
        return await show(notice, self._exo, self._account, self._instance.url) if _SPACE.match(notice.space) else Never("space_malformed")

    async def survey(self, space: str, since: datetime, cursor: str | None) -> Survey | Later | Never:
        """Name the activities and comments that a space holds (`Recalls`)."""
        return await survey(self._exo, self._account, space, since, cursor) if _SPACE.match(space) else Never("space_malformed")

    async def recount(self, space: str, native_id: str) -> Recounted | Unused | Nonsense | Later:
        """An activity or a comment as it stands now (`Recalls`); of its likes, a poll tells what changes. One that stands elsewhere has no space."""
        outcome = await self._completed(native_id, [space])
        return Recounted(outcome) if isinstance(outcome, Change) else outcome

    async def members(self, space: str, most: int = ROSTER_LIMIT) -> tuple[Member, ...] | Later | Never:
        """Who is a member of a space."""
        if not _SPACE.match(space):
            return Never("space_malformed")
        found = await self._exo.members(space, most)
        if not isinstance(found, tuple):
            return found
        people = members_of(found, self._instance)
        return Pieced(people) if isinstance(found, Pieced) else people

    async def close(self) -> None:
        """Close the session."""
        await self._exo.api.close()
        await self._paces.close()

    # --- asking (`Polled`) ------------------------------------------------------------------------------------------------

    async def newer(self, space: str, cursor: str | None) -> Reading | Later | Never:
        """What came since a cursor."""
        page = await self._exo.newer(space, cursor)
        return page if not isinstance(page, Page) else await self._reading(page, space)

    async def window(
        self, space: str, since: datetime, most: int, unless: str, head: tuple[object, ...] = ()
    ) -> Reading | Same | Later | Never:
        """What was touched last."""
        page = await self._exo.window(space, since, most, unless, tuple(answer for answer in head if isinstance(answer, Answer)))
        return page if not isinstance(page, Page) else await self._reading(page, space)

    async def deeper(self, space: str, place: str, unless: str) -> Reading | Same | Later | Never:
        """What was touched before that."""
        page = await self._exo.deeper(space, place, unless)
        return page if not isinstance(page, Page) else await self._reading(page, space)

    async def replies(self, space: str, root: str, unless: str) -> Reading | Same | Later | Never:
        """All comments of an activity."""
        numbers = _numbers(root)
        if numbers is None:
            return Never("native_id_malformed")
        page = await self._exo.comments(numbers[0], unless)
        return page if not isinstance(page, Page) else await self._reading(page, space)

    async def gone(self, space: str, native_id: str) -> bool | Later:
        """Meeds answers 404 also for what is no longer shown to us: the space must be readable after the object was not."""
        if _numbers(native_id) is None:
            return False  # what could never be read has no address to be asked at
        entry = await self._entry(native_id)
        if entry is not None:
            return entry if isinstance(entry, Later) else False  # a refusal says nothing, and is no reason to leave the RSE in peace
        readable = await self._exo.readable(space)
        if isinstance(readable, Later):
            return readable
        return True if readable else Later("space_unreadable")

    async def _reading(self, page: Page, space: str) -> Reading:
        if page.entries:
            self._count(page, await self._exo_version())
        entries = (timed(one, self._exo.api.offset) if isinstance(one, Entry) else one for one in page.entries)
        return Reading(sightings_of(entries, space, self._instance), page.cursor, page.mark, page.head)

    def _count(self, page: Page, version: str) -> None:
        """What these answers hold that we do not know."""
        for entry in page.entries:
            if isinstance(entry, Entry):
                under = chain.from_iterable(strange(one.document, root=False) for one in entry.inline)
                DRIFT.notice("exo", version, chain(strange(entry.document, root=entry.is_root), under))
            else:
                DRIFT.notice("exo", version, changed_values([entry]))

    async def _exo_version(self) -> str:
        """What `/platform/info` tells, asked again from day to day; an installation may keep it to itself."""
        now = time.monotonic()
        if now >= self._version_until:
            self._version_until = now + VERSION_LIFE
            answer = await self._exo.api.get("/platform/info")
            said = answer.document.get("platformVersion") if isinstance(answer, Answer) and answer.done else None
            self._version = said if isinstance(said, str) else UNTOLD
        return self._version

    # --- the rest ---------------------------------------------------------------------------------------------------------

    async def _post(self, order: Order) -> WriteOutcome:
        above = _numbers(order.parent) if order.parent is not None and not order.parent_missing else None
        if above is not None:
            outcome = await self._reply(above, order)
            if not isinstance(outcome, Never) or await self._exo.activity(above[0]) is not None:
                return outcome
            order = replace(order, parent=None, parent_missing=True)  # what was answered went since we heard of it
        if not _SPACE.match(order.space):
            return Never("space_malformed")
        made = await self._exo.post(order.space, render.html(order, self._instance.url))
        return made if not isinstance(made, str) else await self._seen(f"activity:{made}")

    async def _reply(self, above: tuple[str, str | None], order: Order) -> WriteOutcome:
        """Under what it answers; where eXo has no place for it, beside that, and with its words."""
        (activity, comment), quoted = above, ""
        if comment is not None:
            answered = await self._exo.comment(activity, comment)
            if isinstance(answered, Later):
                return answered
            comment = (answered.above or answered.id) if isinstance(answered, Entry) else None
            if isinstance(answered, Entry) and (self._exo.levels == 1 or answered.above) and not _continues(order):
                quoted = self._quotation(answered)
        made = await self._exo.add_comment(activity, comment, render.html(order, self._instance.url, quoted))
        return made if not isinstance(made, str) else await self._seen(f"comment:{activity}/{made}")

    async def requote(self, copy: str, answered: str | None) -> WriteOutcome:
        """Let a copy repeat the words of what it answers as they are now, or say that they are gone (`Quotes`)."""
        entry = await self._entry(copy)
        if not isinstance(entry, Entry):
            return _absent(entry)
        said = await self._entry(answered) if answered is not None else None
        if isinstance(said, Later):
            return said
        html = render.requoted(entry.html, self._quotation(said) if isinstance(said, Entry) else render.ANSWERED_GONE)
        if html == entry.html:
            return self._written(entry)
        refused = await self._exo.change(entry, html)
        return refused or await self._seen(copy)

    def _quotation(self, answered: Entry) -> str:
        """What an answer says first; words that could not be taken out of it again are not put in."""
        say = render.answering if self._exo.edits else render.answering_whom
        return say("" if self._ours(answered) else answered.name, answered.html)

    async def _edit(self, order: Order) -> WriteOutcome:
        entry = await self._entry(order.native_id or "")
        if order.original and entry is None:
            return Never(UNSUPPORTED, "original_gone")
        if order.reviving and not isinstance(entry, Entry | Later):
            return await self._post(order)  # eXo undeletes nothing: it is said anew
        if not isinstance(entry, Entry):
            return _absent(entry)
        refused = await self._exo.change(entry, render.html(order, self._instance.url, render.quoted_in(entry.html)))
        return refused or await self._seen(entry.native_id)

    async def _delete(self, order: Order) -> WriteOutcome:
        """With an activity, or a comment, eXo deletes what stands under it, which is other people's: it is emptied instead, where it can be.

        Where it cannot, its author's will counts more; the space is told first what goes with her words.
        """
        if order.native_id is None:
            return Never("native_id_missing")
        entry = await self._entry(order.native_id)
        if entry is None:
            return Never(UNSUPPORTED, TAKEN_BACK) if order.original else Written(order.native_id, GONE)
        if not isinstance(entry, Entry):
            return entry if isinstance(entry, Later | Never) else Never(entry.reason)
        if entry.comments != 0 and self._exo.edits and not order.original:
            refused = await self._exo.change(entry, render.deleted_html(order, self._instance.url))
            return refused or await self._seen(entry.native_id)
        if entry.is_root and entry.comments and (late := await self._tell_of_answers(order, entry.comments)) is not None:
            return late
        refused = await self._exo.remove(entry)
        if isinstance(refused, Never) and await self._entry(order.native_id) is None:
            return Written(order.native_id, GONE)  # aiohttp repeats a DELETE whose connection broke: the first one was heard
        return refused or Written(order.native_id, GONE)

    async def _tell_of_answers(self, order: Order, answers: int) -> Later | None:
        """Once, though a process ends before the deletion itself. A space that takes no notice keeps no words for that."""
        told = self._bearing(render.act_marker(order), await self._exo.window(order.space, EVER, SEARCHED, ""))
        if told is not None:
            return told if isinstance(told, Later) else None
        made = await self._exo.post(order.space, render.answers_gone_html(order, self._instance.url, answers))
        return made if isinstance(made, Later) else None

    async def _seen(self, native_id: str) -> WriteOutcome:
        """What was written as the next poll will see it: eXo may change HTML that it takes."""
        entry = await self._entry(native_id)
        if isinstance(entry, Later):
            return entry
        return self._written(entry) if isinstance(entry, Entry) else Later("answer_unreadable")

    def _found(self, order: Order, entry: Entry | Nonsense | Never | None) -> Written | None:
        if entry is None:
            return Written(order.native_id or "", GONE) if order.act is Act.DELETED else None
        if not isinstance(entry, Entry) or render.act_marker(order) not in entry.html:
            return None
        return self._written(entry)

    def _written(self, entry: Entry) -> Written:
        """Where nothing can be edited it repeats a name at most, and no words."""
        return Written(entry.native_id, entry.version, quotes=self._exo.edits and bool(render.quoted_in(entry.html)))

    async def _entry(self, native_id: str) -> Known:
        numbers = _numbers(native_id)
        if numbers is None:
            return None
        activity, comment = numbers
        return await (self._exo.activity(activity) if comment is None else self._exo.comment(activity, comment))

    def _ours(self, entry: Entry) -> bool:
        """Under our own account only: anyone who reads a copy's source can paste its marker."""
        return entry.account.casefold() == self._account


def _absent(entry: Nonsense | Later | Never | None) -> Later | Never:
    if entry is None:
        return Never(WITHDRAWN)
    return entry if isinstance(entry, Later | Never) else Never(entry.reason)


def _continues(order: Order) -> bool:
    """Whether it is a later part of a long message, which answers nothing but its first."""
    return order.part is not None and order.part.number > 1


def _numbers(native_id: str | None) -> tuple[str, str | None] | None:
    """The activity, and the comment under it."""
    found = _NATIVE.match(native_id or "")
    if found is None:
        return None
    return (found[1], None) if found[1] else (found[2], found[3])
