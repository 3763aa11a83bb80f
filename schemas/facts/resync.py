"""Re-synchronisation: a node whose topic has forgotten what it did not read asks the hub for it, and is told when it has all of it."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from schemas.envelope import Digest, NodeId
from schemas.facts.base import Fact
from schemas.scalars import Count, Space


class ResyncRequested(Fact):
    """A node asks for what it missed of a community, after a number; told again under another id while nothing comes."""

    event_type: ClassVar[str] = "fr.gouv.rse.resync.requested.v1"

    space: Space
    after: Annotated[Count, Field(description="The last number in the community up to which the node has dealt with everything.")]


class ResyncCompleted(Fact):
    """The hub has sent all that the node missed up to a number; what has a higher one comes as usual."""

    event_type: ClassVar[str] = "fr.gouv.rse.resync.completed.v1"

    node: NodeId
    space: Space
    request: Annotated[Digest, Field(description="Id of the request that is answered.")]
    through: Count
