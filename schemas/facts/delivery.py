"""Receipts: what a node's last door did with what it was sent."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, FailFast, Field

from schemas.facts.base import Fact
from schemas.scalars import Claim, Count, Identifier, Moment, Partition, Sha256
from schemas.words import Verdict

REPORT_LIMIT = 500


class Delivery(BaseModel):
    """One event at one node: where it was read, and the verdict. What was refused may not even have an id."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event: Claim
    event_digest: Sha256
    community: Claim
    sequence: Count
    topic: Identifier
    partition: Partition
    offset: Count
    verdict: Verdict
    at: Moment
    reason: Claim | None = None
    native_id: Claim | None = None
    native_version: Claim | None = None
    correlation: Claim | None = None


class DeliveryReported(Fact):
    """Up to 500 deliveries under one signature."""

    event_type: ClassVar[str] = "fr.gouv.rse.delivery.reported.v1"

    deliveries: Annotated[tuple[Delivery, ...], Field(min_length=1, max_length=REPORT_LIMIT), FailFast()]
