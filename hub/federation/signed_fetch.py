"""Reading at other servers in our own name: signed by the host actor in the way that each of them takes, which is remembered."""

from __future__ import annotations

from collections import OrderedDict
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from hub.federation.remote import authority_of
from schemas import cavage, http_signature

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from hub.registry.peers import Peer
    from schemas.keys import SigningKey
    from schemas.rsa_keys import RsaSigningKey
    from schemas.wire.fetched import Budget, Fetched, Media, Signer
    from schemas.wire.fetching import GuardedClient

REMEMBERED: Final = 10_000
UNTAKEN: Final = frozenset({400, 401, 403})
"""What servers answer to a signature that they cannot read, or do not know how to."""


class Way(StrEnum):
    """How a request is signed; each server is asked in the first way that it takes."""

    ED25519 = "rfc9421-ed25519"
    RSA = "rfc9421-rsa"
    CAVAGE = "cavage-rsa"


class Pen:
    """Our two keys, as the three ways to sign a question use them."""

    def __init__(self, key: SigningKey, rsa: RsaSigningKey) -> None:
        self._key, self._rsa = key, rsa

    def signer(self, way: Way) -> Signer:
        """Who signs in this way."""
        return _Hand(self._key, self._rsa, way)


class _Hand:
    def __init__(self, key: SigningKey, rsa: RsaSigningKey, way: Way) -> None:
        self._key, self._rsa, self._way = key, rsa, way

    def fields(self, method: str, target_uri: str, now: datetime) -> Mapping[str, str]:
        match self._way:
            case Way.ED25519:
                return http_signature.signed_fields(self._key, method, target_uri, now)
            case Way.RSA:
                return http_signature.signed_fields(self._rsa, method, target_uri, now)
            case Way.CAVAGE:
                return cavage.signed_fields(self._rsa, method, target_uri, now)


class SignedFetching:
    """Asks by the guarded client, with what the registry says of the server that is asked."""

    def __init__(self, client: GuardedClient, pen: Pen, peers: Callable[[str], Peer | None]) -> None:
        self._client, self._pen, self._peers = client, pen, peers
        self._taken: OrderedDict[str, Way] = OrderedDict()

    async def get(self, url: str, accept: Media, budget: Budget) -> Fetched:
        """A document; raises FetchFailed. Where a way to sign is not taken, the next one is tried, each counted in the budget."""
        server = authority_of(url)
        peer, known = self._peers(server), self._taken.get(server)
        ways = [way for way in Way if known is None or way is not known]
        answer = None
        for way in ([known] if known else []) + ways:
            answer = await self._client.get(
                url, accept=accept, sign=self._pen.signer(way), budget=budget,
                networks=peer.networks if peer else (), ports=ports_of(server),
            )  # fmt: skip
            if answer.status not in UNTAKEN:
                self._remember(server, way)
                return answer
        assert answer is not None  # noqa: S101 - there is more than one way
        return answer

    def _remember(self, server: str, way: Way) -> None:
        self._taken[server] = way
        self._taken.move_to_end(server)
        if len(self._taken) > REMEMBERED:
            self._taken.popitem(last=False)


def ports_of(authority: str) -> tuple[int, ...]:
    """The port that the registry names for a server, where it is not the usual one."""
    port = urlsplit(f"//{authority}").port
    return () if port is None else (port,)
