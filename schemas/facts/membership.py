"""Memberships: a person takes part in a tied space. `subject` of the envelope names the membership, `actor` the person."""

from __future__ import annotations

from typing import ClassVar

from schemas.facts.base import Fact
from schemas.facts.message import Author
from schemas.scalars import Space


class MembershipJoined(Fact):
    """A person takes part in a space, under this name; told again where her RSE shows another one. Who comes back is another membership."""

    event_type: ClassVar[str] = "fr.gouv.rse.membership.joined.v1"

    space: Space
    member: Author


class MembershipLeft(Fact):
    """The person takes part no longer: she left, or was put out. What she wrote stays."""

    event_type: ClassVar[str] = "fr.gouv.rse.membership.left.v1"

    space: Space
    member: Author
