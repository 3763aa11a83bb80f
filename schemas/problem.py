"""Problem details (RFC 9457): a reason for machines, a sentence in French for people."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Problem:
    """An error answer. `extra` holds members that a platform needs beside ours, such as Matrix's `errcode`."""

    status: int
    reason: str
    title: str
    detail: str = ""
    extra: Mapping[str, object] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """The JSON body."""
        body: dict[str, object] = {
            "type": f"urn:traitdunion:problem:{self.reason}",
            "title": self.title,
            "status": self.status,
            "reason": self.reason,
        }
        if self.detail:
            body["detail"] = self.detail
        return json.dumps({**body, **self.extra}, ensure_ascii=False).encode()
