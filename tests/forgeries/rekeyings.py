"""Registries by which somebody would have another pair speak for a Trait d'union that we admitted: each with the name of its refusal."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from schemas.keys import SigningKey
from schemas.proof import timestamp
from tests.forgeries.anchors import CHANGED, DAY, FIRST, LINK, NOW, SECOND, THIEF, document, entry

if TYPE_CHECKING:
    from collections.abc import Callable

OLD, NEW, OTHER = (
    SigningKey("opsi.example", Ed25519PrivateKey.from_private_bytes(sha256(name.encode()).digest())) for name in ("lost", "new", "other")
)
"""The pair by which OPSI was admitted, the one that took its place, and one of nobody."""


def pair(key: SigningKey, **dates: Any) -> dict[str, str]:
    """A pair as a registry names it."""
    return entry(key, **dates) | {"id": f"federation#{key.public.multibase}"}


REVOKED: Final = pair(OLD, revokedAt=CHANGED)
SIGNS: Final = pair(NEW, start=CHANGED)
REPLACED: Final = document(FIRST, federation=[REVOKED, SIGNS])
"""What OPSI's registry says once two of its people have replaced the pair; its anchor is the first key."""
FOLLOWED: Final = document(SECOND, [LINK], [entry(SECOND, CHANGED)], federation=[REVOKED, SIGNS])
"""The same, after the anchor too was followed by another."""
SEEN: Final = document(FIRST, version=7, federation=[pair(OLD)])


@dataclass(frozen=True)
class Row:
    """A registry brought to us, by somebody who may have it from a thief."""

    name: str
    reason: str
    make: Callable[[], bytes] = field(repr=False)
    seen: bytes | None = field(default=None, repr=False)


def says(*pairs: dict[str, str], signer: SigningKey = FIRST, **changes: Any) -> Callable[[], bytes]:
    """A registry of these pairs."""
    return lambda: document(signer, federation=list(pairs), **changes)


TABLE: Final = (
    Row("signed by the stolen pair", "registry_anchor_unknown", says(REVOKED, SIGNS, signer=OLD.acting_for("hub"))),
    Row("signed by the new pair itself", "registry_anchor_unknown", says(REVOKED, SIGNS, signer=NEW.acting_for("hub"))),
    Row("under another anchor", "registry_anchor_unknown", says(REVOKED, SIGNS, signer=THIEF)),
    Row("altered after it was signed", "registry_signature_invalid",
        lambda: REPLACED.replace(NEW.public.multibase.encode(), OTHER.public.multibase.encode())),
    Row("of before what our door has seen", "registry_rolled_back", says(REVOKED, SIGNS), SEEN),
    Row("another of the same version than our door has seen", "registry_forked", says(REVOKED, SIGNS, version=7), SEEN),
    Row("an expired one", "registry_expired", says(REVOKED, SIGNS, expires=timestamp(NOW - DAY))),
    Row("the former pair is still in force", "rekey_no_pair_signs", says(pair(OLD), SIGNS)),
    Row("the former pair is said to end, and has not", "rekey_key_not_ended", says(pair(OLD, retiringFrom=CHANGED, retiredAt=NOW + DAY), SIGNS)),
    Row("the former pair ends tomorrow", "rekey_no_pair_signs", says(pair(OLD, revokedAt=NOW + DAY), SIGNS)),
    Row("nothing is said of the former pair", "rekey_key_not_ended", says(SIGNS)),
    Row("the new pair does not sign yet", "rekey_no_pair_signs", says(REVOKED, pair(NEW, start=NOW + DAY))),
    Row("the new pair is revoked too", "rekey_no_pair_signs", says(REVOKED, pair(NEW, revokedAt=CHANGED))),
    Row("it names no pair", "rekey_no_pair_signs", says()),
    Row("nothing has changed", "rekey_nothing_new", says(pair(OLD))),
    Row("it is no registry", "registry_malformed", lambda: b"{"),
)  # fmt: skip
