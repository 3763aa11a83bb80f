"""What a door asks of a signature, and how it says so (RFC 9421 § 5.1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from schemas import structured

WINDOW: Final = timedelta(minutes=5)
LABEL: Final = "sig1"
ORDER: Final = ("@method", "@target-uri", "@authority", "content-type", "content-digest")


@dataclass(frozen=True, slots=True)
class Demands:
    """What a door asks of a signature."""

    components: frozenset[str]
    parameters: frozenset[str] = frozenset({"created", "expires", "nonce", "keyid"})
    window: timedelta = WINDOW

    def accepted(self, label: str = LABEL) -> str:
        """The `Accept-Signature` field of a 401 (RFC 9421 § 5.1)."""
        wished: dict[str, bool] = {name: True for name in ("keyid", "created", "expires", "nonce") if name in self.parameters}
        return structured.written(label, [(name, {}) for name in ordered(self.components)], wished)


def ordered(components: frozenset[str]) -> list[str]:
    """Components in the order in which people name them."""
    return sorted(components, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))


BARE: Final = Demands(frozenset(ORDER[:3]))
WITH_BODY: Final = Demands(frozenset(ORDER))
"""What our own servers ask of each other, without and with a body."""
