"""Reading at other servers in our own name: signed by the host actor in the way that each of them takes, which is remembered."""

from __future__ import annotations

from collections import OrderedDict
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from hub.federation.remote import authority_of
from hub.registry.peers import admitted
from schemas import cavage, http_signature

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from hub.federation.keyring import Keys
    from hub.registry.peers import Peer
    from schemas.wire.fetched import Budget, Fetched, Media
    from schemas.wire.fetching import GuardedClient

REMEMBERED: Final = 10_000
UNTAKEN: Final = frozenset({400, 401, 403})
"""What servers answer to a signature that they cannot read, or do not know how to."""


class Way(StrEnum):
    """How a request is signed; each server is asked in the first way that it takes."""

    ED25519 = "rfc9421-ed25519"
    RSA = "rfc9421-rsa"
    CAVAGE = "cavage-rsa"


class _Hand:
    def __init__(self, keys: Keys, way: Way) -> None:
        self._key, self._rsa, self._way = keys.ed25519, keys.rsa, way

    def fields(self, method: str, target_uri: str, now: datetime) -> Mapping[str, str]:
        match self._way:
            case Way.ED25519:
                return http_signature.signed_fields(self._key, method, target_uri, now)
            case Way.RSA:
                return http_signature.signed_fields(self._rsa, method, target_uri, now)
            case Way.CAVAGE:
                return cavage.signed_fields(self._rsa, method, target_uri, now)


class SignedFetching:
    """Asks by the guarded client, with what the registry says of the server that is asked: of one that is not admitted, nothing."""

    def __init__(self, client: GuardedClient, believed: Callable[[], Sequence[Keys]], peers: Callable[[str], Peer | None]) -> None:
        """`believed` tells our pairs as they are now, the one that signs first."""
        self._client, self._believed, self._peers = client, believed, admitted(peers)
        self._taken: OrderedDict[str, Way] = OrderedDict()

    async def get(self, url: str, accept: Media, budget: Budget) -> Fetched:
        """A document; raises FetchFailed. Where a way to sign is not taken, the next one is tried, each counted in the budget."""
        server = authority_of(url)
        peer, answer = self._peers(server), None
        for keys, way in self._tries(self._taken.get(server)):
            answer = await self._client.get(
                url, accept=accept, sign=_Hand(keys, way), budget=budget,
                networks=peer.networks if peer else (), ports=ports_of(server),
            )  # fmt: skip
            if answer.status not in UNTAKEN:
                self._remember(server, way)
                return answer
        assert answer is not None  # noqa: S101 - there is more than one way
        return answer

    def _tries(self, known: Way | None) -> Iterator[tuple[Keys, Way]]:
        """The way that is known first; by a former pair one way alone: the known one, or that of the servers that keep keys the longest."""
        signing, *former = self._believed()
        yield from ((signing, way) for way in sorted(Way, key=lambda way: way is not known))
        yield from ((keys, known or Way.CAVAGE) for keys in former)

    def _remember(self, server: str, way: Way) -> None:
        self._taken[server] = way
        self._taken.move_to_end(server)
        if len(self._taken) > REMEMBERED:
            self._taken.popitem(last=False)


def ports_of(authority: str) -> tuple[int, ...]:
    """The port that the registry names for a server, where it is not the usual one."""
    port = urlsplit(f"//{authority}").port
    return () if port is None else (port,)
