"""What a door asks of a signature, and how it says so (RFC 9421 § 5.1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from typing import Final

from schemas import structured

WINDOW: Final = timedelta(minutes=5)
LABEL: Final = "sig1"
ORDER: Final = ("@method", "@target-uri", "@authority", "content-type", "content-digest")


class Labels(Enum):
    """How many signatures a request may bear, and which of them counts."""

    ONE = auto()
    """Two are one too many: our own servers never send them."""
    FIRST_THAT_COVERS = auto()
    """The first in the order of Signature-Input that covers what is asked, and that one alone: it must hold, whatever the others are.

    Servers sign twice on the way to a newer scheme, and proxies add signatures of their own. Which one counts is decided before any key
    is looked for and does not depend on which of them holds: a second signature can take a good one's place, never cover for a bad one.
    """


@dataclass(frozen=True, slots=True, eq=False)
class Demands:
    """What a door asks of a signature; each is itself alone, so that a request's claims are found by it without comparing sets."""

    components: frozenset[str]
    parameters: frozenset[str] = frozenset({"created", "expires", "nonce", "keyid"})
    window: timedelta = WINDOW
    labels: Labels = Labels.ONE

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
_OF_PEERS: Final = frozenset({"created", "keyid"})
OF_PEERS: Final = Demands(frozenset(ORDER[:2]), _OF_PEERS, labels=Labels.FIRST_THAT_COVERS)
OF_PEERS_WITH_BODY: Final = Demands(frozenset({*ORDER[:2], "content-digest"}), _OF_PEERS, labels=Labels.FIRST_THAT_COVERS)
"""What we ask of servers that others wrote, without and with a body: what Mastodon and Fedify cover at the least."""
