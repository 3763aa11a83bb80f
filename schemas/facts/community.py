"""The hub's own announcements: a community opened, a node approved."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import StringConstraints

from schemas.envelope import NodeId
from schemas.facts.base import Fact
from schemas.scalars import DROP_NUL, Identifier
from schemas.words import Audience


class CommunityOpened(Fact):
    """An interministerial community opened."""

    event_type: ClassVar[str] = "fr.gouv.rse.community.opened.v1"

    title: Annotated[str, StringConstraints(min_length=1, max_length=200), DROP_NUL]
    audience: Audience


class NodeApproved(Fact):
    """A ministry's RSE was admitted as a node."""

    event_type: ClassVar[str] = "fr.gouv.rse.node.approved.v1"

    node: NodeId
    organisation: Annotated[str, StringConstraints(min_length=1, max_length=200), DROP_NUL]
    platform: Identifier
