"""Our pairs of keys for peers, in the name of each actor of ours: a request is signed at the moment of sending."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from hub.federation.delivery import Scheme
from schemas import cavage, http_signature

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from hub.ports import Clock
    from schemas.keys import SigningKey
    from schemas.rsa_keys import RsaSigningKey


@dataclass(frozen=True, slots=True)
class Keys:
    """The same pair in the name of one actor."""

    ed25519: SigningKey
    rsa: RsaSigningKey

    def acting_for(self, actor: str) -> Keys:
        """As that actor: key ids begin with her address."""
        return Keys(self.ed25519.acting_for(actor), self.rsa.acting_for(actor))


class Hand:
    """Signs by one pair, for every actor of ours."""

    def __init__(self, keys: Keys, clock: Clock) -> None:
        self._clock = clock
        self._of = lru_cache(maxsize=1024)(keys.acting_for)

    def fields(self, scheme: Scheme, actor: str, url: str, content_type: str, body: bytes) -> dict[str, str]:
        """The fields that sign a POST in the name of an actor of ours."""
        return _signed(scheme, self._of(actor), "POST", url, self._clock(), content_type, body)

    def asking(self, scheme: Scheme, actor: str, method: str, url: str, now: datetime) -> dict[str, str]:
        """The fields that sign a request without a body."""
        return _signed(scheme, self._of(actor), method, url, now)


class Keyring:
    """The pairs that may sign, each in a hand of its own."""

    def __init__(self, believed: Callable[[], Sequence[Keys]], unheralded: Callable[[], bool], clock: Clock) -> None:
        """`believed` tells them as they are now, the one that signs first; `unheralded`, whether that is new to who keeps keys."""
        self._believed, self.unheralded = believed, unheralded
        self._hand = lru_cache(maxsize=8)(lambda keys: Hand(keys, clock))

    def hands(self) -> Sequence[Hand]:
        """The hand that signs, then those by which a server may still know us, which has not read our keys again since."""
        return [self._hand(keys) for keys in self._believed()]


def _signed(
    scheme: Scheme, keys: Keys, method: str, url: str, now: datetime, content_type: str = "", body: bytes | None = None
) -> dict[str, str]:
    match scheme:
        case Scheme.ED25519:
            return http_signature.signed_fields(keys.ed25519, method, url, now, content_type, body)
        case Scheme.RSA:
            return http_signature.signed_fields(keys.rsa, method, url, now, content_type, body)
        case Scheme.CAVAGE:
            return cavage.signed_fields(keys.rsa, method, url, now, content_type, body)
