"""What people of one RSE do to the copy of a message that another RSE holds: told, never federated as the author's act."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import StringConstraints

from schemas.facts.base import Fact


class CopyWithdrawn(Fact):
    """Somebody deleted a copy in this RSE: a local withdrawal, the other copies stay."""

    event_type: ClassVar[str] = "fr.gouv.rse.copy.withdrawn.v1"

    space: Annotated[str, StringConstraints(min_length=1, max_length=255)]


class CopyEdited(Fact):
    """Somebody edited a copy in this RSE: reported to the animators, never spread."""

    event_type: ClassVar[str] = "fr.gouv.rse.copy.edited.v1"

    space: Annotated[str, StringConstraints(min_length=1, max_length=255)]
