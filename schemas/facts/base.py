"""What all facts share."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Fact(BaseModel):
    """One thing that happened. Read tolerantly: unknown fields are ignored while the bytes travel untouched."""

    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=False)

    event_type: ClassVar[str]

    def to_bytes(self) -> bytes:
        """The JSON that travels: what is unset is left out. Only our own strictly built models are written."""
        return self.model_dump_json(exclude_none=True).encode()
