"""Lifecycles drawn from their data, for the README."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar

from hub.communities.model import MEMBERSHIP_STEPS, MESSAGE_STEPS, REACTION_STEPS, MembershipState, MessageState, ReactionState
from hub.communities.resync import RESYNC_STEPS, ResyncState
from hub.registry.applications import APPLICATION_STEPS, ApplicationState
from hub.registry.key_life import KEY_STEPS
from hub.registry.model import GRADES, TIE_STEPS, TieState
from schemas.manifest import Grade, KeyState

if TYPE_CHECKING:
    from collections.abc import Mapping

State = TypeVar("State", bound=StrEnum)


def drawn(steps: Mapping[State, frozenset[State]], start: State) -> str:
    """A lifecycle as a Mermaid state diagram: the same text for the same data, so that a test can compare it."""
    lines = ["```mermaid", "stateDiagram-v2", f"  [*] --> {start.value}"]
    for state, following in steps.items():
        lines += [f"  {state.value} --> {to.value}" for to in sorted(following)]
        lines += [] if following else [f"  {state.value} --> [*]"]
    return "\n".join([*lines, "```"])


LIFECYCLES: Final[Mapping[str, str]] = {
    "nœud": drawn(GRADES, Grade.CANDIDATE),
    "candidature": drawn(APPLICATION_STEPS, ApplicationState.OPEN),
    "clé": drawn(KEY_STEPS, KeyState.PENDING),
    "rattachement": drawn(TIE_STEPS, TieState.PROPOSED),
    "message": drawn(MESSAGE_STEPS, MessageState.VISIBLE),
    "réaction": drawn(REACTION_STEPS, ReactionState.STANDING),
    "participation": drawn(MEMBERSHIP_STEPS, MembershipState.PRESENT),
    "resynchronisation": drawn(RESYNC_STEPS, ResyncState.SENDING),
}
"""Every lifecycle of the hub, by its name in French."""
