"""Ties: the handshake by which a node's space joins a community."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import StrictBool, StringConstraints

from schemas.envelope import NodeId
from schemas.facts.base import Fact
from schemas.scalars import DROP_NUL, ReasonName, Space
from schemas.words import Audience


class TieProposed(Fact):
    """The hub asks a node to tie one of its spaces to a community; signed by the hub, on the node's topic."""

    event_type: ClassVar[str] = "fr.gouv.rse.tie.proposed.v1"

    node: NodeId
    space: Space
    title: Annotated[str, StringConstraints(max_length=200), DROP_NUL]
    audience: Audience


class TieAccepted(Fact):
    """The node agrees and attests who can read the space; renewed daily, and the tie lives by it."""

    event_type: ClassVar[str] = "fr.gouv.rse.tie.accepted.v1"

    space: Space
    space_name: Annotated[str, StringConstraints(max_length=255), DROP_NUL] = ""
    audience: Audience
    externals: StrictBool


class TieRefused(Fact):
    """A side refuses: the node a space that its settings do not offer, the hub a space wider than the community."""

    event_type: ClassVar[str] = "fr.gouv.rse.tie.refused.v1"

    node: NodeId
    space: Space
    reason: ReasonName
