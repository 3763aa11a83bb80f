"""The one client by which we ask servers of strangers: guarded, bounded, counted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Protocol, Self, TypeVar
from urllib.parse import urljoin

import aiohttp
from yarl import URL

from schemas.agent import AgentSilent
from schemas.wire.destinations import (
    Absence,
    Destination,
    FetchFailed,
    FetchRefused,
    Ground,
    Refusal,
    Unreachable,
    destination,
    development_destination,
)
from schemas.wire.egress import AddressRefused, Names, OwnSight, direct, proxied
from schemas.wire.fetched import Answered, Budget, Fetched, Media, Signer
from schemas.wire.http_dates import wish_of
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from datetime import datetime
    from types import TracebackType

    from aiohttp.abc import AbstractResolver

    from schemas.wire.egress import EgressSettings

T = TypeVar("T", "Fetched", "Answered")
ANSWER_LIMIT: Final = 1024 * 1024
WORD_LIMIT: Final = 16 * 1024
"""What is read of an answer that nobody wants: enough for the connection to be used again, no more."""
GET_SECONDS: Final = 10.0
POST_SECONDS: Final = 15.0
CONNECT_SECONDS: Final = 5.0
POST_TIMEOUT: Final = aiohttp.ClientTimeout(total=POST_SECONDS, sock_connect=CONNECT_SECONDS)
WAYS: Final = 2048
"""Inboxes whose address need not be read again for each delivery."""
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


class Rules(Protocol):
    """Whom a client may ask."""

    def destination(self, unverified_url: str, ports: Sequence[int]) -> Destination:
        """A URL that may be asked; raises FetchRefused."""
        ...

    def ground(self, there: Destination, networks: tuple[str, ...]) -> Ground:
        """Where the connection may really go."""
        ...


class PublicRules:
    """The rules of every server at work."""

    def destination(self, unverified_url: str, ports: Sequence[int]) -> Destination:
        """https, a name, a usual port."""
        return destination(unverified_url, ports)

    def ground(self, there: Destination, networks: tuple[str, ...]) -> Ground:
        """The Internet, and what the registry names."""
        del there
        return Ground.of(networks)


class DevelopmentRules:
    """The rules where `TRAITDUNION_FEDERATION_LOOPBACK` is set: servers on this very machine as well."""

    def destination(self, unverified_url: str, ports: Sequence[int]) -> Destination:
        """Loopback addresses, http and any port too."""
        return development_destination(unverified_url, ports)

    def ground(self, there: Destination, networks: tuple[str, ...]) -> Ground:
        """What is not encrypted stays on this machine."""
        return Ground.loopback() if there.scheme == "http" else Ground.of_development(networks)


class GuardedClient:
    """Asks other servers: https to public addresses and to those that a registry entry names; no cookies, no netrc, no environment."""

    def __init__(
        self, egress: EgressSettings, rules: Rules, agent: str, clock: Callable[[], datetime], names: AbstractResolver | None = None
    ) -> None:
        """`agent` says who asks, with an address where to find us."""
        self._proxy, self._tls, self._rules = egress.proxy or None, egress.ssl_context(), rules
        self._agent, self._clock = agent, clock
        self._names, self._apart = names or Names(), names or Names()  # what nobody answers for holds up no look-up of the proxy's own name
        self._sight = OwnSight(self._apart)
        self._sessions: dict[Ground | None, aiohttp.ClientSession] = {}
        self._ways = lru_cache(maxsize=WAYS)(self._way)

    async def get(
        self, url: str, *, accept: Media, sign: Signer | None = None, networks: Sequence[str] = (), ports: Sequence[int] = (),
        budget: Budget | None = None,
    ) -> Fetched:  # fmt: skip
        """Bring a document, by one redirect at most, and none to another server; raises FetchRefused or Unreachable.

        `networks` and `ports` are what the registry says of that server.
        """
        return await _counted("get", self._get(_Asking(url, accept, sign, tuple(networks), tuple(ports)), budget or Budget()))

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], networks: Sequence[str] = (), ports: Sequence[int] = ()
    ) -> Answered:
        """Bring a body; the answer is not kept, redirects are not followed. Raises FetchRefused or Unreachable."""
        return await _counted("post", self._post(self._ways(url, tuple(ports), tuple(networks)), body, headers))

    async def close(self) -> None:
        """Close all connections."""
        for session in self._sessions.values():
            await session.close()
        await self._names.close()
        await self._apart.close()

    async def __aenter__(self) -> Self:
        """Use it for a while."""
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close it."""
        await self.close()

    async def _get(self, asking: _Asking, budget: Budget) -> Fetched:
        first = self._rules.destination(asking.url, asking.ports)
        answer = await self._ask(first, asking, budget)
        if isinstance(answer, Fetched):
            return answer
        again = await self._ask(self._redirected(first, answer, asking.ports), asking, budget)
        if isinstance(again, str):
            raise FetchRefused(Refusal.REDIRECTS)
        return again

    def _redirected(self, first: Destination, location: str, ports: Sequence[int]) -> Destination:
        """Where a redirect leads; checked as if it had been asked for. Nobody has us ask, in our name, a server that is not admitted."""
        try:
            url = urljoin(first.url, location)
        except ValueError as error:
            raise FetchRefused(Refusal.REDIRECT) from error
        there = self._rules.destination(url, ports)
        if there.origin != first.origin:
            raise FetchRefused(Refusal.REDIRECT)
        return there

    async def _ask(self, there: Destination, asking: _Asking, budget: Budget) -> Fetched | str:
        """An answer, or where it points to; signed anew for each place, since a signature names it."""
        try:
            signed = asking.sign.fields("GET", there.url, self._clock()) if asking.sign else {}
        except AgentSilent as error:
            raise Unreachable(Absence.OUR_KEY) from error
        headers = {"Accept": asking.accept.value, **signed}
        timeout = aiohttp.ClientTimeout(total=min(GET_SECONDS, budget.spend()), sock_connect=CONNECT_SECONDS)
        way = self._way_to(there, asking.networks)
        await self._open(way)
        try:
            async with way.session.get(way.url, headers=headers, allow_redirects=False, timeout=timeout, proxy=way.proxy) as answer:
                return await _fetched(there, asking, answer)
        except (TimeoutError, aiohttp.ClientError) as error:
            raise _failed(error) from error

    async def _post(self, way: _Way, body: bytes, headers: Mapping[str, str]) -> Answered:
        await self._open(way)
        try:
            async with way.session.post(
                way.url, data=body, headers=headers, allow_redirects=False, timeout=POST_TIMEOUT, proxy=way.proxy
            ) as answer:
                await _pieces(answer, WORD_LIMIT)
                wish = answer.headers.get("Retry-After")
                return Answered(answer.status, None if wish is None else wish_of(wish, self._clock()))
        except (TimeoutError, aiohttp.ClientError) as error:
            raise _failed(error) from error

    def _way(self, url: str, ports: tuple[int, ...], networks: tuple[str, ...]) -> _Way:
        """The way to an address of a peer's; raises FetchRefused, which is remembered by nobody."""
        return self._way_to(self._rules.destination(url, ports), networks)

    def _way_to(self, there: Destination, networks: tuple[str, ...]) -> _Way:
        proxy = None if networks or there.scheme == "http" else self._proxy  # who stands in our own networks is behind no proxy
        ground = self._rules.ground(there, networks)
        return _Way(URL(there.url, encoded=True), there.host, ground, self._session(None if proxy else ground), proxy)

    async def _open(self, way: _Way) -> None:
        """Make sure that no proxy is asked for what is known here to be none but private; without one, each connection is judged where it is made."""
        if way.proxy is not None:
            await self._sight.judge(way.host, way.ground)

    def _session(self, ground: Ground | None) -> aiohttp.ClientSession:
        """A session for each ground, so that no connection made under one is used under another; None for the proxy's."""
        if ground not in self._sessions:
            connector = direct(ground, self._names, self._tls) if ground else proxied(self._names, self._tls)
            headers = {"User-Agent": self._agent, "Accept-Encoding": "identity"}
            self._sessions[ground] = aiohttp.ClientSession(
                connector=connector, headers=headers, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, auto_decompress=False
            )
        return self._sessions[ground]


@dataclass(frozen=True, slots=True)
class _Way:
    """How an address is reached: the session of its ground, in which each connection is checked where it is made; the proxy, if by one."""

    url: URL
    host: str
    ground: Ground
    session: aiohttp.ClientSession
    proxy: str | None


@dataclass(frozen=True, slots=True)
class _Asking:
    """What is asked for, and what the registry says of who is asked."""

    url: str
    accept: Media
    sign: Signer | None
    networks: tuple[str, ...]
    ports: tuple[int, ...]


async def _counted(method: str, work: Coroutine[None, None, T]) -> T:
    outcome = "cut_off"
    try:
        answer = await work
        outcome = f"{answer.status // 100}xx"
    except FetchFailed as failed:
        outcome = failed.reason.value
        raise
    else:
        return answer
    finally:
        Metric.fetches.labels(method, outcome).inc()


async def _fetched(there: Destination, asking: _Asking, answer: aiohttp.ClientResponse) -> Fetched | str:
    """What was answered, or where the answer points to."""
    if answer.status in REDIRECTS and "Location" in answer.headers:
        return answer.headers["Location"]
    if answer.status // 100 != 2:  # noqa: PLR2004 - the class of success
        return Fetched(there.url, answer.status, b"")
    if not asking.accept.takes(answer.headers.get("Content-Type", "")):
        raise FetchRefused(Refusal.TYPE)
    return Fetched(there.url, answer.status, await _body(answer))


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    """The answer as it came: what is packed could unpack to a thousand times its size, and was not asked for."""
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise FetchRefused(Refusal.ENCODED)
    if (answer.content_length or 0) > ANSWER_LIMIT:
        raise FetchRefused(Refusal.TOO_LARGE)
    body = await _pieces(answer, ANSWER_LIMIT + 1)
    if len(body) > ANSWER_LIMIT:
        raise FetchRefused(Refusal.TOO_LARGE)
    return body


async def _pieces(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """The answer up to so many bytes; what comes after them is cut off with its connection."""
    body = bytearray()
    while len(body) < most and (piece := await answer.content.read(most - len(body))):
        body += piece
    return bytes(body)


def _failed(error: Exception) -> FetchFailed:
    match error:
        case TimeoutError():
            return Unreachable(Absence.TIMEOUT)
        case aiohttp.ClientConnectorError(os_error=AddressRefused()):
            return FetchRefused(Refusal.ADDRESS)
        case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
            return Unreachable(Absence.PROXY)
        case aiohttp.ClientSSLError():
            return Unreachable(Absence.TLS)
        case aiohttp.ClientConnectorDNSError():
            return Unreachable(Absence.NAME)
        case _:
            return Unreachable(Absence.CONNECTION)
