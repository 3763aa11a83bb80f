"""Who reads the pages: from a request's address, headers and cookie to a permit, or to a refusal with a reason."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from hub.access import Permit, permit_operator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.ports import Clock

COOKIE: Final = "__Host-traitdunion"
SESSION: Final = timedelta(hours=12)
FORWARDED: Final = frozenset({"forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via"})
LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
SCHEME: Final = "bearer "


@dataclass(frozen=True, slots=True)
class Approach:
    """What a request shows of who sends it; only `client` is not the sender's own word."""

    client: str | None
    unverified_headers: Mapping[str, str]
    unverified_cookie: str | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """Decides who reads: the operator's token from anywhere, or loopback when nothing stands between."""

    token: str | None
    host: str
    clock: Clock

    def permit(self, approach: Approach) -> Permit | None:
        """A permit, or None.

        A reverse proxy on this machine reaches us from loopback for everybody: where any forwarding header is, loopback proves nothing.
        A page elsewhere could reach us through its reader's browser under a name of its own that resolves to 127.0.0.1 (DNS rebinding):
        so loopback must also call us by a loopback name.
        """
        token = self._token_of(approach)
        near = approach.client if self._direct(approach) else None
        return permit_operator(near, token, self.token)

    def session(self) -> str:
        """A cookie's value that stands for the token until it expires; the token itself is not in it."""
        until = str(int((self.clock() + SESSION).timestamp()))
        return f"{until}.{self._mark(until)}"

    def knows(self, unverified_token: str) -> bool:
        """Tell whether this is the operator's token."""
        return permit_operator(None, unverified_token, self.token) is not None

    def entered(self, unverified_cookie: str | None) -> bool:
        """Tell whether a cookie stands for the token now."""
        return self._session_holds(unverified_cookie or "")

    def _direct(self, approach: Approach) -> bool:
        headers = approach.unverified_headers
        if FORWARDED & headers.keys():
            return False
        try:
            name = urlsplit(f"//{headers.get('host', '')}").hostname
        except ValueError:
            return False
        return name in LOOPBACK_NAMES or (name is not None and name == self.host)

    def _token_of(self, approach: Approach) -> str | None:
        said = approach.unverified_headers.get("authorization", "")
        if said.lower().startswith(SCHEME):
            return said[len(SCHEME) :].strip()
        return self.token if self._session_holds(approach.unverified_cookie or "") else None

    def _session_holds(self, unverified: str) -> bool:
        until, _, mark = unverified.partition(".")
        if self.token is None or not (until.isascii() and until.isdigit() and len(until) < 12):  # noqa: PLR2004 - past the year 5000
            return False
        held = hmac.compare_digest(mark.encode(), self._mark(until).encode())
        return held and self.clock() < datetime.fromtimestamp(int(until), UTC)

    def _mark(self, until: str) -> str:
        return hmac.new((self.token or "").encode(), b"traitdunion-session:" + until.encode(), hashlib.sha256).hexdigest()
