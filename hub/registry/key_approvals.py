"""How two people, one after another, approve another key for the whole hub."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.access.approval import why_not_second
from hub.registry.acts import Act, ActKind, approvals_of_key
from hub.registry.admission_work import ApprovalRefused, approver_of

if TYPE_CHECKING:
    from hub.registry.admission_work import Work
    from hub.registry.people import Presence
    from schemas.manifest import KeyEntry


@dataclass(frozen=True, slots=True)
class Decision:
    """What an approval brought: how many count now, of how many; `new` once it is done."""

    approvals: int
    new: KeyEntry | None = None


async def approve(subject: str, key: str, why: str | None, presence: Presence, work: Work) -> int:
    """Keep an approval; how many different people have given it now. Raises ApprovalRefused."""
    before = approvals_of_key(await work.acts.of(subject), key)
    refusal = why_not_second(presence.person.approver(), [approver_of(act) for act in before])
    if refusal is not None:
        raise ApprovalRefused(refusal)
    await work.acts.add(Act(subject, ActKind.APPROVED, work.clock(), key=key, reason=why, presence=presence))
    return len(before) + 1
