"""The twin's pushes to its application service: transactions in order, each sent again until it is acknowledged."""

from __future__ import annotations

import asyncio
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import yaml
from aiohttp import ClientError, ClientSession, ClientTimeout

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.matrix.twin.rooms import Rooms
    from adapters.matrix.twin.web import Fault

AT_ONCE = 100  # events in one transaction, as Synapse sends


@dataclass(frozen=True, slots=True)
class Registration:
    """The application service's YAML file."""

    id: str
    url: str
    as_token: str
    hs_token: str
    sender: str
    users: tuple[re.Pattern[str], ...]
    rate_limited: bool

    @classmethod
    def read(cls, path: Path, server_name: str) -> Registration:
        """Read the file."""
        raw = yaml.safe_load(path.read_text())
        users = tuple(re.compile(entry["regex"]) for entry in raw.get("namespaces", {}).get("users", []))
        sender = f"@{raw['sender_localpart']}:{server_name}"
        return cls(str(raw["id"]), raw["url"], raw["as_token"], raw["hs_token"], sender, users, bool(raw.get("rate_limited", True)))

    def owns(self, user: str) -> bool:
        """Tell whether the service may speak as this user."""
        return user == self.sender or any(pattern.match(user) for pattern in self.users)


class Pusher:
    """Sends what interests the service: rooms where one of its users is, and what names one of them."""

    def __init__(self, rooms: Rooms, registration: Registration, first_wait: float, longest_wait: float) -> None:
        self._rooms = rooms
        self._registration = registration
        self._waits = (first_wait, longest_wait)
        self._something = asyncio.Event()
        self._faults: list[Fault] = []
        self.attempts = 0

    def wake(self) -> None:
        """Something was written."""
        self._something.set()

    def misbehave(self, fault: Fault) -> None:
        """Send the next transactions twice, as after an answer that was lost, or late; never out of order: no homeserver does."""
        self._faults.append(fault)

    def behave(self) -> None:
        """Send each once again, at once."""
        self._faults.clear()

    async def run(self) -> None:
        """Push until cancelled."""
        async with ClientSession(timeout=ClientTimeout(total=30)) as session:
            while True:
                self._something.clear()
                if not await self._push_next(session):
                    await self._something.wait()

    async def ping(self, session: ClientSession, txn: str | None) -> tuple[int, str]:
        """Ask the service whether it is there: status and body; 0 when it does not answer."""
        url = f"{self._registration.url}/_matrix/app/v1/ping"
        try:
            async with session.post(url, json={"transaction_id": txn} if txn else {}, headers=self._headers()) as answer:
                return answer.status, await answer.text()
        except (ClientError, OSError, TimeoutError):
            return 0, ""

    async def _push_next(self, session: ClientSession) -> bool:
        """Send the next transaction until it is taken; False when there is nothing to send."""
        acknowledged, txn, upto = self._rooms.pushed()
        found = self._rooms.after(acknowledged, upto, AT_ONCE)
        if not found:
            return False
        events = [event for _, event in found if self._interests(event)]
        last = found[-1][0]
        if events:
            if txn is None:
                txn = secrets.token_hex(8)
                self._rooms.begin_push(txn, last)
            if late := self._disturbed("webhook_late"):
                await asyncio.sleep(late.seconds)
            await self._until_taken(session, txn, events)
            if self._disturbed("webhook_twice"):
                await self._until_taken(session, txn, events)
        self._rooms.end_push(last)
        return True

    def _disturbed(self, kind: str) -> Fault | None:
        """The fault of this kind that the transaction meets, if any; it is counted."""
        fault = next((fault for fault in self._faults if fault.kind == kind), None)
        if fault is not None:
            fault.count -= 1
            if fault.count <= 0:
                self._faults.remove(fault)
        return fault

    async def _until_taken(self, session: ClientSession, txn: str, events: list[dict[str, Any]]) -> None:
        wait, longest = self._waits
        while not await self._taken(session, txn, events):
            await asyncio.sleep(wait)
            wait = min(wait * 2, longest)

    async def _taken(self, session: ClientSession, txn: str, events: list[dict[str, Any]]) -> bool:
        """A 200 with its length and an object; Synapse takes nothing less for an answer."""
        self.attempts += 1
        url = f"{self._registration.url}/_matrix/app/v1/transactions/{quote(txn)}"
        with suppress(ClientError, OSError, TimeoutError, ValueError):
            async with session.put(url, json={"events": events}, headers=self._headers()) as answer:
                return answer.status == 200 and "Content-Length" in answer.headers and isinstance(await answer.json(), dict)  # noqa: PLR2004 (an HTTP status names itself)
        return False

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._registration.hs_token}"}

    def _interests(self, event: dict[str, Any]) -> bool:
        named = (event["sender"], event.get("state_key") or "")
        if any(self._registration.owns(user) for user in named if user.startswith("@")):
            return True
        members = self._rooms.members(event["room_id"])
        return any(membership == "join" and self._registration.owns(user) for user, membership in members.items())
