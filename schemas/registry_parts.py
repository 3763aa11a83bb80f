"""The parts of the signed registry: keys, nodes, peers, and the history of its versions."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from schemas.envelope import NodeId
from schemas.scalars import Count, Moment, Sha256

if TYPE_CHECKING:
    from datetime import datetime


class RegistryRefused(ValueError):
    """A registry document that no verifier may use; `reason` is machine-readable."""

    def __init__(self, reason: str, detail: str = "") -> None:
        """Keep the reason beside a sentence for people."""
        super().__init__(f"{reason} {detail}".strip())
        self.reason = reason


class KeyState(StrEnum):
    """A key's life; which state it was in at a moment follows from the dates of its entry."""

    PENDING = "pending"
    ACTIVE = "active"
    RETIRING = "retiring"
    RETIRED = "retired"
    REVOKED = "revoked"


class Grade(StrEnum):
    """How far a node is admitted."""

    CANDIDATE = "candidate"
    OBSERVER = "observer"
    FULL = "full"
    SUSPENDED = "suspended"
    GONE = "gone"


class Custody(StrEnum):
    """Who keeps a private key: pages say it, since a ministry answers for its own key and for no other."""

    ORGANISATION = "organisation"
    OPERATOR = "operator"


class KeyEntry(BaseModel):
    """One public key of a node or of the hub, with the dates of its life; our code names fields, documents their aliases."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)

    id: str
    multibase: Annotated[str, Field(alias="publicKeyMultibase")]
    active_from: Annotated[Moment | None, Field(alias="activeFrom")] = None
    retiring_from: Annotated[Moment | None, Field(alias="retiringFrom")] = None
    retired_at: Annotated[Moment | None, Field(alias="retiredAt")] = None
    revoked_at: Annotated[Moment | None, Field(alias="revokedAt")] = None
    compromised_since: Annotated[Moment | None, Field(alias="compromisedSince")] = None
    custody: Custody | None = None

    def state_at(self, moment: datetime) -> KeyState:
        """The key's state at a moment: what a signature of that moment is judged by."""
        if self.revoked_at is not None and moment >= self.revoked_at:
            return KeyState.REVOKED
        if self.active_from is None or moment < self.active_from:
            return KeyState.PENDING
        if self.retired_at is not None and moment >= self.retired_at:
            return KeyState.RETIRED
        if self.retiring_from is not None and moment >= self.retiring_from:
            return KeyState.RETIRING
        return KeyState.ACTIVE


class NodeEntry(BaseModel):
    """A node as every verifier sees it."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)

    id: NodeId
    organisation: str
    platform: str
    grade: Grade
    keys: tuple[KeyEntry, ...]
    manifest_expires: Annotated[Moment | None, Field(alias="manifestExpires")] = None
    """Until when what it says of itself holds: past that, it reads and does not speak."""


class PeerEntry(BaseModel):
    """A server of others, as every verifier sees it; `anchor` signs its own registry, where it is another Trait d'union."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)

    authority: str
    name: str
    kind: str
    grade: Grade
    cavage: bool = False
    anchor: str | None = None
    manifest_expires: Annotated[Moment | None, Field(alias="manifestExpires")] = None


class Change(BaseModel):
    """What was done about a node or a peer between two versions: no name of a person, but how many of them approved."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    act: str
    subject: str
    grade: Grade | None = None
    key: str | None = None
    approvals: Count | None = None


class Succeeding(BaseModel):
    """From a moment on the key `new` signs the registry in place of `old` (Multikeys of the hub); the new key's proof stands beside."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)

    type: str
    hub: NodeId
    old: str
    new: str
    start: Annotated[Moment, Field(alias="from")]
    issued: Moment


class AnchorChange(BaseModel):
    """How one anchor followed another; the old key's proof stands beside and covers the new one's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str
    succession: Succeeding


class Version(BaseModel):
    """A version in the registry's history; `previous` is the SHA-256 of the whole document before it, so that versions are a chain."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Annotated[Count, Field(ge=1)]
    issued: Moment
    previous: Sha256 | None = None
    changes: tuple[Change, ...] = ()
