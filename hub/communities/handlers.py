"""Facts about messages, their copies, what is set on them and who takes part, brought to their use cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.communities import gestures, participation, resync, service
from hub.communities.model import Outcome
from hub.communities.reports import ReportKind
from hub.ports import RefusedError
from schemas.facts.copy import CopyEdited, CopyWithdrawn
from schemas.facts.message import MessageDeleted, MessagePosted
from schemas.facts.resync import ResyncRequested

if TYPE_CHECKING:
    from hub.communities.service import Work
    from hub.ports import Admitted

OF_THE_HUB = "word_of_the_hub"


async def on_message(admitted: Admitted, work: Work) -> Outcome:
    """A message was posted, edited or deleted by its node."""
    match admitted.verified.fact:
        case MessagePosted() | MessageDeleted() as fact:
            return await service.hear(fact, admitted, work)
        case _:
            return Outcome.UNSUPPORTED


async def on_gesture(admitted: Admitted, work: Work) -> Outcome:
    """Somebody reacted to a message or took that back; an answer was accepted or withdrawn."""
    fact = admitted.verified.fact
    return await gestures.hear(fact, admitted, work) if isinstance(fact, gestures.Gesture) else Outcome.UNSUPPORTED


async def on_membership(admitted: Admitted, work: participation.Work) -> Outcome:
    """Somebody takes part in a tied space, or no longer."""
    fact = admitted.verified.fact
    return await participation.hear(fact, admitted, work) if isinstance(fact, participation.Participation) else Outcome.UNSUPPORTED


async def on_resync_requested(admitted: Admitted, work: resync.Work) -> Outcome:
    """A node missed more than its topic remembers."""
    fact = admitted.verified.fact
    return await resync.hear(fact, admitted, work) if isinstance(fact, ResyncRequested) else Outcome.UNSUPPORTED


async def on_copy_withdrawn(admitted: Admitted, work: Work) -> Outcome:
    """Somebody deleted a copy in her own RSE."""
    fact = admitted.verified.fact
    return (
        await service.note_copy(ReportKind.WITHDRAWN, fact.space, admitted, work)
        if isinstance(fact, CopyWithdrawn)
        else Outcome.UNSUPPORTED
    )


async def on_copy_edited(admitted: Admitted, work: Work) -> Outcome:
    """Somebody edited a copy in her own RSE."""
    fact = admitted.verified.fact
    return await service.note_copy(ReportKind.EDITED, fact.space, admitted, work) if isinstance(fact, CopyEdited) else Outcome.UNSUPPORTED


async def on_moderation(admitted: Admitted, work: Work) -> Outcome:
    """A node says that a message is moderated, or no longer: the hub alone asks who may. Raises RefusedError."""
    del admitted, work
    raise RefusedError(OF_THE_HUB)
