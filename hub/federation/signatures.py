"""The schemes by which peers sign, each behind the same two questions; which one a request bears, it says itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from schemas import cavage, http_signature
from schemas.http_signature import OF_PEERS_WITH_BODY, Rejection, SignedHead, UnverifiedHead

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from enum import StrEnum

    from schemas.http_signature import VerifyingKey
    from schemas.nonces import Nonces

RFC9421: Final = "rfc9421"
CAVAGE: Final = "cavage"


class Scheme(Protocol):
    """A way to sign requests."""

    def key_id_of(self, head: UnverifiedHead) -> str | Rejection:
        """The key that the signature names, unproved."""
        ...

    def verify_head(self, head: UnverifiedHead, find: Callable[[str], VerifyingKey | StrEnum], now: datetime) -> SignedHead | Rejection:
        """Prove who signed the head."""
        ...


@dataclass(frozen=True, slots=True)
class Rfc9421:
    """HTTP message signatures, as peers must send them at the least."""

    nonces: Nonces

    def key_id_of(self, head: UnverifiedHead) -> str | Rejection:
        """The key that the signature names, unproved."""
        return http_signature.key_id_of(head, OF_PEERS_WITH_BODY)

    def verify_head(self, head: UnverifiedHead, find: Callable[[str], VerifyingKey | StrEnum], now: datetime) -> SignedHead | Rejection:
        """Prove who signed the head."""
        return http_signature.verify_head(head, OF_PEERS_WITH_BODY, find, self.nonces, now)


class Cavage:
    """The fediverse's older signatures, for peers whose registry entry allows them."""

    def key_id_of(self, head: UnverifiedHead) -> str | Rejection:
        """The key that the signature names, unproved."""
        return cavage.key_id_of(head, cavage.OF_PEERS_WITH_BODY)

    def verify_head(self, head: UnverifiedHead, find: Callable[[str], VerifyingKey | StrEnum], now: datetime) -> SignedHead | Rejection:
        """Prove who signed the head."""
        return cavage.verify_head(head, cavage.OF_PEERS_WITH_BODY, find, now)


def scheme_of(head: UnverifiedHead) -> str:
    """By which scheme a request is signed: who sends `Signature-Input` means RFC 9421, whatever else stands there."""
    return CAVAGE if "signature" in head.named and "signature-input" not in head.named else RFC9421
