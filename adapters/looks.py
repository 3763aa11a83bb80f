"""One look at one polled space: what is new, how the window stands now, what is no longer there; told, then remembered."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from adapters.depths import TRUSTED_FOR, Depth, Leaf
from adapters.news import EVER, UNREAD, Beginning, deleted, news_of, parents_first
from adapters.port import Later, Never, Reading
from adapters.set_back import IN_A_ROW, SetBack, of_one
from adapters.telling import NotKeptError, Teller

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from adapters.news import News
    from adapters.port import Polled, Sighting
    from adapters.telling import Admit
    from adapters.watch import Poll, Row, Watch

WINDOW = timedelta(days=7)
WINDOW_ROOTS = 200
MISSING_AT_ONCE = 20
REREAD = 12.0
"""Questions in a minute about what lies beyond the window."""
TRIES = 2
OWED_TRIES = 20
RE_READ = 3  # roots whose replies are read again at each look though nothing announces a change: an edit of a comment may not


@dataclass(slots=True)
class View:
    """A space as this process saw it last; lost with the process, which costs one full reading."""

    poll: Poll
    cursor: str | None
    mark: str = ""
    threads: dict[str, str] = field(default_factory=dict)
    """Root → what announces a change under it; the one read longest ago first."""
    marks: dict[str, str] = field(default_factory=dict)
    roots: frozenset[str] = frozenset()
    """All that the window held."""
    floor: int = 0
    """While the ledger knows of none, the greatest number seen so far of those that are not for others."""
    unread: set[str] = field(default_factory=set)
    """Until then, the roots under which something stands that nobody has read."""
    owed: Counter[str] = field(default_factory=Counter)
    """Roots under which something is still to be told, though the window may hold them no more, and how often the RSE failed on each."""
    unsure: bool = True
    """Whether the ledger may know of more such roots: at first, and when something that was seen could not be kept."""
    departed: set[str] = field(default_factory=set)
    """What it held and holds no more: each is asked once whether it is gone."""
    failures: Counter[str] = field(default_factory=Counter)
    """Roots whose replies could not be read: after TRIES they are left out of one whole look, since they may fail for ever."""
    depth: Depth = field(default_factory=Depth)
    refreshed_at: datetime | None = None
    """When the ledger was told last that all of the window is still there."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A whole look; `changed` tells whether anything looked different."""

    changed: bool


@dataclass(slots=True)
class _Seen:
    """What a look has settled: these objects, there or gone, and these roots with all that stands under them."""

    objects: set[str] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)
    window: str | None = None
    """The mark of the window, None where it was the same."""
    changed: bool = False
    more: bool = False
    """Whether others may be gone that were not asked yet."""


class Looker:
    """Looks at spaces of one instance. What is seen goes through admission; the ledger remembers it after the ack."""

    def __init__(
        self,
        client: Polled,
        watch: Watch,
        admit: Admit,
        room: Callable[[], int],
        clock: Callable[[], datetime],
        reread: float = REREAD,
        name: str = "",
    ) -> None:
        self._client, self._watch, self._clock, self._reread = client, watch, clock, reread
        self._teller = Teller(client, watch, admit, room, clock)
        self._behind: defaultdict[str, SetBack] = defaultdict(lambda: SetBack(name, "looks", lambda: clock().timestamp()))

    async def look(self, view: View) -> Looked | Later | Never:
        """Look once. Raises NotKeptError, LeaseLost, LedgerUnavailable; nothing is remembered that was not told."""
        seen = _Seen()
        unread = await self._read_window(view, seen)
        if unread is not None:
            return unread
        refused = await self._read_threads(view, seen)
        if refused is None:
            refused = await self._read_owed(view, seen)
        if refused is None:
            refused = await self._read_again(view, seen)
        if refused is None:
            refused = await self._ask_missing(view, seen)
        if refused is None:
            refused = await self._ask_set_back(view, seen)
        if refused is not None or seen.more:
            view.marks.clear()  # what was not settled is looked at again, though the bytes be the same
        if refused is not None:
            return refused
        if view.poll.floor is None:
            await self._find(view)
        if seen.more:
            view.mark = ""
        elif seen.window is not None:
            view.mark = seen.window
        await self._refresh(view)
        return Looked(seen.changed)

    async def _read_window(self, view: View, seen: _Seen) -> Later | Never | None:
        """What is new, and how the window stands now. All that it showed is let go of before anything else is asked: it is the most of a look."""
        newer = await self._client.newer(view.poll.space, view.cursor)
        if not isinstance(newer, Reading):
            return newer
        window = await self._client.window(view.poll.space, self._clock() - WINDOW, WINDOW_ROOTS, view.mark, newer.head)
        if isinstance(window, Later | Never):
            return window
        current = window.sightings if isinstance(window, Reading) else ()
        shown = (*newer.sightings, *current)
        rows = await self._absorb(view, shown, seen, newer.cursor)
        self._announce(view, shown, rows)
        if isinstance(window, Reading):
            seen.window = window.mark
            held, view.roots, view.depth.begins = view.roots, frozenset(one.native_id for one in current), window.cursor
            view.departed = (view.departed | held) - view.roots
            await self._hold(view, {root for root in view.threads if root not in seen.objects})
            view.threads = {root: replies for root, replies in view.threads.items() if root in seen.objects}
            view.marks = {root: mark for root, mark in view.marks.items() if root in view.threads}
        return None

    def left(self, space: str) -> None:
        """Nothing is kept of a space but in its view, and what was set back there."""
        if space in self._behind:
            self._behind.pop(space).clear()

    async def _find(self, view: View) -> None:
        """Note the floor, and which threads it knows nothing of: one that fails for ever must not keep what a moved clock dates wrongly elsewhere."""
        for root in view.unread:
            await self._watch.settle(view.poll.space, root, UNREAD)
        await self._watch.found(view.poll.space, view.floor)
        view.poll = replace(view.poll, floor=view.floor)
        view.unread.clear()

    async def _refresh(self, view: View) -> None:
        """Nothing is forgotten while the window holds it: its deletion would go unseen, and the rest be told again."""
        now = self._clock()
        if view.refreshed_at is None or now - view.refreshed_at >= TRUSTED_FOR:
            await self._watch.refresh(view.roots, now)
            view.refreshed_at = now

    async def _absorb(
        self, view: View, sightings: Iterable[Sighting], seen: _Seen, cursor: str | None = None, root: str | None = None
    ) -> dict[str, Row]:
        """Tell what is new, parents first; then remember it, and how far we have read. Of a root, it is all that stands under it. What was remembered before."""
        latest = {one.native_id: one for one in sightings}
        whole = {one.native_id for one in latest.values() if one.holds is not None} | ({root} if root else set())
        named = latest.keys() | whole | {one.thread for one in latest.values() if one.thread}
        rows = await self._watch.rows(list(named)) if named else {}
        seen.objects |= latest.keys()
        seen.whole |= whole
        now, beginning = self._clock(), Beginning(view.poll.since, view.poll.floor)
        found = [
            news for one in parents_first(latest)
            if (news := news_of(one, rows.get(one.native_id), beginning.under(rows.get(one.thread or root or "")), now)) is not None
        ]  # fmt: skip
        await self._tell(view, found, seen, cursor)
        view.floor = max([view.floor, *(one.number or 0 for one in latest.values() if not beginning.admits(one, now))])
        view.unread -= whole
        for read in whole & {name for name, row in rows.items() if row.replies == UNREAD}:
            await self._watch.settle(view.poll.space, read, "")
        return rows

    def _announce(self, view: View, sightings: Iterable[Sighting], rows: Mapping[str, Row]) -> None:
        """Note under which roots of the window something may have changed."""
        for one in {one.native_id: one for one in sightings}.values():
            row = rows.get(one.native_id)
            if one.holds is not None:
                view.threads.pop(one.native_id, None)
            if one.holds is not None or not one.replies:
                continue
            changed = row is None or row.replies != one.replies
            if view.poll.floor is None and (changed or one.native_id not in view.threads):
                view.unread.add(one.native_id)
            if changed:
                view.threads[one.native_id] = one.replies
                view.marks.pop(one.native_id, None)
            else:
                view.threads.setdefault(one.native_id, one.replies)

    async def _tell(self, view: View, found: Sequence[News], seen: _Seen, cursor: str | None) -> None:
        if not found and cursor == view.cursor:
            return
        now, space = self._clock(), view.poll.space
        begun = [news.before for news in found if news.before is not None]
        if begun:
            await self._watch.expect(space, begun, now)
        try:
            await self._teller.tell(space, found, cursor)
        except NotKeptError:
            view.unsure = True
            raise
        view.cursor = cursor or view.cursor
        seen.changed = seen.changed or bool(found)

    async def _read_threads(self, view: View, seen: _Seen) -> Later | None:
        """The roots under which something is announced, and a few more in turn."""
        rows = await self._watch.rows(list(view.threads)) if view.threads else {}
        changed = {root for root, replies in view.threads.items() if root in rows and rows[root].replies != replies} | view.unread
        announced = [root for root in view.threads if root in changed]
        resting = [root for root in view.threads if root not in announced][:RE_READ]
        for root in (*announced, *resting):
            refused = await self._read_thread(view, view, root, rows.get(root), seen) if view.failures[root] < TRIES else None
            if refused is not None:
                view.failures[root] += 1
                return refused
        view.failures.clear()
        return None

    async def _hold(self, view: View, left: Collection[str]) -> None:
        """Of the roots that have left the window, those under which what was announced was not told: for an outage, more may be said than it holds."""
        rows = await self._watch.rows(list(left)) if left else {}
        view.owed.update(dict.fromkeys((root for root, row in rows.items() if row.replies != view.threads[root] and not row.gone), 0))

    async def _read_owed(self, view: View, seen: _Seen) -> Later | None:
        """A few of those; one on which the RSE fails goes behind the others, and at last waits for its turn beyond the window."""
        if view.unsure:
            view.owed.update(dict.fromkeys(await self._watch.unkept(view.poll.space), 0))
            view.unsure = False
        for root in sorted(view.owed, key=lambda one: (view.owed[one], one))[:RE_READ]:
            reading = await self._client.replies(view.poll.space, root, "")
            if isinstance(reading, Later) and not of_one(reading):
                return reading
            if isinstance(reading, Later) and view.owed[root] < OWED_TRIES:
                view.owed[root] += 1
                continue
            if isinstance(reading, Reading):
                await self._absorb(view, reading.sightings, seen, view.cursor, root)
            del view.owed[root]
        return None

    async def _read_thread(self, view: View, shelf: View | Depth, root: str, row: Row | None, seen: _Seen) -> Later | None:
        reading = await self._client.replies(view.poll.space, root, shelf.marks.get(root, ""))
        if isinstance(reading, Later):
            return reading
        announced = shelf.threads.pop(root)
        if isinstance(reading, Never):
            return None  # the root is gone, or no longer ours to see: to be asked of the root itself
        if shelf is view:
            view.threads[root] = announced  # read just now: its next turn comes last
        if isinstance(reading, Reading):
            await self._absorb(view, reading.sightings, seen, view.cursor, root)
        if row is not None and row.replies != announced:
            await self._watch.settle(view.poll.space, root, announced)
        if isinstance(reading, Reading):
            shelf.marks[root] = reading.mark
        return None

    # --- beyond the window ------------------------------------------------------------------------------------------------

    async def _read_again(self, view: View, seen: _Seen) -> Later | None:
        """A little of what the window does not hold, so that a change of it is seen in the end."""
        depth = view.depth
        for _ in range(depth.steps(self._clock(), self._reread)):
            if depth.ended:
                refused = await self._ask_missing_of(view, EVER, view.roots | depth.objects, seen)
                if refused is not None or not seen.more:
                    depth.again()
            else:
                refused = await (self._read_older_thread(view, seen) if depth.threads else self._read_page(view, seen))
            if refused is not None:
                return refused
        return None

    async def _read_older_thread(self, view: View, seen: _Seen) -> Later | None:
        root = next(iter(view.depth.threads))
        rows = await self._watch.rows([root])
        refused = await self._read_thread(view, view.depth, root, rows.get(root), seen)
        if refused is not None:
            view.depth.failed(root)
            return refused
        await self._watch.refresh([root], self._clock())
        return None

    async def _read_page(self, view: View, seen: _Seen) -> Later | None:
        depth, now = view.depth, self._clock()
        place = depth.at(now)
        known = depth.leaves.get(place)
        reading = await self._client.deeper(view.poll.space, place, known.mark if known else "")
        if isinstance(reading, Later | Never):
            depth.again()  # where we were is gone meanwhile; or one that always fails holds up nothing else
            return reading if isinstance(reading, Later) else None
        if isinstance(reading, Reading):
            await self._absorb(view, reading.sightings, seen, view.cursor)
            known = _leaf(reading)
            await self._watch.refresh(known.objects, now)
        if known is not None:
            seen.objects |= known.objects
            depth.turned(known, place)
        return None

    # --- what is missing ----------------------------------------------------------------------------------------------------

    async def _ask_missing(self, view: View, seen: _Seen) -> Later | None:
        """What was there and was not seen is asked itself; absence from a page proves nothing."""
        view.departed -= seen.objects
        if seen.window is None and not seen.whole and not view.departed:
            return None
        now = self._clock()
        shown = EVER if view.depth.begins is None else now - WINDOW  # it holds all that there is, or the last days of it
        return await self._ask_missing_of(view, shown if seen.window is not None else now, frozenset(), seen)

    async def _ask_missing_of(self, view: View, since: datetime, there: frozenset[str], seen: _Seen) -> Later | None:
        """Ask for those made since a moment; `there` were seen at another look. One on which the RSE fails is set behind the others."""
        space, now, behind, in_a_row = view.poll.space, self._clock(), self._behind[view.poll.space], 0
        not_these = seen.objects | there | {*behind}
        rows = await self._watch.missing(space, since, not_these, seen.whole, now, MISSING_AT_ONCE, view.departed)
        if len(rows) < MISSING_AT_ONCE:
            view.departed &= {row.native_id for row in rows}  # the others are known to be gone, or set back
        for row in rows:
            refused = None if row.native_id in seen.objects else await self._ask(view, row, seen)
            in_a_row = in_a_row + 1 if refused is not None else 0
            if refused is not None and of_one(refused):
                behind.failed(row.native_id, refused)
            if refused is not None and (not of_one(refused) or in_a_row == IN_A_ROW):
                return refused
            view.departed.discard(row.native_id)
        seen.more = seen.more or (len(rows) == MISSING_AT_ONCE and any(row.native_id in seen.objects for row in rows))
        return None

    async def _ask_set_back(self, view: View, seen: _Seen) -> Later | None:
        """Those whose turn has come again, whether a page was read or not: each is asked itself."""
        behind = self._behind[view.poll.space]
        due, in_a_row = behind.due()[:MISSING_AT_ONCE], 0
        rows = await self._watch.rows(due) if due else {}
        for name in due:
            row = rows.get(name)
            refused = await self._ask(view, row, seen) if row is not None and not row.gone and name not in seen.objects else None
            in_a_row = in_a_row + 1 if refused is not None else 0
            if refused is None:
                behind.settled(name)
            elif not of_one(refused):
                return refused
            else:
                behind.failed(name, refused)
            if in_a_row == IN_A_ROW:
                return None  # the others stay due
        return None

    async def _ask(self, view: View, row: Row, seen: _Seen) -> Later | None:
        gone = await self._client.gone(view.poll.space, row.native_id)
        if isinstance(gone, Later):
            return gone
        if not gone:
            return None
        if row.thread is not None and await self._watch.taken_by_us(row.thread):  # its turn may come before its root's
            swept = await self._client.gone(view.poll.space, row.thread)
            if isinstance(swept, Later):
                return swept
            if swept:
                await self._forget(view, [row], seen)
                return None
        under = await self._watch.under(row.native_id)
        if under and await self._watch.taken_by_us(row.native_id):
            await self._forget(view, under, seen)
            under = []
        for one in under:
            refused = await self._ask(view, one, seen)
            if refused is not None:
                return refused
        seen.objects.add(row.native_id)
        await self._tell(view, [deleted(row, view.poll.space, self._clock())], seen, view.cursor)
        return None

    async def _forget(self, view: View, rows: Iterable[Row], seen: _Seen) -> None:
        """They went with what we deleted, and their authors deleted nothing: elsewhere they stay."""
        gone = [replace(deleted(row, view.poll.space, self._clock()), outcome=None) for row in rows]
        seen.objects |= {news.after.native_id for news in gone}
        await self._tell(view, gone, seen, view.cursor)


def _leaf(reading: Reading) -> Leaf:
    """A page to be known again; threads that it holds whole need no question of their own."""
    under = {one.native_id: one.replies for one in reading.sightings if one.replies}
    return Leaf(reading.mark, reading.cursor, frozenset(one.native_id for one in reading.sightings), under)
