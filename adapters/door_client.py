"""One node's requests to the hub's HTTPS door: signed by its key, and the door's refusals read as they are named."""

from __future__ import annotations

import io
import json
import re
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from yarl import URL

from schemas.http_signature import signed_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from schemas.keys import KeyHolder

ACK_SECONDS: Final = 8.0
RETRY_SECONDS: Final = 0.5
MOST_RETRY_SECONDS: Final = 30.0
ACCEPTED: Final = 202
_REASON: Final = re.compile(r"[a-z_]{1,60}")


class DoorClosed(ConnectionError):
    """The door did not do what was asked; `reason` is its own name for it, `said` its whole problem document."""

    def __init__(self, reason: str, after: float = RETRY_SECONDS, said: Mapping[str, Any] | None = None) -> None:
        super().__init__(reason)
        self.reason, self.after, self.said = reason, after, said or {}


class DoorClient:
    """Requests of one node: signed by its key, straight to the door, by no proxy and no redirect."""

    def __init__(self, url: str, key: KeyHolder, clock: Callable[[], datetime]) -> None:
        self.node = key.owner
        self._url, self._key, self._clock = url, key, clock
        self._session: aiohttp.ClientSession | None = None

    async def post(self, path: str, content_type: str, body: bytes, more: Mapping[str, str]) -> bytes:
        """Send a body; the body of the 202. Raises DoorClosed."""
        target = self._url + path.format(node=self.node)
        fields = signed_fields(self._key.held(), "POST", target, self._clock(), content_type, body)
        return await self._asked("POST", target, {**more, **fields}, ACK_SECONDS, body)

    async def get(self, path: str, query: str, seconds: float) -> bytes:
        """Ask for something, for so long; the body of the 200. Raises DoorClosed."""
        target = f"{self._url}{path.format(node=self.node)}?{query}"
        return await self._asked("GET", target, signed_fields(self._key.held(), "GET", target, self._clock()), seconds)

    async def answers(self) -> bool:
        """Tell whether the door is open."""
        try:
            await self._asked("GET", f"{self._url}/readyz", {}, ACK_SECONDS)
        except DoorClosed:
            return False
        return True

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _asked(self, method: str, target: str, fields: Mapping[str, str], seconds: float, body: bytes | None = None) -> bytes:
        session = self._opened()
        url, limit = URL(target, encoded=True), aiohttp.ClientTimeout(total=seconds)  # the address as signed, to the letter
        sent = None if body is None else io.BytesIO(body)  # raw bytes of some size would be written in one go, and warned of
        try:
            async with session.request(method, url, data=sent, headers=fields, timeout=limit, allow_redirects=False) as answer:
                said = await answer.read()
                if answer.status not in {200, ACCEPTED}:
                    raise _closed(answer.status, answer.headers.get("Retry-After", ""), said)
                return said
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            if isinstance(error, DoorClosed):
                raise
            raise DoorClosed(type(error).__name__) from error

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(trust_env=False, cookie_jar=aiohttp.DummyCookieJar())
        return self._session


def _closed(status: int, after: str, body: bytes) -> DoorClosed:
    """The door's refusal; its reason is written to logs, so it must look like one."""
    try:
        said = json.loads(body)
    except ValueError:
        said = {}
    said = said if isinstance(said, dict) else {}
    reason = str(said.get("reason", ""))
    wished = float(after) if after.isdecimal() else RETRY_SECONDS
    return DoorClosed(reason if _REASON.fullmatch(reason) else f"http_{status}", min(wished, MOST_RETRY_SECONDS), said)
