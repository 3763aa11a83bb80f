"""What a Matrix server, real or twin, is told of our connector: the application service's registration."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class ApplicationService:
    """A registration: where our gateway listens and the two tokens; `url` ends with the instance's name."""

    url: str
    id: str = "traitdunion"
    bot: str = "traitdunion"
    ghost_prefix: str = "_tdu_"
    rate_limited: bool = False
    as_token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    hs_token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    def write(self, path: Path) -> Path:
        """Write the file that a homeserver, or its twin, reads."""
        content = {
            "id": self.id,
            "url": self.url,
            "as_token": self.as_token,
            "hs_token": self.hs_token,
            "sender_localpart": self.bot,
            "rate_limited": self.rate_limited,
            "namespaces": {"users": [{"exclusive": True, "regex": f"@{self.ghost_prefix}.*"}], "rooms": [], "aliases": []},
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(content))
        return path
