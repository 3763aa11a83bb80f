"""The guarded client as the courier uses it: bodies to inboxes, and the address of an inbox that nobody has told us."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.federation.delivery import SCHEMES, UNSIGNED, Scheme, Trouble
from hub.federation.posting import Absent, Barred, Reply
from schemas.activities import authority_of
from schemas.wire.destinations import Absence, FetchFailed, Refusal
from schemas.wire.fetched import Media

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from hub.federation.keyring import Hand, Keyring
    from hub.federation.posting import Location
    from schemas.wire.fetched import Fetched
    from schemas.wire.fetching import GuardedClient


FOR_NOW: Final = frozenset({*Absence, Refusal.ADDRESS, Refusal.BUDGET})
"""What another look-up of the server's name, or another hour, may change. All else is said of the address, or of what is shown there."""


@dataclass(frozen=True, slots=True)
class GuardedPost:
    """Posts, and asks in the name of the host actor."""

    client: GuardedClient
    keyring: Keyring
    host_actor: str

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], location: Location) -> Reply:
        """Bring a body; raises Absent or Barred."""
        try:
            answered = await self.client.post(url, body, headers, location.networks, location.ports)
        except FetchFailed as failed:
            raise _why(failed) from failed
        return Reply(answered.status, answered.retry_after)

    async def inbox_of(self, actor: str, location: Location) -> str | Reply:
        """An actor's inbox, at her own server, by whatever signature that takes, or what else that answers; raises Absent or Barred."""
        try:
            fetched = await self._asked(actor, location)
            return _inbox(fetched, actor) if fetched.found else Reply(fetched.status)
        except FetchFailed as failed:
            raise _why(failed) from failed

    async def shows(self, actor: str, inbox: str, location: Location) -> bool:
        """Whether her document, as her server shows it now, names this inbox: hers, or one for all."""
        try:
            fetched = await self._asked(actor, location)
            document = fetched.document() if fetched.found else {}
        except FetchFailed:
            return False
        ends = document.get("endpoints")
        shared = ends.get("sharedInbox") if isinstance(ends, dict) else None
        return document.get("id") == actor and inbox in {one for one in (document.get("inbox"), shared) if isinstance(one, str)}

    async def _asked(self, actor: str, location: Location) -> Fetched:
        """Her document, or the last answer of a server that takes no signature of ours."""
        for scheme, hand in itertools.product(SCHEMES, self.keyring.hands()):
            sign = _Asking(hand, scheme, self.host_actor)
            fetched = await self.client.get(
                actor, accept=Media.ACTIVITY, sign=sign, networks=location.networks, ports=location.ports
            )  # fmt: skip
            if fetched.status not in UNSIGNED:
                break
        return fetched


@dataclass(frozen=True, slots=True)
class _Asking:
    """Signs what has no body."""

    hand: Hand
    scheme: Scheme
    actor: str

    def fields(self, method: str, target_uri: str, now: datetime) -> dict[str, str]:
        """The fields that sign a request."""
        return self.hand.asking(self.scheme, self.actor, method, target_uri, now)


def _why(failed: FetchFailed) -> Absent | Barred:
    return Absent(failed.reason.value) if failed.reason in FOR_NOW else Barred(failed.reason.value)


def _inbox(fetched: Fetched, actor: str) -> str:
    document = fetched.document()
    inbox = document.get("inbox")
    if document.get("id") != actor or not isinstance(inbox, str) or authority_of(inbox) != authority_of(actor):
        raise Barred(Trouble.ACTOR_MISSING)
    return inbox
