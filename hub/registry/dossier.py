"""All that the registry keeps about one node or peer: for the pages, the API and the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.access.approval import APPROVALS
from hub.registry.acts import ActKind, KeptAct, acts_of, lapsed_approvals, standing_approvals
from hub.registry.applications import Application, ApplicationState, applications_of
from hub.registry.model import Node
from hub.registry.peer_keys import standing
from hub.registry.peer_repository import SqlPeers
from hub.registry.repository import SqlNodes
from hub.registry.said import compared, facts, things
from schemas.application import Kind
from schemas.manifest import Grade

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.registry.peer_keys import StandingKey
    from hub.registry.peer_repository import SeenRegistry
    from hub.registry.peers import Peer
    from hub.registry.said import Row

IN_STEPS: Final = tuple(grade for grade in reversed(Grade) if APPROVALS.get(grade, 0) > 1)
"""Grades to which one person's approval does not yet bring anybody."""


@dataclass(frozen=True, slots=True)
class Dossier:
    """A node or a peer, what it says of itself, what waits for a decision, and what was done."""

    subject: str
    member: Node | Peer
    accepted: Application | None
    waiting: Application | None
    refused: Application | None
    acts: Sequence[KeptAct]
    registry: SeenRegistry | None = None
    """Another Trait d'union's own registry, as our door read it last."""

    @property
    def told(self) -> Application | None:
        """What says who it is: what was accepted, else what it came with first."""
        return self.accepted or self.waiting

    @property
    def facts(self) -> Mapping[str, Sequence[str]]:
        """All that it says, by what it is about."""
        return facts(things(self.told.said)) if self.told else {}

    @property
    def peer_keys(self) -> Sequence[StandingKey]:
        """The keys by which a peer shows who it is; none of a node, whose keys the registry itself has, nor of a declared server."""
        return [] if isinstance(self.member, Node) else standing(self.member.id, self.accepted, self.acts)

    def changes(self, now: datetime) -> Sequence[Row]:
        """What the application that waits says beside what was accepted; empty where there are not both."""
        if self.accepted is None or self.waiting is None:
            return ()
        keys = self.member.keys if isinstance(self.member, Node) else ()
        return compared(self.accepted.said, self.waiting.said, keys, now)

    def approved_by(self) -> list[KeptAct]:
        """The approvals that count now of what waits, whichever grade each is for (`grade`): those of one grade alone add up."""
        return [act for act in self._counting() if self.waiting and act.application == self.waiting.digest]

    def under_way(self) -> list[KeptAct]:
        """The approvals that count now and are of no application: of a departure, or of another grade."""
        return [act for act in self._counting() if act.application is None]

    def lapsed_approvals(self) -> list[KeptAct]:
        """The approvals of what waits that no longer count: whoever gave them no longer acts."""
        waiting = self.waiting
        return [act for grade in IN_STEPS for act in lapsed_approvals(self.acts, grade, waiting.digest)] if waiting else []

    def _counting(self) -> list[KeptAct]:
        of = dict.fromkeys((self.waiting.digest if self.waiting else None, None))
        return [act for grade in IN_STEPS for application in of for act in standing_approvals(self.acts, grade, application)]

    def last_change(self) -> KeptAct | None:
        """What brought it to its grade, and why."""
        return next((act for act in reversed(self.acts) if act.kind is ActKind.GRADE_CHANGED), None)

    def lessened(self) -> bool:
        """Whether it may do less than it once could: pages say what is lost."""
        return _can_less(self.member.grade, self.acts)


async def dossier_of(connection: AsyncConnection, kind: Kind, name: str) -> Dossier | None:
    """The dossier, None for an unknown name."""
    member = await (SqlNodes(connection).get(name) if kind is Kind.NODE else SqlPeers(connection).get(name))
    if member is None:
        return None
    subject = f"{kind.value}/{name}"
    applications = await applications_of(connection, subject)
    by_state = {one.state: one for one in applications}  # of each state the newest
    newest = applications[-1] if applications else None
    refused = newest if newest is not None and newest.state is ApplicationState.REFUSED else None
    accepted, waiting = (by_state.get(state) for state in (ApplicationState.ACCEPTED, ApplicationState.OPEN))
    registry = None if isinstance(member, Node) else await SqlPeers(connection).registry_seen(member)
    return Dossier(subject, member, accepted, waiting, refused, await acts_of(connection, subject), registry)


@dataclass(frozen=True, slots=True)
class Lessened:
    """A node or a peer that may do less than it once could, and what brought it there (None from before acts were kept)."""

    kind: Kind
    name: str
    grade: str
    change: KeptAct | None


async def lessened(connection: AsyncConnection, among: Container[str] | None = None) -> list[Lessened]:
    """Who may do less than before: of all, or only of those whom these subjects (`node/wifip`) name."""
    nodes, peers = (await SqlNodes(connection).all()).values(), (await SqlPeers(connection).all()).values()
    named: list[tuple[Kind, Node | Peer]] = [*((Kind.NODE, node) for node in nodes), *((Kind.PEER, peer) for peer in peers)]
    told = []
    for kind, member in named:
        subject = f"{kind.value}/{member.id}"
        if member.grade not in {Grade.CANDIDATE, Grade.FULL} and (among is None or subject in among):
            changes = [act for act in await acts_of(connection, subject) if act.kind is ActKind.GRADE_CHANGED]
            if _can_less(member.grade, changes):
                told.append(Lessened(kind, member.id, member.grade.value, changes[-1] if changes else None))
    return told


def _can_less(grade: Grade, acts: Sequence[KeptAct]) -> bool:
    """An observer that never was anything else has lost nothing."""
    match grade:
        case Grade.CANDIDATE | Grade.FULL:
            return False
        case Grade.OBSERVER:
            return any(act.kind is ActKind.GRADE_CHANGED and act.grade is Grade.FULL for act in acts)
        case Grade.SUSPENDED | Grade.GONE:
            return True
