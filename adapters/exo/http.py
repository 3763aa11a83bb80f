"""One eXo's API: a request, its answer, and what an answer that says no means."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import aiohttp

from adapters.exo.reading import ACCOUNT
from adapters.far_clock import ZERO, offset_of
from adapters.port import Later, Never
from adapters.settings import OptionRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from adapters.pacing import Paces, Turn
    from adapters.settings import Instance

ANSWER_LIMIT = 32 * 1024 * 1024
PIECE = 64 * 1024
TIMEOUT = 20.0
WAYS_IN = ("basic", "bearer")
UNSURE = frozenset((HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN))


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of any status but 429 and 5xx. `document` is its JSON object, empty where it has none."""

    status: int
    document: dict[str, Any]
    body: bytes = b""

    @property
    def done(self) -> bool:
        """2xx."""
        return self.status // 100 == 2  # noqa: PLR2004 - the class of success

    @property
    def absent(self) -> bool:
        """404: the object is not there, or is no longer shown to us."""
        return self.status == HTTPStatus.NOT_FOUND


class Api:
    """One open session under the connector's own account. Redirects are not followed: they would carry its secret elsewhere.

    `probe` is a question that any valid account may ask: eXo answers 401 both to a wrong password and to a right one that may not.
    `offset` is how far its clock was ahead of ours at the last answer.
    """

    def __init__(self, instance: Instance, timeout: float, root: str, probe: str, paces: Paces, clock: Callable[[], datetime]) -> None:
        _way_in(instance)  # said at the start
        self._url, self._probe, self._clock = instance.url.rstrip("/") + root, probe, clock
        self.offset = ZERO
        self._pace, self._instance = paces.of("api"), instance
        self._session = aiohttp.ClientSession(
            headers={"Accept": "application/json"},
            timeout=aiohttp.ClientTimeout(total=timeout),
        )

    async def get(self, path: str, query: Sequence[tuple[str, str]] = ()) -> Answer | Later:
        """Read."""
        return await self._ask("GET", path, query=query)

    async def send(
        self, method: str, path: str, body: Mapping[str, object] | None = None, query: Sequence[tuple[str, str]] = ()
    ) -> Answer | Later:
        """Write."""
        return await self._ask(method, path, query=query, body=body)

    async def refused(self, answer: Answer) -> Later | Never:
        """What a 3xx or 4xx means. An account that is no longer accepted heals by an operator's hand, so that nothing is thrown away."""
        if answer.status in UNSURE:
            known = await self.get(self._probe)
            if isinstance(known, Later):
                return known
            return Never("forbidden") if known.done else Later("credentials_refused")
        match answer.status:
            case 301 | 302 | 303 | 307 | 308:
                return Later("redirected")  # to a sign-in page, most often
            case 404:
                return Never("not_found")
            case 413:
                return Never("too_large")
            case 400 | 422:
                return Never("validation_refused")
            case _:
                return Never(f"status_{answer.status}")

    async def close(self) -> None:
        """Close the session."""
        await self._session.close()

    async def _ask(
        self, method: str, path: str, *, query: Sequence[tuple[str, str]] = (), body: Mapping[str, object] | None = None
    ) -> Answer | Later:
        turn = await self._pace.turn()
        headers, sent = {"Authorization": _authorization(self._instance)}, self._clock()
        try:
            async with self._session.request(
                method, self._url + path, params=list(query), json=body, headers=headers, allow_redirects=False
            ) as response:
                received = self._clock()
                answer = await _read(response)
                if isinstance(answer, Answer):  # the word of the eXo itself, and not of a proxy that speaks in its place
                    self.offset = offset_of(response.headers.get("Date"), sent, received)
                self._learn(response.status, answer, turn)
                return answer
        except TimeoutError:
            return Later("timeout")
        except aiohttp.ClientError:
            return Later("unreachable")

    def _learn(self, status: int, answer: Answer | Later, turn: Turn) -> None:
        """EXo limits nothing by itself: a proxy before it answers 429, or 503 as nginx does, which an outage does too."""
        wish = answer.after if isinstance(answer, Later) else None
        match status:
            case HTTPStatus.TOO_MANY_REQUESTS:
                self._pace.refused(turn, wish)
            case HTTPStatus.SERVICE_UNAVAILABLE:
                self._pace.doubted(turn, wish)
            case _:
                self._pace.taken(turn)


def _way_in(instance: Instance) -> str:
    """How this eXo wants to be asked; raises OptionRefused. Taken for Basic, a token would be sent as the password that it is not."""
    said = instance.options.get("auth", "basic")
    if said not in WAYS_IN:
        raise OptionRefused(instance.node, "auth", *WAYS_IN)
    return said


def _authorization(instance: Instance) -> str:
    secret = instance.api_secret.get_secret_value()
    if _way_in(instance) == "bearer":
        return f"Bearer {secret}"
    return aiohttp.encode_basic_auth(instance.options.get("account", ACCOUNT), secret, "utf-8")


async def _read(response: aiohttp.ClientResponse) -> Answer | Later:
    if response.status == HTTPStatus.TOO_MANY_REQUESTS:
        return Later("rate_limited", _wish(response))
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Later(f"status_{response.status}", _wish(response))
    body = await _body(response)
    if body is None:
        return Later("answer_too_large")
    try:
        document = json.loads(body) if body else {}
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict):
        return Answer(response.status, document, body)
    if response.ok and response.status < HTTPStatus.MULTIPLE_CHOICES:
        return Later("answer_unreadable")  # a sign-in page or a proxy's word: not eXo's
    return Answer(response.status, {}, body)


async def _body(response: aiohttp.ClientResponse) -> bytes | None:
    """None past the limit, which neither an answer in pieces nor a compressed one announces."""
    body = bytearray()
    if (response.content_length or 0) > ANSWER_LIMIT:
        return None
    async for piece in response.content.iter_chunked(PIECE):
        if len(body) + len(piece) > ANSWER_LIMIT:
            return None
        body += piece
    return bytes(body)


def _wish(response: aiohttp.ClientResponse) -> float | None:
    """Retry-After in seconds."""
    try:
        seconds = float(response.headers.get("Retry-After", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds <= 86_400 else None  # noqa: PLR2004 - a day: past it the wish is a mistake
