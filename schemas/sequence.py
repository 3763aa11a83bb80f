"""What the hub adds to a ministry's event: its number in the community and where it goes, under the hub's own proof."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from schemas import jcs
from schemas.envelope import NODE_PATTERN
from schemas.proof import decode, encode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.keys import SigningKey
    from schemas.manifest import Registry

_DIGITS = re.compile(r"0|[1-9][0-9]{0,15}")
_NODE = re.compile(NODE_PATTERN)
_HISTORY = re.compile(r"[a-z]{1,32}")
PEERS = "peers"
"""The name among the targets that stands for a community's followers on other servers: under the hub's proof, and no node may bear it."""
HEADERS = ("hub_sequence", "hub_targets", "hub_admitted", "hub_keyid", "hub_proof")
HISTORY_HEADER = "hub_history"
"""Only on what is sent again; then the proof covers it, so that nobody can add it or take it away."""


class SequenceRefused(ValueError):
    """The hub's headers are missing, malformed or not the hub's; `reason` is machine-readable."""

    def __init__(self, reason: str) -> None:
        """Keep the reason."""
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Sequence:
    """An event's place: community, number from 1 without gaps, target space by node, and when the broker admitted it.

    `history` is None the first time; `resync` where the hub sends it again to a node that missed it.
    """

    event_digest: str
    community: str
    number: int
    targets: Mapping[str, str]
    admitted_at: datetime
    history: str | None = None

    def signed(self, key: SigningKey) -> dict[str, str]:
        """The `hub_*` headers, signed."""
        return {
            "hub_sequence": str(self.number),
            "hub_targets": jcs.canonical_strings(self.targets).decode(),
            "hub_admitted": str(_milliseconds(self.admitted_at)),
            "hub_keyid": key.key_id,
            "hub_proof": encode(key.sign(self._message(key.key_id))),
            **({HISTORY_HEADER: self.history} if self.history is not None else {}),
        }

    def _message(self, key_id: str) -> bytes:
        return jcs.canonical(
            {
                "admitted": str(_milliseconds(self.admitted_at)),
                "community": self.community,
                "digest": self.event_digest,
                "keyid": key_id,
                "sequence": str(self.number),
                "targets": dict(self.targets),
                **({"history": self.history} if self.history is not None else {}),
            }
        )


def verify_sequence(
    unverified: Mapping[str, str], *, event_digest: str, community: str, hub: str, registry: Registry, at: datetime
) -> Sequence:
    """Check the hub's headers of one event; raises SequenceRefused (`hub_headers_malformed`, `hub_proof_invalid`, `hub_key_refused`)."""
    try:
        targets = _targets(unverified["hub_targets"])
        admitted = datetime.fromtimestamp(_number(unverified["hub_admitted"]) / 1000, UTC)
        number, history = _number(unverified["hub_sequence"]), _history(unverified.get(HISTORY_HEADER))
        found = Sequence(event_digest, community, number, targets, admitted, history)
        key_id, signature = unverified["hub_keyid"], decode(unverified["hub_proof"])
    except (KeyError, ValueError, OverflowError, OSError) as error:
        raise SequenceRefused("hub_headers_malformed") from error
    key = registry.key_at(hub, key_id, at)
    if isinstance(key, str):
        raise SequenceRefused("hub_key_refused")
    if not key.verifies(signature, found._message(key_id)):  # noqa: SLF001 - same class
        raise SequenceRefused("hub_proof_invalid")
    return found


def _targets(unverified: str) -> dict[str, str]:
    """Read the targets; raises ValueError on any writing of them but the one that `signed` makes."""
    value = jcs.parse(unverified.encode())
    if not isinstance(value, dict) or not all(_NODE.fullmatch(node) and isinstance(space, str) for node, space in value.items()):
        raise ValueError("targets are spaces by node")
    if jcs.canonical_strings(value).decode() != unverified:
        raise ValueError("targets are not canonical")
    return value


def _history(unverified: str | None) -> str | None:
    if unverified is not None and not _HISTORY.fullmatch(unverified):
        raise ValueError("not a kind of history")
    return unverified


def _number(unverified: str) -> int:
    """Read a number; raises ValueError where `int` would be generous: signs, spaces, underscores, other alphabets' digits, 400 of them."""
    if not _DIGITS.fullmatch(unverified):
        raise ValueError("not a canonical number")
    return int(unverified)


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
