"""What a peer's message brings along, so that the last door can check again what the first one saw."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

ACTIVITY_LIMIT = 1024 * 1024  # bytes that the peers' door reads of one activity; a text has no more characters
Address = Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class External(BaseModel):
    """A message of somebody on a server of others: the activity as it came, and what the peers' door saw of it.

    `via` is the Group that passed it on; `document` is the object as its own server gave it, where the door asked there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    actor: Address = Field(description="The author, at her own server.")
    server: Annotated[str, StringConstraints(min_length=1, max_length=255)] = Field(description="That server's authority.")
    object: Address = Field(description="What she wrote, at its own address.")
    activity: Annotated[str, StringConstraints(max_length=ACTIVITY_LIMIT)] = Field(description="The activity's text as it was received.")
    document: Annotated[str, StringConstraints(max_length=ACTIVITY_LIMIT)] | None = None
    via: Address | None = None
    provenance: Annotated[str, StringConstraints(max_length=64 * 1024)] = Field(
        description="The door's `peer_*` members under its proof, as canonical JSON: signer, key, scheme, time, digests."
    )
