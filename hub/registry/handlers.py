"""Facts about ties, brought to their use cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.registry import service
from schemas.facts.tie import TieAccepted, TieRefused

if TYPE_CHECKING:
    from hub.ports import Admitted
    from hub.registry.service import Work


async def on_tie_accepted(admitted: Admitted, work: Work) -> None:
    """A node agreed to a tie, or renews its attestation."""
    if isinstance(fact := admitted.verified.fact, TieAccepted):
        await service.hear_acceptance(fact, admitted, work)


async def on_tie_refused(admitted: Admitted, work: Work) -> None:
    """A node refuses a tie."""
    if isinstance(fact := admitted.verified.fact, TieRefused):
        await service.hear_refusal(fact.reason, fact.space, admitted, work)
