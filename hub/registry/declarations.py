"""What people of the federation say of a server whose software signs no manifest: a document kept as applications are."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, StringConstraints

from schemas import jcs
from schemas.application import AUTHORITY, Kind, Line, Network, Part, Siret
from schemas.scalars import Moment

TYPE: Final = "TraitDUnionDeclaration"


class DeclaredOrganisation(Part):
    """Who runs the server; an association, or a server abroad, has no SIRET."""

    name: Line
    siret: Siret | None = None


class Declaration(Part):
    """A server of the fediverse as the federation describes it: nobody there signed this, which is why two people answer for it.

    `cavage`: it may sign by draft-cavage; `networks`: private ranges in which it may stand.
    """

    type: Literal["TraitDUnionDeclaration"] = TYPE
    authority: Annotated[str, StringConstraints(max_length=260, pattern=f"^{AUTHORITY.pattern}$")]
    organisation: DeclaredOrganisation
    cavage: bool = False
    networks: Annotated[tuple[Network, ...], Field(max_length=20)] = ()
    issued: Moment

    @property
    def subject(self) -> str:
        """Whom acts name: `peer/social.example`."""
        return f"{Kind.PEER.value}/{self.authority}"

    @property
    def unparsed(self) -> bytes:
        """Its bytes in the one form (RFC 8785): the hub's attestation of the act names their digest."""
        return jcs.canonical(self.model_dump(mode="json", exclude_none=True))

    @property
    def digest(self) -> str:
        """SHA-256, hexadecimal."""
        return hashlib.sha256(self.unparsed).hexdigest()

    @classmethod
    def reopened(cls, document: dict[str, Any]) -> Self:
        """One that was checked when it was made, from the database."""
        return cls.model_validate(document)

    def says_the_same(self, other: Self) -> bool:
        """Whether but for its date it is the other one."""
        return self.model_copy(update={"issued": other.issued}) == other
