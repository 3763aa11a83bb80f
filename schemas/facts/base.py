"""What all facts share."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict
from pydantic_core import to_json


class Fact(BaseModel):
    """One thing that happened. Our own are built strictly; others' are read by `tolerant`, and their bytes travel untouched."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False)

    event_type: ClassVar[str]

    @classmethod
    def tolerant(cls, unverified: object) -> Self:
        """Read parsed JSON that another version may have written: names that we do not know are ignored, at every depth."""
        return cls.model_validate(unverified, extra="ignore")

    def to_bytes(self) -> bytes:
        """The JSON that travels: what is unset is left out. Only strictly built models get here with nothing lost."""
        return to_json(self, exclude_none=True)
