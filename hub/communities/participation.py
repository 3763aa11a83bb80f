"""Use cases of memberships: a person takes part in a community, is called otherwise, takes part no longer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from hub.access import Speech, why_not_speak
from hub.communities.model import Membership, MembershipState, Outcome
from hub.ports import Admitted, RefusedError
from schemas.envelope import object_id
from schemas.facts.membership import MembershipJoined, MembershipLeft
from schemas.names import one_line
from schemas.words import Audience

if TYPE_CHECKING:
    from hub.communities.model import Community
    from schemas.manifest import Grade

MEMBERS_LIMIT: Final = 2_000
"""Of one space, at a time: connectors tell no larger ones, and no node fills the hub with people."""
NAME_LIMIT: Final = 200

Participation = MembershipJoined | MembershipLeft


class Communities(Protocol):
    """The communities that this transaction has locked."""

    async def get(self, community: str) -> Community | None: ...


class Members(Protocol):
    """Memberships, by their id and by who takes part where."""

    async def get(self, membership: str) -> Membership | None: ...
    async def present(self, node: str, community: str) -> dict[str, Membership]: ...
    def save(self, membership: Membership) -> None: ...


class Work(Protocol):
    """What these use cases need of a transaction."""

    @property
    def communities(self) -> Communities: ...
    @property
    def members(self) -> Members: ...
    async def grade_of(self, node: str) -> Grade | None: ...
    async def lapsed(self, admitted: Admitted) -> bool: ...
    async def speaks(self, admitted: Admitted, space: str) -> bool: ...
    async def announce(self, admitted: Admitted) -> int: ...


async def hear(fact: Participation, admitted: Admitted, work: Work) -> Outcome:
    """A node tells who takes part in its space. Raises RefusedError."""
    known = await work.members.get(admitted.subject)
    await _authorise(fact, admitted, known, work)
    match fact:
        case MembershipJoined():
            return await _join(fact, admitted, known, work)
        case MembershipLeft():
            return await _leave(fact, admitted, known, work)


async def _authorise(fact: Participation, admitted: Admitted, known: Membership | None, work: Work) -> None:
    if await work.communities.get(admitted.community) is None:
        raise RefusedError("community_unknown")
    envelope = admitted.verified.event.envelope
    takes_back = isinstance(fact, MembershipLeft) and known is not None
    speech = Speech(
        grade=await work.grade_of(admitted.node),
        tied=await work.speaks(admitted, fact.space),
        owner=known is None or (known.node, known.community) == (admitted.node, admitted.community),
        subject_is_its_own=admitted.subject == object_id(admitted.node, envelope.nativeid),
        audience_known=envelope.audience is not Audience.UNKNOWN,
        lapsed=await work.lapsed(admitted),
        takes_back=takes_back,
    )
    if reason := why_not_speak(speech):
        raise RefusedError(reason)


async def _join(fact: MembershipJoined, admitted: Admitted, known: Membership | None, work: Work) -> Outcome:
    name = one_line(fact.member.name, NAME_LIMIT)
    if known is not None and (known.state is MembershipState.LEFT or known.name == name):
        return Outcome.SUPERSEDED
    if known is None:
        await _make_room(fact, admitted, work)
    await work.announce(admitted)
    work.members.save(known.renamed(name) if known else _membership(fact, admitted, name, MembershipState.PRESENT))
    return Outcome.SEQUENCED


async def _make_room(fact: MembershipJoined, admitted: Admitted, work: Work) -> None:
    """A person takes part once from one space: the membership that stood is over, and so are those of a space tied before."""
    present = await work.members.present(admitted.node, admitted.community)
    over = [one for one in present.values() if one.space != fact.space or one.actor == admitted.verified.event.envelope.actor]
    if len(present) - len(over) >= MEMBERS_LIMIT:
        raise RefusedError("too_many_members")
    for one in over:
        work.members.save(one.left())


async def _leave(fact: MembershipLeft, admitted: Admitted, known: Membership | None, work: Work) -> Outcome:
    if known is None:
        work.members.save(_membership(fact, admitted, "", MembershipState.LEFT))
        return Outcome.NOTED  # nobody was told of it
    if known.state is MembershipState.LEFT:
        return Outcome.SUPERSEDED
    await work.announce(admitted)
    work.members.save(known.left())
    return Outcome.SEQUENCED


def _membership(fact: Participation, admitted: Admitted, name: str, state: MembershipState) -> Membership:
    actor = admitted.verified.event.envelope.actor
    return Membership(admitted.subject, admitted.community, admitted.node, fact.space, actor, name, state, admitted.id)
