"""Where what a twin's RSE says goes in tests: kept as it is heard; for webhooks, by a small server that does what the gateway does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from adapters.gateway import completed
from adapters.port import Act, Ask, AuthenticRequest, Change, Incomplete, Outcome, UnverifiedRequest
from schemas.problem import MEDIA_TYPE, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from adapters.port import Adapter, RseClient
    from adapters.settings import Instance

PATIENCE = 90.0  # seconds after which a webhook will not come any more


@dataclass
class Heard:
    """Keeps what the adapter read (`outcomes`)."""

    outcomes: list[Outcome] = field(default_factory=list)
    _came: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, found: Callable[[list[Outcome]], bool]) -> list[Outcome]:
        """The outcomes, as soon as they are what the test waits for."""
        async with asyncio.timeout(PATIENCE), self._came:
            await self._came.wait_for(lambda: found(self.outcomes))
        return self.outcomes

    def changes(self, native_id: str) -> list[Change]:
        """What was heard of one object, in the order of its coming."""
        return [outcome for outcome in self.outcomes if isinstance(outcome, Change) and outcome.native_id == native_id]

    async def change(self, act: Act, native_id: str) -> Change:
        """The first news of that act on that object, as soon as it has come."""
        await self.until(lambda _: any(change.act is act for change in self.changes(native_id)))
        return next(change for change in self.changes(native_id) if change.act is act)

    async def hear(self, outcomes: Sequence[Outcome]) -> None:
        """Keep, and tell those who wait."""
        async with self._came:
            self.outcomes.extend(outcomes)
            self._came.notify_all()


@dataclass
class Sink(Heard):
    """A webhook's target: what came (`seen`), what it answered 200 (`taken`).

    `statuses` are its next refusals; `failing` is how many webhooks it answers 503 before those.
    """

    adapter: Adapter = field(kw_only=True)
    instance: Callable[[], Instance] = field(kw_only=True)
    client: RseClient | None = field(default=None, kw_only=True)
    """Who is asked for what a webhook leaves out, once the test has one."""
    seen: list[UnverifiedRequest] = field(default_factory=list)
    taken: list[UnverifiedRequest] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    failing: int = 0
    refusals: int = 0

    def application(self) -> web.Application:
        """One address for every instance, with the platform's own path after it."""
        app = web.Application(client_max_size=self.adapter.body_limit)
        app.router.add_route("*", "/webhooks/{instance}", self._take)
        app.router.add_route("*", "/webhooks/{instance}/{path:.*}", self._take)
        return app

    async def wait(self, count: int) -> list[UnverifiedRequest]:
        """So many webhooks, as soon as they have come."""
        async with asyncio.timeout(PATIENCE), self._came:
            await self._came.wait_for(lambda: len(self.seen) >= count)
        return self.seen

    async def _take(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        path, body = request.match_info.get("path", ""), await request.read()
        unverified = UnverifiedRequest(request.method, path, headers, dict(request.query), body)
        async with self._came:
            self.seen.append(unverified)
            answer = await self._answer(unverified)
            self._came.notify_all()
        return answer

    async def _answer(self, unverified: UnverifiedRequest) -> web.Response:
        found = self.adapter.authenticate(unverified, self.instance())
        match found:
            case Problem():
                self.refusals += 1
                return web.Response(status=found.status, body=self.adapter.problem(found).to_bytes(), content_type=MEDIA_TYPE)
            case Ask():
                return web.Response(status=found.status, body=found.body, headers=dict(found.headers))
            case AuthenticRequest():
                refusal = self._refusal()
                return web.Response(status=refusal) if refusal else await self._accept(found)

    async def _completed(self, outcome: Outcome) -> Outcome:
        if isinstance(outcome, Incomplete) and self.client is not None:
            return await completed(self.client, outcome) or outcome
        return outcome

    def _refusal(self) -> int | None:
        if self.failing:
            self.failing -= 1
            return 503
        return self.statuses.pop(0) if self.statuses else None

    async def _accept(self, authentic: AuthenticRequest) -> web.Response:
        read = [await self._completed(outcome) for outcome in self.adapter.translate(authentic, self.instance())]
        self.taken.append(authentic.request)
        self.outcomes.extend(read)
        body, content_type = self.adapter.accepted(read)
        return web.Response(body=body, headers={"Content-Type": content_type})
