"""What a Discourse tried in vain to tell: each post, like or accepted answer that its log names, as it stands now.

No other page of a Discourse tells edits and deletions of a category since a moment.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import structlog

from adapters.discourse.likers import likers_of
from adapters.discourse.payload import Like, Post, Topic, moment
from adapters.discourse.progress import Progress
from adapters.discourse.reading import ACTS, LIKED, RECOVERED, SOLVED, by_our_account, native_id, read_answer, read_like, read_post
from adapters.port import Act, Change, Claim, Incomplete, Later, Loss, Losses, Never, Nonsense, Unused
from adapters.set_back import IN_A_ROW, SetBack, of_one

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from adapters.discourse.attempts import Log, Pace, Tried
    from adapters.discourse.http import Api
    from adapters.discourse.search import Search
    from adapters.port.seen import Ours
    from adapters.settings import Instance

AT_ONCE = 50  # things asked for in one look
GIVE_UP_TRIES: Final = 10
GIVE_UP_SECONDS: Final = 86_400.0
EVER: Final = datetime.fromtimestamp(0, UTC)
GIVEN_UP: Final = "rse_fails_on_object"
"""What a thing becomes, as a dead letter, on which the RSE has failed for a day: the log must not be read from there for ever."""
log = structlog.get_logger()
_TIMED = frozenset({"post_created", "post_edited"})  # what these tell happened at the time that their marker bears


@dataclass(frozen=True, slots=True)
class _Message:
    """A post of which something was not told: the first attempt that failed, and what the newest event said."""

    first: int
    event: str
    post: Post

    @property
    def stamp(self) -> str:
        """The time that the newest event's marker bears."""
        return self.post.deleted_at or self.post.updated_at

    @property
    def claim(self) -> Claim:
        """What the newest event said."""
        return Claim(native_id(self.post), ACTS[self.event], self.stamp)


@dataclass(frozen=True, slots=True)
class _Like:
    """A like that was not told."""

    first: int
    like: Like


@dataclass(frozen=True, slots=True)
class _Answer:
    """A post that was, or is no longer, its topic's accepted answer."""

    first: int
    post: Post


_Lost = _Message | _Like | _Answer
_Key = tuple[str, int, int]


@dataclass(slots=True)
class _Asked:
    """What one look has asked already."""

    topics: dict[int, Topic | None] = field(default_factory=dict)
    likers: dict[int, frozenset[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look is about: how far the last ones came, and the attempts that spoke of each thing."""

    space: str
    before: Progress
    newest: int
    numbers: Mapping[_Key, frozenset[int]]

    def cursor(self, done: Sequence[_Lost], held: Sequence[_Lost], left: Sequence[_Lost]) -> str:
        """Before all that is still to be asked for; beyond it, what was settled past a thing that is set back."""
        open_ = [one.first for one in (*held, *left)]
        settled = [number for one in done for number in self.numbers[_key(one)]] if held else ()
        return str(self.before.up_to(min(open_) - 1 if open_ else self.newest, settled))


class Recall:
    """Asks one instance, which operators know by `name`, for what its webhooks could not bring."""

    def __init__(self, instance: Instance, api: Api, look: Search, log: Log, pace: Pace, name: str) -> None:
        self._instance, self._api, self._look, self._log, self._pace = instance, api, look, log, pace
        self._behind: defaultdict[str, SetBack] = defaultdict(lambda: SetBack(name, "losses", pace.now))

    async def lost(self, space: str, cursor: str | None, since: datetime, ours: Ours) -> Losses | Later | Never:
        """What was tried in vain of a category; the cursor is the last attempt that was looked at."""
        limit = self._limit(cursor, since)
        progress = Progress.read(cursor)
        failed = await self._log.failed(progress.after, limit)
        if isinstance(failed, Later | Never):
            return failed
        attempts = [one for one in failed.attempts if one.id not in progress.beyond]
        lost = sorted(_gather(attempts, space, limit), key=lambda one: one.first)
        look = _Look(space, progress, failed.newest, _numbers(attempts, space, limit))
        return await self._as_they_stand(await self._theirs(lost, ours), look)

    async def _theirs(self, lost: Sequence[_Lost], ours: Ours) -> list[_Lost]:
        """What people did: our own writes need no question."""
        claims = {one.first: one.claim for one in lost if isinstance(one, _Message)}
        known = await ours(list(claims.values()))
        return [
            one for one in lost
            if claims.get(one.first) not in known and not (isinstance(one, _Like) and by_our_account(one.like, self._instance))
        ]  # fmt: skip

    def _limit(self, cursor: str | None, since: datetime) -> datetime:
        """What is older by its own clock was said before the tie.

        Once the log was looked at, its numbers tell what came later: a clock may have been set wrong and right again since, by more than a tie's
        age. What a late attempt tells of before the tie is known by the post's own number, where all else is judged.
        """
        return since + self._api.offset if cursor is None else EVER

    async def _as_they_stand(self, lost: list[_Lost], look: _Look) -> Losses | Later:
        """So many at a time; one on which the RSE fails is set behind the others, and an RSE that fails on several ends the look."""
        asked, behind, refused, in_a_row = _Asked(), self._behind[look.space], None, 0
        for gone in {*behind} - {_name(one) for one in lost}:
            behind.settled(gone)
        waiting = behind.waiting()
        todo = sorted((one for one in lost if _name(one) not in waiting), key=lambda one: _name(one) in behind)
        held, found = [one for one in lost if _name(one) in waiting], list[tuple[_Lost, Change | Unused | Nonsense]]()
        while todo and len(found) + len(held) < len(waiting) + AT_ONCE and refused is None and in_a_row < IN_A_ROW:
            one = todo[0]
            fresh, outcome = _name(one) not in behind, await self._settled(one, asked, behind)
            if not isinstance(outcome, Later):
                found.append((todo.pop(0), outcome))
                in_a_row = 0
                continue
            in_a_row += 1
            if of_one(outcome):
                held.append(todo.pop(0))
            refused = outcome if not of_one(outcome) or (fresh and in_a_row == IN_A_ROW) else None
        if refused is not None and not found:
            return refused
        several = [one for one, _ in found]
        losses = [Loss(outcome, look.cursor(several[:place], held, [*several[place:], *todo])) for place, (_, outcome) in enumerate(found)]
        return Losses(tuple(losses), look.cursor(several, held, todo), len(todo))

    async def _settled(self, one: _Lost, asked: _Asked, behind: SetBack) -> Change | Unused | Nonsense | Later:
        outcome, key = await self._as_it_stands(one, asked), _name(one)
        if isinstance(outcome, Later) and of_one(outcome):
            behind.failed(key, outcome)
            if behind.tries(key) < GIVE_UP_TRIES or behind.seconds(key) < GIVE_UP_SECONDS:
                return outcome
            log.error(GIVEN_UP, instance=self._instance.node, object=key, reason=outcome.reason)
            return Nonsense(
                GIVEN_UP, f"post:{_post_of(one).id}"
            )  # it leaves once the cursor has passed it: its dead letter may not be stored now
        if not isinstance(outcome, Later):
            behind.settled(key)
        return outcome

    async def _as_it_stands(self, lost: _Lost, asked: _Asked) -> Change | Unused | Nonsense | Later:
        match lost:
            case _Message():
                return await self._message(lost, asked)
            case _Like(like=like):
                return await self._like(like, asked)
            case _Answer(post=post):
                return await self._answer(post, asked)

    async def _message(self, lost: _Message, asked: _Asked) -> Change | Unused | Nonsense | Later:
        """Never the words of an old attempt: they may have been edited, kept inside or deleted since, and told so."""
        post = await self._whole(lost.post, asked)
        if isinstance(post, Later):
            return post
        return _destroyed(lost, self._instance) if post is None else _read(post, lost, self._instance)

    async def _answer(self, lost: Post, asked: _Asked) -> Change | Unused | Nonsense | Later:
        post = await self._whole(lost, asked)
        if isinstance(post, Later):
            return post
        return Unused("post_gone") if post is None else read_answer(post)

    async def _like(self, like: Like, asked: _Asked) -> Change | Unused | Nonsense | Later:
        """No webhook tells that a like was taken back: only one that still stands is told."""
        number = like.post.id
        if number not in asked.likers:
            likers = await likers_of(number, self._api, self._pace.turn)
            if isinstance(likers, Later):
                return likers
            if isinstance(likers, Never):
                return Unused(f"likers_{likers.reason}")
            asked.likers[number] = frozenset(liker.id for liker in likers)
        return read_like(like, self._instance) if like.user.id in asked.likers[number] else Unused("like_gone")

    async def _whole(self, lost: Post, asked: _Asked) -> Post | Later | None:
        """A post as it stands now, with its topic's title and category; None where it is no longer there at all."""
        await self._pace.turn()
        post = await self._look.post(native_id(lost))
        if isinstance(post, Later) or post is None:
            return post
        if post.topic_id not in asked.topics:
            await self._pace.turn()
            topic = await self._look.topic(post.topic_id)
            if isinstance(topic, Later):
                return topic
            asked.topics[post.topic_id] = topic
        return with_topic(post, asked.topics[post.topic_id] or _topic_of(lost))


def _gather(attempts: Iterable[Tried], space: str, since: datetime) -> Iterable[_Lost]:
    """Put together what was tried of each thing, oldest attempt first: an attempt may be a late one of an older event. `since` is by its clock."""
    found: dict[_Key, _Lost] = {}
    for attempt in attempts:
        lost = _lost(attempt, since)
        if lost is None or str(_post_of(lost).category_id) != space:
            continue
        key = _key(lost)
        before = found.setdefault(key, lost)
        if isinstance(lost, _Message) and isinstance(before, _Message) and _newer(lost, before):
            found[key] = replace(lost, first=before.first)
    return found.values()


def _lost(attempt: Tried, since: datetime) -> _Lost | None:
    """What an attempt spoke of; one that broke off before it named its event spoke of a change, whatever it was."""
    told, event = attempt.told, attempt.event
    if told.post is not None and (event in ACTS or not event):
        message = _Message(attempt.id, event or "post_edited", told.post)
        return None if message.event in _TIMED and moment(message.stamp) < since else message
    if told.like is not None and event in {LIKED, ""}:
        return _Like(attempt.id, told.like)
    if told.solved is not None and (event in SOLVED or not event):
        return _Answer(attempt.id, told.solved)
    return None


def _key(lost: _Lost) -> _Key:
    """What tells a thing from others."""
    return type(lost).__name__, _post_of(lost).id, lost.like.user.id if isinstance(lost, _Like) else 0


def _name(lost: _Lost) -> str:
    """The same, for the log."""
    return " ".join(map(str, _key(lost)))


def _numbers(attempts: Iterable[Tried], space: str, since: datetime) -> Mapping[_Key, frozenset[int]]:
    """The attempts that spoke of each thing."""
    found: defaultdict[_Key, set[int]] = defaultdict(set)
    for one in attempts:
        lost = _lost(one, since)
        if lost is not None and str(_post_of(lost).category_id) == space:
            found[_key(lost)].add(one.id)
    return {key: frozenset(numbers) for key, numbers in found.items()}


def _post_of(lost: _Lost) -> Post:
    return lost.like.post if isinstance(lost, _Like) else lost.post


def _newer(lost: _Message, before: _Message) -> bool:
    return lost.event == RECOVERED or moment(lost.stamp) >= moment(before.stamp)


def _read(post: Post, lost: _Message, instance: Instance) -> Change | Unused | Nonsense:
    """Under the marker of the webhook that told this very state, or that will."""
    event = lost.event if lost.stamp == post.updated_at and ACTS[lost.event] is not Act.DELETED else "post_edited"
    found = read_post(post, event, instance)
    return Nonsense("post_without_text") if isinstance(found, Incomplete) else found


def _destroyed(lost: _Message, instance: Instance) -> Change | Unused | Nonsense:
    """A post that is no longer there at all: deleted if Discourse said so."""
    found = read_post(lost.post, lost.event, instance) if lost.post.gone else Unused("post_gone")
    return Unused("post_gone") if isinstance(found, Incomplete) else found


def _topic_of(post: Post) -> Topic:
    return Topic(id=post.topic_id, title=post.topic_title, category_id=post.category_id, archetype=post.topic_archetype)


def with_topic(post: Post, topic: Topic | None) -> Post:
    """A post with what `GET /posts/{id}.json` leaves out."""
    if topic is None:
        return post
    known: dict[str, Any] = {
        "category_id": post.category_id or topic.category_id,
        "topic_title": post.topic_title or topic.title,
        "topic_archetype": post.topic_archetype or topic.archetype,
    }
    return post.model_copy(update=known)
