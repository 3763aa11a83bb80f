"""The twin's webhooks: signed, sent in order, tried again as Discourse does, each attempt with an event id of its own."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from typing import TYPE_CHECKING, Any

import aiohttp

from adapters.discourse.twin.store import Attempt, Parcel
from adapters.discourse.twin.views import hook_post, short_person, topic_document

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.discourse.twin.limits import Fault
    from adapters.discourse.twin.store import Person, Post, Store, Topic

MAX_RETRIES = 4
BACKOFF = 5  # minutes, to the power of the retry's number less one
REQUEST_TIMEOUT = 20
SUCCESS = range(200, 300)
GONE = (404, 410)


class Hooks:
    """One outgoing webhook, kept in the store until it is delivered or given up."""

    def __init__(self, store: Store, target: str, secret: str, instance: str, retry_unit: float) -> None:
        self._store = store
        self._target = target
        self._secret = secret.encode()
        self._instance = instance
        self._retry_unit = retry_unit
        self._wake = asyncio.Event()
        self._clock: Callable[[], float] = time.time
        self._faults: list[Fault] = []

    def post(self, event: str, post: Post) -> Parcel:
        """A `post_*` event to keep with the change that it tells."""
        return self._parcel("post", event, hook_post(self._store, post))

    def topic(self, event: str, topic: Topic) -> Parcel:
        """A `topic_*` event to keep with the change that it tells."""
        return self._parcel("topic", event, topic_document(self._store, topic))

    def like(self, post: Post, person: Person) -> Parcel:
        """A `post_liked` event to keep with the change that it tells."""
        return self._parcel("like", "post_liked", {"post": hook_post(self._store, post), "user": short_person(person)})

    def solved(self, event: str, post: Post) -> Parcel:
        """An event of the « solved » plugin to keep with the change that it tells."""
        return self._parcel("solved", event, hook_post(self._store, post))

    def group_user(self, event: str, document: dict[str, Any]) -> Parcel:
        """A `user_*_group` event to keep with the change that it tells: numbers alone, no name and no category."""
        return self._parcel("group_user", event, document)

    def wake(self) -> None:
        """There is something to send."""
        self._wake.set()

    def misbehave(self, fault: Fault) -> None:
        """Send the next webhooks twice, or late: Sidekiq's workers promise no order, and an answer that comes too late counts as none."""
        self._faults.append(fault)

    def behave(self) -> None:
        """Send each once again, in order."""
        self._faults.clear()

    async def run(self) -> None:
        """Send for ever: what is due, in order; what failed waits without holding up the rest."""
        timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                self._wake.clear()
                waiting = (parcel for parcel in self._store.parcels.values() if not parcel.given_up)
                parcel = min(waiting, key=lambda parcel: (parcel.due, parcel.id), default=None)
                wait = None if parcel is None else max(parcel.due - self._clock(), 0.0)
                if parcel is not None and wait == 0.0:
                    self._settle(parcel, await self._attempt(session, parcel))
                else:
                    await self._pause(wait)

    async def _pause(self, wait: float | None) -> None:
        try:
            async with asyncio.timeout(wait):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _attempt(self, session: aiohttp.ClientSession, parcel: Parcel) -> int | None:
        body = parcel.body.encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Discourse/3.4.0.twin",
            "X-Discourse-Instance": self._instance,
            "X-Discourse-Event-Id": str(self._store.next_id("event", 1)),
            "X-Discourse-Event-Type": parcel.type,
            "X-Discourse-Event": parcel.event,
            "X-Discourse-Event-Signature": "sha256=" + hmac.new(self._secret, body, hashlib.sha256).hexdigest(),
        }
        status = await self._post(session, body, headers)
        if status not in SUCCESS:
            number = int(headers["X-Discourse-Event-Id"])
            attempt = Attempt(number, json.dumps(headers), parcel.body, -1 if status is None else status, self._store.stamp())
            self._store.attempts[number] = attempt
            self._store.keep(attempt)
        return status

    async def _post(self, session: aiohttp.ClientSession, body: bytes, headers: dict[str, str]) -> int | None:
        try:
            async with session.post(self._target, data=body, headers=headers) as response:
                return response.status
        except (aiohttp.ClientError, TimeoutError):
            return None

    def _settle(self, parcel: Parcel, status: int | None) -> None:
        if status in SUCCESS:
            again = self._disturbed("webhook_twice")
            if again is None:
                self._store.forget(parcel)
                return
            parcel.due = self._clock() + again.seconds
        elif status is None or status in GONE or parcel.failures >= MAX_RETRIES:
            # Discourse never tries again after a 404 or 410, nor where nobody answered, and gives up after four retries.
            parcel.given_up = True
        else:
            parcel.failures += 1
            parcel.due = self._clock() + BACKOFF ** (parcel.failures - 1) * 60 * self._retry_unit
        self._store.keep(parcel)

    def _disturbed(self, kind: str) -> Fault | None:
        """The fault of this kind that the next webhook meets, if any; it is counted."""
        fault = next((fault for fault in self._faults if fault.kind == kind), None)
        if fault is not None:
            fault.count -= 1
            if fault.count <= 0:
                self._faults.remove(fault)
        return fault

    def _parcel(self, kind: str, event: str, document: dict[str, Any]) -> Parcel:
        parcel = Parcel(self._store.next_id("parcel", 1), kind, event, json.dumps({kind: document}, ensure_ascii=False))
        late = self._disturbed("webhook_late")
        parcel.due = self._clock() + late.seconds if late is not None else 0.0
        self._store.parcels[parcel.id] = parcel
        return parcel
