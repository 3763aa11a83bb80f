"""One Discourse's API: a request, its answer, and what an answer that says no means."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import aiohttp

from adapters.far_clock import ZERO, offset_of, utc
from adapters.port import Later, Never

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.pacing import Pace, Paces, Turn
    from adapters.settings import Instance

ANSWER_LIMIT = 16 * 1024 * 1024
TIMEOUT = 20.0
_ACCOUNT = "system"  # who writes where `api_username` names nobody
GONE = frozenset((HTTPStatus.NOT_FOUND, HTTPStatus.GONE))
REFUSALS = frozenset((HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE))
_CODE = "Discourse-Rate-Limit-Error-Code"


def writing_account(instance: Instance) -> str:
    """Who writes messages and marks answers."""
    return instance.options.get("api_username", _ACCOUNT)


def liking_account(instance: Instance) -> str:
    """Who likes for the people of other ministries: an account of its own (`like_username`) may like what the connector wrote, too."""
    return instance.options.get("like_username", writing_account(instance))


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of any status but 429 and 5xx. `document` is its JSON object, empty where it has none."""

    status: int
    document: dict[str, Any]
    location: str = ""

    @property
    def done(self) -> bool:
        """2xx."""
        return self.status // 100 == 2  # noqa: PLR2004 - the class of success

    @property
    def gone(self) -> bool:
        """404 or 410: not there, or not for us to see."""
        return self.status in GONE


class Api:
    """One open session with the connector's own key, under one account. Redirects are not followed: they would carry the key elsewhere.

    `offset` is how far its clock was ahead of ours at the last answer.
    """

    def __init__(self, instance: Instance, timeout: float, account: str, paces: Paces) -> None:
        self.offset = ZERO
        self._url = instance.url.rstrip("/")
        self._pace, self._writes, self._likes = paces.of("api"), paces.of("write"), paces.of("like")
        self._secret = instance.api_secret
        self._session = aiohttp.ClientSession(
            headers={"Api-Username": account, "Accept": "application/json"},
            timeout=aiohttp.ClientTimeout(total=timeout),
        )

    async def get(self, path: str, query: Sequence[tuple[str, str]] = ()) -> Answer | Later:
        """Read."""
        return await self._ask("GET", path, query=query)

    async def send(self, method: str, path: str, body: dict[str, object] | None = None) -> Answer | Later:
        """Write."""
        return await self._ask(method, path, body=body)

    async def refused(self, answer: Answer) -> Later | Never:
        """What a 3xx or 4xx means. A key that is no longer accepted heals by an operator's hand, so that nothing is thrown away."""
        match answer.status:
            case 301 | 302 | 303 | 307 | 308:
                return Later("redirected")
            case 401:
                return Later("credentials_refused")
            case 403:
                session = await self.get("/session/current.json")
                if isinstance(session, Later):
                    return session
                return Never("forbidden") if session.done else Later("credentials_refused")
            case 404 | 410:
                return Never("not_found")
            case 413:
                return Never("too_large")
            case 422:
                # Discourse's sentences may quote what was written: their number alone is told.
                return Never("validation_refused", f"{len(answer.document.get('errors') or ())} error(s)")
            case _:
                return Never(f"status_{answer.status}")

    async def close(self) -> None:
        """Close the session."""
        await self._session.close()

    async def _ask(
        self, method: str, path: str, *, query: Sequence[tuple[str, str]] = (), body: dict[str, object] | None = None
    ) -> Answer | Later:
        own = self._own(method, path)
        turns = [(own, await own.turn())] if own is not None else []
        turns.append((self._pace, await self._pace.turn()))
        headers, sent = {"Api-Key": self._secret.get_secret_value()}, utc()
        try:
            async with self._session.request(
                method, self._url + path, params=list(query), json=body, headers=headers, allow_redirects=False
            ) as response:
                received = utc()
                answer = await _read(response)
                if isinstance(answer, Answer):
                    self.offset = offset_of(response.headers.get("Date"), sent, received)
                _learn(response, answer, turns)
                return answer
        except TimeoutError:
            return Later("timeout")
        except aiohttp.ClientError:
            return Later("unreachable")

    def _own(self, method: str, path: str) -> Pace | None:
        """The limit that an act has of its own, beside the one of all calls."""
        if method == "GET":
            return None
        return self._likes if path.startswith("/post_actions") else self._writes


def _learn(response: aiohttp.ClientResponse, answer: Answer | Later, turns: Sequence[tuple[Pace, Turn]]) -> None:
    """Discourse names a limit of all calls in a header; what it refuses in its own JSON without one is a limit of that act alone."""
    refused = turns[-1][0] if _CODE in response.headers or response.content_type != "application/json" else turns[0][0]
    for pace, turn in turns:
        if not isinstance(answer, Later) or response.status not in REFUSALS:
            pace.taken(turn)
        elif pace is refused:
            (pace.refused if response.status == HTTPStatus.TOO_MANY_REQUESTS else pace.doubted)(turn, answer.after)


async def _read(response: aiohttp.ClientResponse) -> Answer | Later:
    document = await _document(response)
    if response.status == HTTPStatus.TOO_MANY_REQUESTS:
        return Later("rate_limited", _wish(response, document or {}))
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Later(f"status_{response.status}", _wish(response, document or {}))
    if document is None:
        return Later("answer_unreadable")  # a sign-in page or a proxy's word: not Discourse's
    return Answer(response.status, document, response.headers.get("Location", ""))


async def _document(response: aiohttp.ClientResponse) -> dict[str, Any] | None:
    """The JSON object of an answer; empty for an empty body or an error's page; None for a success that is not JSON."""
    if (response.content_length or 0) > ANSWER_LIMIT:
        return None
    if not await response.read():
        return {}
    try:
        found = await response.json(content_type=None)
    except ValueError:
        found = None
    if isinstance(found, dict):
        return found
    return None if response.ok and response.status < HTTPStatus.MULTIPLE_CHOICES else {}


def _wish(response: aiohttp.ClientResponse, document: dict[str, Any]) -> float | None:
    """Retry-After in seconds, else `extras.wait_seconds`."""
    extras = document.get("extras")
    for given in (response.headers.get("Retry-After"), extras.get("wait_seconds") if isinstance(extras, dict) else None):
        try:
            seconds = float(given) if given is not None else -1.0
        except (TypeError, ValueError, OverflowError):  # JSON's numbers have no end
            continue
        if 0 <= seconds <= 86_400:  # noqa: PLR2004 - a day: past it the wish is a mistake
            return seconds
    return None
