"""Receipts: what a node's last door did with what it was sent."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from schemas.facts.base import Fact
from schemas.words import Verdict

REPORT_LIMIT = 500


class Delivery(BaseModel):
    """One event at one node: where it was read, and the verdict."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    event: str
    event_digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    community: str
    sequence: Annotated[int, Field(ge=0)]
    topic: str
    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]
    verdict: Verdict
    at: AwareDatetime
    reason: str | None = None
    native_id: str | None = None
    native_version: str | None = None
    correlation: str | None = None


class DeliveryReported(Fact):
    """Up to 500 deliveries under one signature."""

    event_type: ClassVar[str] = "fr.gouv.rse.delivery.reported.v1"

    deliveries: Annotated[tuple[Delivery, ...], Field(min_length=1, max_length=REPORT_LIMIT)]
