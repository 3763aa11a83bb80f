"""All the SQL of reactions and of accepted answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, any_, cast, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from hub.communities.model import Answer, Reaction, ReactionState, Tally, tallies
from hub.storage.rows import Rows, among, renewing
from hub.storage.tables import answers, reactions
from schemas.facts.reaction import ReactionAdded, ReactionRemoved

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.access import Permit
    from hub.ports import Admitted, Clock
    from hub.storage.rows import Change

REACTIONS = Rows(reactions, then=renewing(["id"], ["state", "at"]))
ANSWERS = Rows(answers, then=renewing(["question"], ["community", "message", "last_sequence", "at"]))
Mark = tuple[str, str, str]  # message, actor, emoji


class SqlReactions:
    """Reactions, read ahead and written together."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._known: dict[str, Reaction | None] = {}
        self._looked: set[tuple[str, str]] = set()
        self._standing: set[Mark] = set()
        self._changed: set[str] = set()

    async def load(self, batch: Iterable[Admitted]) -> None:
        """Read ahead what a batch's reactions speak of: two statements, none where nobody reacted."""
        said = [admitted for admitted in batch if isinstance(admitted.verified.fact, ReactionAdded | ReactionRemoved)]
        await self._load({admitted.subject for admitted in said})
        await self._look({(admitted.parent, admitted.verified.event.envelope.actor) for admitted in said if admitted.parent})

    async def get(self, reaction: str) -> Reaction | None:
        """A reaction."""
        await self._load({reaction})
        return self._known[reaction]

    async def stands(self, message: str, actor: str, emoji: str) -> bool:
        """Whether this person's emoji stands on the message already."""
        await self._look({(message, actor)})
        return (message, actor, emoji) in self._standing

    async def of_ministry(self, message: str, node: str) -> list[Reaction]:
        """What one node's people have standing on a message, this transaction's own changes among it."""
        query = select(reactions).where(reactions.c.object == message, reactions.c.node == node)
        found = {row.id: _reaction(row) for row in await self._connection.execute(query)}
        changed = [one for name in self._changed if (one := self._known[name]) and (one.object, one.node) == (message, node)]
        return [one for one in (found | {one.id: one for one in changed}).values() if one.state is ReactionState.STANDING]

    def save(self, reaction: Reaction) -> None:
        """Remember a reaction; written with the transaction."""
        self._known[reaction.id] = reaction
        self._changed.add(reaction.id)
        if reaction.object is not None:
            mark = (reaction.object, reaction.actor, reaction.emoji)
            (self._standing.add if reaction.state is ReactionState.STANDING else self._standing.discard)(mark)

    def change(self) -> Change | None:
        """What changed."""
        rows = [self._row(reaction) for name in sorted(self._changed) if (reaction := self._known[name])]
        self._changed = set()
        return REACTIONS.change(rows)

    async def _load(self, names: set[str]) -> None:
        wanted = names - set(self._known)
        if not wanted:
            return
        self._known.update(dict.fromkeys(wanted))
        for row in await self._connection.execute(select(reactions).where(among(reactions.c.id, wanted))):
            self._known[row.id] = _reaction(row)

    async def _look(self, pairs: set[tuple[str, str]]) -> None:
        wanted = pairs - self._looked
        if not wanted:
            return
        self._looked |= wanted
        messages, actors = ({pair[place] for pair in wanted} for place in (0, 1))  # what stands of the pairs nobody asked for is as true
        query = select(reactions).where(among(reactions.c.object, messages), among(reactions.c.actor, actors))
        for row in await self._connection.execute(query.where(reactions.c.state == ReactionState.STANDING.value)):
            if row.id not in self._changed:  # what this transaction changed it knows better
                self._standing.add((row.object, row.actor, row.emoji))

    def _row(self, reaction: Reaction) -> dict[str, object]:
        names = (name for name in reactions.c.keys() if name not in {"state", "at"})  # noqa: SIM118 - columns by their names
        return {name: getattr(reaction, name) for name in names} | {"state": reaction.state.value, "at": self._clock()}


class SqlAnswers:
    """Accepted answers: rare, so each is read when it is asked for."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._known: dict[str, Answer | None] = {}
        self._changed: set[str] = set()

    async def get(self, question: str) -> Answer | None:
        """A question's answer."""
        if question not in self._known:
            row = (await self._connection.execute(select(answers).where(answers.c.question == question))).first()
            self._known[question] = Answer(row.question, row.community, row.message, row.last_sequence) if row else None
        return self._known[question]

    def save(self, answer: Answer) -> None:
        """Remember an answer; written with the transaction."""
        self._known[answer.question] = answer
        self._changed.add(answer.question)

    def change(self) -> Change | None:
        """What changed."""
        rows = [self._row(answer) for name in sorted(self._changed) if (answer := self._known[name])]
        self._changed = set()
        return ANSWERS.change(rows)

    def _row(self, answer: Answer) -> dict[str, object]:
        return {
            "question": answer.question, "community": answer.community, "message": answer.message,
            "last_sequence": answer.last_sequence, "at": self._clock(),
        }  # fmt: skip


async def reactions_named(connection: AsyncConnection, names: Iterable[str]) -> dict[str, Reaction]:
    """Reactions by their id, for what a node is sent again."""
    return {row.id: _reaction(row) for row in await connection.execute(select(reactions).where(among(reactions.c.id, names)))}


async def answers_numbered(connection: AsyncConnection, community: str, numbers: Iterable[int]) -> dict[int, Answer]:
    """A community's answers by the number that they were given last, for what a node is sent again."""
    numbered = answers.c.last_sequence == any_(cast(list(numbers), ARRAY(BigInteger)))
    rows = await connection.execute(select(answers).where(answers.c.community == community, numbered))
    return {row.last_sequence: Answer(row.question, row.community, row.message, row.last_sequence) for row in rows}


async def tallies_of(connection: AsyncConnection, permit: Permit, messages: Iterable[str]) -> dict[str, tuple[Tally, ...]]:
    """Message → its reactions counted by emoji and ministry, for who holds a permit; one statement for a page."""
    del permit
    columns = (reactions.c.object, reactions.c.emoji, reactions.c.organisation)
    query = select(*columns, func.count()).where(among(reactions.c.object, messages))
    rows = await connection.execute(query.where(reactions.c.state == ReactionState.STANDING.value).group_by(*columns))
    found: dict[str, list[tuple[str, str, int]]] = {}
    for message, emoji, organisation, count in rows:
        found.setdefault(message, []).append((emoji, organisation, count))
    return {message: tallies(counted) for message, counted in found.items()}


async def accepted_of(connection: AsyncConnection, permit: Permit, messages: Iterable[str]) -> frozenset[str]:
    """Those of the messages that are accepted answers, for who holds a permit."""
    del permit
    return frozenset(await connection.scalars(select(answers.c.message).where(among(answers.c.message, messages))))


def _reaction(row: Any) -> Reaction:
    return Reaction(
        row.id, row.community, row.node, row.object, row.actor, row.organisation, row.emoji, ReactionState(row.state), row.first_event
    )
