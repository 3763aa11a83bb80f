"""Receipts between our own servers: what became, at the one, of each activity that the other brought there, signed by the hub's own key."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, FailFast, Field, StringConstraints, ValidationError

from schemas.documents import document_holds, sign_document
from schemas.envelope import NodeId
from schemas.facts.external import Address
from schemas.proof import timestamp
from schemas.scalars import Count, Identifier, Moment, ReasonName, Sha256

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.keys import PublicKey, SigningKey

TYPE: Final = "TraitDUnionReceipt"
RECEIPT_LIMIT: Final = 500
NODES_LIMIT: Final = 1_000
PENDING: Final = "pending"
"""What stands for a node's verdict while it has said nothing."""
Server = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Said = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{2,31}$")]


class Fate(StrEnum):
    """What became of an activity at the server that took it."""

    HELD = "held"  # it waits for what it answers
    SEQUENCED = "sequenced"  # it has its number in the community there
    KNOWN = "known"  # it was there already
    NOTED = "noted"  # there was nothing to do
    REFUSED = "refused"  # by name


class Acknowledged(BaseModel):
    """One activity: by its id and the digest of its bytes as they came. `nodes` are those to which it was sent there, each with its verdict."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    activity: Address
    digest: Sha256
    fate: Fate
    reason: ReasonName | None = None
    community: Identifier | None = None
    sequence: Count | None = None
    nodes: Annotated[dict[NodeId, Said], Field(max_length=NODES_LIMIT)] = {}


class PeerReceipt(BaseModel):
    """Several of them in one server's word to another, each named by its authority; a later one says what became of them since."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["TraitDUnionReceipt"] = TYPE
    issuer: Server
    addressee: Server
    issued: Moment
    deliveries: Annotated[tuple[Acknowledged, ...], Field(min_length=1, max_length=RECEIPT_LIMIT), FailFast()]

    def signed(self, key: SigningKey) -> dict[str, Any]:
        """As it travels, under the hub's proof (eddsa-jcs-2022)."""
        said = self.model_dump(mode="json", exclude_none=True) | {"issued": timestamp(self.issued)}
        return sign_document(said, key, self.issued)


class ReceiptMalformed(ValueError):
    """A document that is no receipt; its sentence names no value."""


def holds(unverified: Mapping[str, Any], anchor: PublicKey) -> bool:
    """Tell whether the key that signs a server's registry has signed this too."""
    return document_holds(unverified, anchor)


def read(unverified: Mapping[str, Any]) -> PeerReceipt:
    """Read a receipt, names of later versions ignored; raises ReceiptMalformed."""
    try:
        return PeerReceipt.model_validate(unverified, extra="ignore")
    except ValidationError as error:
        raise ReceiptMalformed(TYPE) from error
