"""Brings what a space held before its tie: oldest first, slowly, once, through the same admission as what is said today."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import structlog

from adapters.backfills import MOST_DAYS, MOST_ITEMS, BackfillLost, Item, State
from adapters.gateway import named
from adapters.observing import speaks
from adapters.offers import Recounted, Survey
from adapters.port import Act, Change, Later, Nonsense, Unused
from adapters.rounds import outlived
from adapters.set_back import IN_A_ROW, SetBack, of_one
from adapters.sorting import NotStored
from adapters.ties import TieState
from schemas.facts.message import Author
from schemas.proof import timestamp
from schemas.wire.records import new_correlation
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from adapters.backfills import Backfills, Job
    from adapters.memory import Memory
    from adapters.offers import Recalls
    from adapters.patience import Pause
    from adapters.port import Outcome
    from adapters.settings import Instance
    from adapters.sorting import Answer
    from adapters.spool import Spool
    from adapters.ties import Tie, Ties

    Admit = Callable[[Sequence[Outcome], bytes, str], Awaitable[Answer]]

IDLE_SECONDS: Final = 5.0
TROUBLE_SECONDS: Final = 30.0
PAGE: Final = 0.5  # messages: a page is one question, a message about two
PORTION: Final = 20  # of what is set on a message: named, and admitted, together
ENOUGH_SECONDS: Final = 86_400.0
FAILS: Final = "rse_fails_on_object"
TOLD: Final = ("event=", "parked")  # what admission says of a message that leaves, now or once a write has been answered
KNOWN: Final = "dropped=known_already"
UNDOER: Final = "operator"
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Bringing:
    """Everything that the back-fills of one instance work with."""

    name: str
    instance: Instance
    client: Recalls
    ties: Ties
    backfills: Backfills
    memory: Memory
    spool: Spool
    pause: Pause
    admit: Admit
    asking: asyncio.Lock
    """Held from a question to the RSE until its answer is admitted."""
    clock: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    observes: Callable[[], bool] = speaks


class _Told(NamedTuple):
    """What became of a message, why it was left out, and how much was set on it."""

    state: Item
    reason: str
    gestures: int = 0


class Backfiller:
    """One step at a time, no faster than the settings let it: what is said today needs the RSEs more."""

    def __init__(self, parts: Bringing) -> None:
        self._parts = parts
        self._every = 60.0 / parts.instance.history_per_minute
        self._behind, self._in_a_row = SetBack(parts.name, "backfill", lambda: parts.clock().timestamp()), 0

    async def run(self) -> None:
        """Bring for ever; whatever goes wrong here ends nothing else."""
        while True:
            await self._parts.sleep(await outlived("backfill", self._parts.name, self._step, TROUBLE_SECONDS))

    async def _step(self) -> float:
        try:
            return await self.step()
        except BackfillLost:
            return IDLE_SECONDS

    async def step(self) -> float:
        """One page surveyed, or one message brought or taken back; seconds until the next step. Raises BackfillLost, LedgerUnavailable."""
        await self._begin()
        job = await self._parts.backfills.claim()
        if job is None:
            self._behind.clear()
        if job is None or self._parts.pause.paused or await self._todays_go_first(job):
            return IDLE_SECONDS
        if job.state is not State.UNDOING and not self._speaks(job):
            await self._parts.backfills.end(job, State.STOPPED, "not_tied")
            return IDLE_SECONDS
        done = await self._work(job)
        await self._show()
        return self._every * done if not isinstance(done, Later) else max(self._every, done.after or TROUBLE_SECONDS)

    async def _todays_go_first(self, job: Job) -> bool:
        """What is said today goes before history, which an observer does not tell at all; but what waits for history waits no longer."""
        if not self._parts.spool.moves and (job.state is State.UNDOING or not self._parts.observes()):
            return False
        found = await self._oldest(job, urgent=True) if job.state is not State.UNDOING else None
        return found is None or found[1] is not Item.TELLING

    async def _begin(self) -> None:
        """What the settings ask of each new tie, once it is confirmed."""
        for space, days in self._parts.instance.backfill_days.items():
            tie = self._parts.ties.of(space)
            if days and tie is not None and tie.state is TieState.CONFIRMED:
                now = self._parts.clock()
                await self._parts.backfills.ask_once(space, tie.community, days, now - timedelta(days=min(days, MOST_DAYS)), now)

    def _tie(self, job: Job) -> Tie | None:
        tie = self._parts.ties.of(job.space)
        return tie if tie is not None and tie.community == job.community else None

    def _speaks(self, job: Job) -> bool:
        return self._tie(job) is not None and job.space in self._parts.instance.spaces

    async def _work(self, job: Job) -> Later | float:
        """What was done, counted in messages: their pace is that of the settings."""
        match job.state:
            case State.SURVEYING:
                found = await self._oldest(job, urgent=True)
                return await self._survey(job) if found is None else await self._bring(job, *found)
            case State.BRINGING:
                return await self._bring_next(job)
            case State.UNDOING:
                return await self._take_back_next(job) or 1.0
            case State.DONE | State.STOPPED | State.UNDONE:
                return 1.0  # never claimed

    async def _survey(self, job: Job) -> Later | float:
        page = await self._parts.client.survey(job.space, job.since, job.cursor)
        if isinstance(page, Later):
            return page
        if not isinstance(page, Survey):
            await self._parts.backfills.end(job, State.STOPPED, page.reason)
            return PAGE
        asked = [one for one in page.items if job.since <= one.created_at <= job.until]
        known = (await self._parts.memory.recall([one.native_id for one in asked], [])).natives
        items = [one for one in asked if one.native_id not in known]  # what was told already need not be asked for one by one
        full = await self._parts.backfills.count(job) + len(items) > MOST_ITEMS
        await self._parts.backfills.found(job, items, None if full else page.cursor, "too_many" if full else "")
        return PAGE

    async def _bring_next(self, job: Job) -> Later | float:
        found = await self._oldest(job)
        if found is None and await self._parts.backfills.oldest(job) is not None:
            return Later("set_back", IDLE_SECONDS)
        if found is None:
            await self._parts.backfills.end(job, State.DONE)
            log.info("backfill_done", instance=self._parts.name, community=job.community)
            return 1.0
        return await self._bring(job, *found)

    async def _oldest(self, job: Job, *, urgent: bool = False) -> tuple[str, Item] | None:
        """The next to bring, of those on which the RSE has not failed a moment ago."""
        return await self._parts.backfills.oldest(job, urgent=urgent, but=self._behind.waiting())

    async def _bring(self, job: Job, native_id: str, before: Item) -> Later | float:
        """Ask for a message as it stands, and tell it; what happens to it meanwhile waits until it is told (`Known.telling_in`)."""
        await self._parts.backfills.mark(job, native_id, Item.TELLING)
        async with self._parts.asking:
            outcome = await self._parts.client.recount(job.space, native_id)
            told = outcome if isinstance(outcome, Later) else await self._told(job, outcome, before)
        if told is None or isinstance(told, Later):
            tried = before is Item.TELLING or (isinstance(told, Later) and told is not outcome)
            if isinstance(outcome, Later) and of_one(outcome):
                return await self._set_back(job, native_id, outcome, tried=tried)
            await self._parts.backfills.let_be(job, native_id, tried=tried)
            return told or 1.0
        self._behind.settled(native_id)
        self._in_a_row = 0
        state, reason, gestures = told
        await self._mark(job, native_id, state, reason)
        return 1.0 + gestures

    async def _set_back(self, job: Job, native_id: str, later: Later, *, tried: bool) -> Later | float:
        """It goes behind the others, and is left out after a day; an RSE that fails on several, one after the other, is left in peace."""
        self._behind.failed(native_id, later)
        if self._behind.seconds(native_id) >= ENOUGH_SECONDS:
            self._behind.settled(native_id)
            await self._mark(job, native_id, Item.LEFT_OUT, FAILS)
            return 1.0
        await self._parts.backfills.let_be(job, native_id, tried=tried)
        self._in_a_row = (self._in_a_row + 1) % IN_A_ROW
        return 1.0 if self._in_a_row else later

    async def _told(self, job: Job, outcome: Recounted | Unused | Nonsense, before: Item) -> _Told | Later | None:
        """What became of a message, and of what is set on it; None where something else must be brought before it."""
        reason = _why_not(outcome, job)
        if reason is not None or not isinstance(outcome, Recounted):
            return _Told(Item.LEFT_OUT, reason or "")
        parent = outcome.message.parent
        if parent is not None and await self._wants_first(parent, job):
            return None  # the hub waits for nothing that history answers
        again = outcome.message.version if before is Item.TELLING else None
        message = await named(self._parts.client, replace(outcome.message, history=True, asked=again))
        said = await self._admitted([message])
        if isinstance(said, Later):
            return said
        if not said.startswith((*TOLD, KNOWN)):
            return _Told(Item.LEFT_OUT, said.partition("=")[2])
        later = await self._tell_gestures(job, outcome.set_on)
        if later is not None:
            return later
        if said == KNOWN and before is Item.WAITING:
            return _Told(Item.LEFT_OUT, KNOWN.partition("=")[2], len(outcome.set_on))
        return _Told(Item.BROUGHT, "", len(outcome.set_on))

    async def _tell_gestures(self, job: Job, set_on: Sequence[Change]) -> Later | None:
        """What people have set on a message that is known by now; what was heard of it before that was dropped."""
        for start in range(0, len(set_on), PORTION):
            await self._parts.backfills.keep(job)
            portion = [replace(change, history=True) for change in set_on[start : start + PORTION]]
            said = await self._admitted(await asyncio.gather(*[named(self._parts.client, change) for change in portion]))
            if isinstance(said, Later):
                return said
        return None

    async def _wants_first(self, parent: str, job: Job) -> bool:
        """Whether what a message answers is still to be brought, and goes before it from now on; what goes first already is not waited for twice."""
        coming = (await self._parts.memory.recall([parent], [])).coming.get(parent)
        if coming is None or coming.community != job.community:
            return False
        return await self._parts.memory.want([coming.native_id])

    async def _take_back_next(self, job: Job) -> Later | None:
        found = await self._parts.backfills.newest_brought(job)
        if found is None:
            await self._parts.backfills.end(job, State.UNDONE)
            return None
        native_id, _ = found
        known = (await self._parts.memory.recall([native_id], [UNDOER])).natives.get(native_id)
        if known is not None and not known.deleted:
            await self._parts.backfills.mark(job, native_id, Item.UNTELLING)
            version = known.versions[-1] if known.versions else ""
            said = await self._admitted([_deletion(native_id, job, version, self._parts.clock())])
            if isinstance(said, Later):
                return said
        await self._mark(job, native_id, Item.TAKEN_BACK)
        return None

    async def _admitted(self, changes: Sequence[Outcome]) -> str | Later:
        """What admission says of one in a word, once it has stored it; of several, of any of them."""
        answer = await self._parts.admit(changes, b"", new_correlation())
        return Later(answer.reason) if isinstance(answer, NotStored) else answer.said[0]

    async def _mark(self, job: Job, native_id: str, state: Item, reason: str = "") -> None:
        await self._parts.backfills.mark(job, native_id, state, reason)
        Metric.backfilled.labels(self._parts.name, state.value).inc()

    async def _show(self) -> None:
        waiting = sum(one.waiting for one in await self._parts.backfills.progress())
        Metric.to_backfill.labels(self._parts.name).set(waiting)


def _why_not(outcome: Recounted | Unused | Nonsense, job: Job) -> str | None:
    """Why a message is not brought as it stands now, if it is not; what is marked as internal, or ours, admission knows."""
    match outcome:
        case Unused(type=kind):
            return kind
        case Nonsense(reason=reason):
            return reason
        case Recounted(message=Change(author=Author(kind="system"))):
            return "system"
        case Recounted(message=Change(act=Act.POSTED, space=space)) if space == job.space:
            return None
        case Recounted():
            return "not_standing"


def _deletion(native_id: str, job: Job, version: str, now: datetime) -> Change:
    """Its author's node takes back what it told; in her own RSE the message stays."""
    return Change(
        act=Act.DELETED, native_id=native_id, version=version, marker=f"undone:{timestamp(now)}", space=job.space, actor=UNDOER,
        occurred_at=now,
    )  # fmt: skip
