"""What people of one RSE do to the copy of a message that another RSE holds: told, never federated as the author's act."""

from __future__ import annotations

from typing import ClassVar

from schemas.facts.base import Fact
from schemas.scalars import Space


class CopyWithdrawn(Fact):
    """Somebody deleted a copy in this RSE: a local withdrawal, the other copies stay."""

    event_type: ClassVar[str] = "fr.gouv.rse.copy.withdrawn.v1"

    space: Space


class CopyEdited(Fact):
    """Somebody edited a copy in this RSE: reported to the animators, never spread."""

    event_type: ClassVar[str] = "fr.gouv.rse.copy.edited.v1"

    space: Space
