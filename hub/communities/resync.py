"""A node that was away for longer than its topic remembers asks for what it missed: who may ask, and from which number on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from hub.access import Right, node_may
from hub.communities.model import Outcome
from hub.ports import RefusedError
from hub.registry.model import HAVE_CARRIED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from hub.communities.model import Community
    from hub.ports import Admitted, Clock
    from hub.registry.model import Tie
    from schemas.facts.resync import ResyncRequested
    from schemas.manifest import Grade


class ResyncState(StrEnum):
    """A re-synchronisation's life."""

    SENDING = "sending"
    COMPLETED = "completed"


RESYNC_STEPS: Final[Mapping[ResyncState, frozenset[ResyncState]]] = {
    ResyncState.SENDING: frozenset({ResyncState.SENDING, ResyncState.COMPLETED}),
    ResyncState.COMPLETED: frozenset({ResyncState.SENDING}),
}
"""Asked again it begins anew, from the number that the node names then."""


@dataclass(frozen=True, slots=True)
class Resync:
    """What one node missed of one community: all after `since`, of which all up to `reached` was sent."""

    node: str
    community: str
    space: str
    request: str
    since: int
    reached: int
    state: ResyncState
    asked_at: datetime
    moved_at: datetime
    originals: int = 0
    stand_ins: int = 0
    left_out: int = 0

    def moved(self, reached: int, now: datetime) -> Resync:
        """With all sent up to a number."""
        return replace(self, reached=reached, moved_at=now)

    def completed(self) -> Resync:
        """With nothing left to send."""
        return replace(self, state=ResyncState.COMPLETED)


class Communities(Protocol):
    """The communities that this transaction has locked."""

    async def get(self, community: str) -> Community | None: ...


class Ties(Protocol):
    """The ties of communities."""

    async def get(self, node: str, community: str) -> Tie | None: ...


class Resyncs(Protocol):
    """What nodes have asked for."""

    async def tied_since(self, node: str, community: str) -> int | None: ...
    def save(self, resync: Resync) -> None: ...


class Work(Protocol):
    """What this use case needs of a transaction."""

    clock: Clock

    @property
    def communities(self) -> Communities: ...
    @property
    def ties(self) -> Ties: ...
    @property
    def resyncs(self) -> Resyncs: ...
    async def grade_of(self, node: str) -> Grade | None: ...


async def hear(fact: ResyncRequested, admitted: Admitted, work: Work) -> Outcome:
    """A node asks for what it missed. Never for what was said before its space was tied: that was not meant for it.

    Also a node whose tie ended may ask: it is told what it must forget, and nothing else.
    """
    community = await work.communities.get(admitted.community)
    if community is None:
        raise RefusedError("community_unknown")
    if not node_may(await work.grade_of(admitted.node), Right.FORGET):
        raise RefusedError("node_not_admitted")
    tie = await work.ties.get(admitted.node, admitted.community)
    tied_since = await work.resyncs.tied_since(admitted.node, admitted.community)
    if tie is None or tied_since is None or tie.space != fact.space or tie.state not in HAVE_CARRIED:
        raise RefusedError("not_tied")
    since, now = min(max(fact.after, tied_since - 1), community.sequence), work.clock()
    work.resyncs.save(Resync(admitted.node, community.id, fact.space, admitted.id, since, since, ResyncState.SENDING, now, now))
    return Outcome.NOTED
