"""HTTP to one homeserver with the application service's token: JSON in and out, every refusal a `Declined`."""

from __future__ import annotations

import asyncio
import json
from math import ceil
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout
from yarl import URL

from adapters.far_clock import ZERO, offset_of, utc
from adapters.port import Later, Never

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.pacing import Pace, Paces, Turn
    from adapters.settings import Instance

TIMEOUT = 15.0  # seconds for an answer
CONNECT_TIMEOUT = 5.0
LONGEST_WAIT = 3600.0  # seconds: a homeserver's wish beyond it is cut

# What Synapse limits apart (`rc_message`, `rc_joins`, `rc_invites`, `rc_registration`, `rc_profile`), by the word that a path holds;
# each user has the limit for herself, unless the service's registration says `rate_limited: false`.
LIMITS = {"send": "message", "redact": "message", "join": "join", "invite": "invite", "register": "register", "profile": "profile"}
OTHER = "other"

# Refusals of the whole node rather than of one record: a wrong token or a full server would make a dead letter of everything.
_HEALS = frozenset({"M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_RESOURCE_LIMIT_EXCEEDED", "M_LIMIT_EXCEEDED"})
_NAMED = {"M_FORBIDDEN": "forbidden", "M_NOT_FOUND": "not_found", "M_TOO_LARGE": "too_large"}


class Declined(Exception):
    """The homeserver did not do what it was asked; `status` is 0 where no answer came."""

    def __init__(self, status: int, errcode: str, after: float | None = None) -> None:
        super().__init__(f"{status} {errcode}")
        self.status = status
        self.errcode = errcode
        self.after = after

    @property
    def limited(self) -> bool:
        """Whether there were too many such calls."""
        return self.status == 429 or self.errcode == "M_LIMIT_EXCEEDED"  # noqa: PLR2004 (an HTTP status names itself)

    def outcome(self) -> Later | Never:
        """What this means for the order: wait, or give it up."""
        if self.limited:
            return Later("rate_limited", self.after)
        if self.status < 400 or self.status >= 500 or self.status == 408:  # noqa: PLR2004 (HTTP statuses name themselves)
            return Later(self.errcode.lower(), self.after)
        if self.errcode in _HEALS or self.status == 401:  # noqa: PLR2004 (an HTTP status names itself)
            return Later(self.errcode.lower(), self.after)
        return Never(_NAMED.get(self.errcode) or self.errcode.lower(), f"HTTP {self.status}")


class Homeserver:
    """One session to one homeserver."""

    def __init__(self, instance: Instance, paces: Paces, timeout: float = TIMEOUT) -> None:
        self._timeout = ClientTimeout(total=timeout, sock_connect=CONNECT_TIMEOUT)
        self._url = instance.url.rstrip("/")
        self._secret = instance.api_secret
        self._session: ClientSession | None = None
        self.offset = ZERO
        """How far its clock was ahead of ours at the last answer."""
        self._paces = {kind: paces.of(kind) for kind in (*LIMITS.values(), OTHER)}

    async def call(
        self,
        method: str,
        *path: str,
        as_user: str | None = None,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Call `/_matrix/client/<path…>`; each part is quoted, so that no id can name another address. Raises Declined."""
        parts = "/".join(quote(part, safe="") for part in path)
        asked = {**(query or {}), **({"user_id": as_user} if as_user else {})}
        url = URL(f"{self._url}/_matrix/client/{parts}", encoded=True).update_query(asked)
        pace = self._paces[_kind(method, path)]
        turn, sent = await pace.turn(as_user or ""), utc()
        try:
            async with self._open().request(method, url, json=body, headers=self._authorization(), allow_redirects=False) as answer:
                received = utc()
                found = await _read(answer)
                self.offset = offset_of(answer.headers.get("Date"), sent, received)
            pace.taken(turn)
        except Declined as refusal:
            _learn(refusal, pace, turn)
            raise
        except TimeoutError:
            raise Declined(0, "timeout") from None
        except (ClientError, OSError, asyncio.IncompleteReadError):
            raise Declined(0, "unreachable") from None
        return found

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _authorization(self) -> dict[str, str]:
        """The service's token as it stands now."""
        return {"Authorization": f"Bearer {self._secret.get_secret_value()}"}

    def _open(self) -> ClientSession:
        """The session, made on first use: it belongs to the loop that runs then."""
        if self._session is None:
            self._session = ClientSession(timeout=self._timeout)
        return self._session


def _kind(method: str, path: tuple[str, ...]) -> str:
    """The kind of limit that this call counts for."""
    return OTHER if method == "GET" else next((kind for word, kind in LIMITS.items() if word in path), OTHER)


def _learn(refusal: Declined, pace: Pace, turn: Turn) -> None:
    if refusal.limited:
        pace.refused(turn, refusal.after)
    elif refusal.status == 503:  # noqa: PLR2004 (an HTTP status names itself)
        pace.doubted(turn, refusal.after)
    else:
        pace.taken(turn)


async def _read(answer: ClientResponse) -> dict[str, Any]:
    parsed = _parsed(await answer.read())
    if answer.status == 200 and parsed is not None:  # noqa: PLR2004 (an HTTP status names itself)
        return parsed
    error = parsed or {}
    errcode = error.get("errcode")
    named = errcode if isinstance(errcode, str) and errcode.startswith("M_") else f"http_{answer.status}"
    raise Declined(answer.status, named[:60], _wait(answer, error))


def _parsed(body: bytes) -> dict[str, Any] | None:
    """The answer's object; a state event's content and a state list are both found under a key of ours when a list."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if isinstance(parsed, list):
        return {"list": parsed}
    return parsed if isinstance(parsed, dict) else None


def _wait(answer: ClientResponse, error: Mapping[str, Any]) -> float | None:
    """Seconds that the homeserver wants to be left alone: `Retry-After`, or `retry_after_ms` where it is the same wait not rounded up."""
    header, milliseconds = answer.headers.get("Retry-After", ""), error.get("retry_after_ms")
    exact = min(max(milliseconds, 0), 1000 * LONGEST_WAIT) / 1000 if isinstance(milliseconds, int) else None
    if header.isascii() and header.isdigit() and not (exact is not None and ceil(exact) == int(header[:9])):
        return min(float(header[:9]), LONGEST_WAIT)
    return None if exact is None else min(exact, LONGEST_WAIT)
