"""Where the federation's people act on pages: their sessions, what protects their forms, and the transactions in which they act."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from hub.communities import animation
from hub.operations import sending_again
from hub.registry.people import Presence

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from hub.ports import Clock
    from hub.registry.people import Person

COOKIE: Final = "__Host-traitdunion-personne"
LIFE: Final = timedelta(minutes=30)
"""Short: what is done in a session binds the federation."""
ACR: Final = "urn:traitdunion:acr:token"
LABEL: Final = b"traitdunion: sessions of the federation's people, v1"


class People(Protocol):
    """The federation's people."""

    async def by_token(self, unverified: str) -> Person | None:
        """Who holds this token."""
        ...

    async def get(self, person: str) -> Person | None:
        """A person by her id."""
        ...


class Desk(sending_again.Desk, animation.Work, Protocol):
    """A transaction at the office."""

    @property
    def people(self) -> People:
        """The federation's people."""
        ...

    async def commit(self) -> None:
        """Make it so."""
        ...


@dataclass(frozen=True, slots=True)
class Session:
    """Who signed in, and when; its value in a cookie says no more and nobody else can make one."""

    person: str
    auth_time: datetime
    value: str


@dataclass(frozen=True, slots=True)
class Office:
    """`begin` opens a transaction and `secret` derives what only this hub knows; both raise FileNotFoundError or KeyMalformed without its key."""

    begin: Callable[[], AbstractAsyncContextManager[Desk]]
    secret: Callable[[], bytes]
    charter: str
    clock: Clock

    def opened(self, person: str) -> str:
        """A session's value, from now on."""
        said = f"{person}.{int(self.clock().timestamp())}"
        return f"{said}.{self._mark('session', said)}"

    def session(self, unverified: str | None) -> Session | None:
        """The session that a cookie tells, None for none, a forged one or one that has ended."""
        said, _, mark = (unverified or "").rpartition(".")
        person, _, since = said.partition(".")
        if not (person and since.isascii() and since.isdigit() and len(since) < 12):  # noqa: PLR2004 - past the year 5000
            return None
        if not hmac.compare_digest(mark.encode(), self._mark("session", said).encode()):
            return None
        auth_time = datetime.fromtimestamp(int(since), UTC)
        return Session(person, auth_time, f"{said}.{mark}") if auth_time <= self.clock() < auth_time + LIFE else None

    def stamp(self, session: Session) -> str:
        """What a form of this session must bring back: a page elsewhere that posts in its name cannot know it."""
        return self._mark("form", session.value)

    def stamped(self, session: Session, unverified: str) -> bool:
        """Tell whether a form was this session's own."""
        return hmac.compare_digest(unverified.encode(), self.stamp(session).encode())

    def _mark(self, purpose: str, said: str) -> str:
        return hmac.new(self.secret(), f"{purpose}:{said}".encode(), hashlib.sha256).hexdigest()


async def present(session: Session, desk: Desk) -> Presence | None:
    """The person of a session as she acts, None where her token was revoked since."""
    person = await desk.people.get(session.person)
    if person is None or person.revoked_at is not None:
        return None
    return Presence(person, f"{desk.hub}:page", ACR, session.auth_time)
