"""Use cases of ties: propose one, hear the node's answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from hub.access import Right, node_may
from hub.ports import Admitted, RefusedError
from hub.registry.admission_work import NodeNotFound
from hub.registry.model import Tie, TieState
from schemas.facts.tie import TieProposed, TieRefused
from schemas.names import one_line

if TYPE_CHECKING:
    from hub.ports import Clock
    from hub.registry.model import Node
    from schemas.facts.base import Fact
    from schemas.facts.tie import TieAccepted
    from schemas.words import Audience


NAME_LIMIT: Final = 255


class TieKnownError(ValueError):
    """Another space of the node is tied to the community, or asked for, already."""


class Nodes(Protocol):
    """Organisations, nodes and keys."""

    async def get(self, node: str) -> Node | None: ...


class Ties(Protocol):
    """The ties of communities."""

    async def get(self, node: str, community: str) -> Tie | None: ...
    def save(self, tie: Tie) -> None: ...


class Work(Protocol):
    """What these use cases need of a transaction."""

    clock: Clock

    @property
    def nodes(self) -> Nodes: ...
    @property
    def ties(self) -> Ties: ...
    async def audience_of(self, community: str) -> Audience: ...
    async def title_of(self, community: str) -> str: ...
    async def announce(self, admitted: Admitted) -> int: ...
    def say_to(self, node: str, fact: Fact, *, subject: str, marker: str, community: str) -> None: ...


async def propose_tie(node_id: str, space: str, community: str, work: Work) -> Tie:
    """Ask a node to tie a space; the node's own settings and signature decide. Asking again of a living tie changes nothing."""
    await _node(node_id, work)
    known = await work.ties.get(node_id, community)
    kept = known is not None and not known.may_be_proposed_again()
    if known is not None and kept and known.space != space:
        raise TieKnownError(known.space)
    fact = TieProposed(node=node_id, space=space, title=await work.title_of(community), audience=await work.audience_of(community))
    tie = known if known is not None and kept else Tie(node_id, community, space, TieState.PROPOSED, work.clock())
    work.ties.save(tie)
    work.say_to(node_id, fact, subject=f"tie/{node_id}/{space}", marker=_marker(work), community=community)
    return tie


async def hear_acceptance(fact: TieAccepted, admitted: Admitted, work: Work) -> None:
    """The node attests who reads the space: the tie lives by it, or is refused where that is wider than the community."""
    tie = await _tie_of(admitted, fact.space, work)
    if tie.attested_at is not None and admitted.verified.admitted_at < tie.attested_at:
        return  # it was parked while a newer word came
    heard = tie.attested(
        fact.audience, one_line(fact.space_name, NAME_LIMIT), await work.audience_of(tie.community), admitted.verified.admitted_at
    )
    work.ties.save(heard)
    if heard.state is not TieState.ACTIVE:
        refusal = TieRefused(node=tie.node, space=tie.space, reason=heard.reason or "space_wider_than_community")
        work.say_to(tie.node, refusal, subject=admitted.subject, marker=_marker(work), community=tie.community)
    elif tie.state is not TieState.ACTIVE or tie.space_name != heard.space_name or tie.audience is not heard.audience:
        await work.announce(admitted)


async def hear_refusal(reason: str, space: str, admitted: Admitted, work: Work) -> None:
    """The node will not tie this space."""
    tie = await _tie_of(admitted, space, work)
    work.ties.save(tie.refused(reason))


async def _tie_of(admitted: Admitted, space: str, work: Work) -> Tie:
    node = await work.nodes.get(admitted.node)
    if node is None or not node_may(node.grade, Right.TIE):
        raise RefusedError("node_not_admitted")
    tie = await work.ties.get(admitted.node, admitted.community)
    if tie is None or tie.space != space:
        raise RefusedError("not_tied")
    if tie.state is TieState.REFUSED:
        raise RefusedError("tie_refused")
    return tie


async def _node(node_id: str, work: Work) -> Node:
    node = await work.nodes.get(node_id)
    if node is None:
        raise NodeNotFound(node_id)
    return node


def _marker(work: Work) -> str:
    return work.clock().isoformat()
