"""The node door as an ASGI application: one way through for every route, counted and logged without content."""

from __future__ import annotations

import asyncio
import re
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

import structlog
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from hub.crowd import Crowd, Crowded
from hub.node_door.answers import Answer, TurnedAway, refusal, send_answer
from hub.node_door.requests import BYTES_AT_ONCE, body_of
from schemas.node_door import BATCH, BATCH_RECORDS, WAIT_LIMIT, Cursor, written_page
from schemas.wire.records import CORRELATION, CORRELATION_PATTERN, new_correlation
from schemas.wire.straight import Straight
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from hub.access import Right
    from hub.node_door.outbound import Outbound
    from hub.node_door.requests import Doorkeeper, Signed

WAIT: Final = 25.0
LIMIT: Final = 200
_NUMBER: Final = re.compile(r"[0-9]{1,4}")
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Post:
    """A route that takes bodies in."""

    name: str
    right: Right
    take: Callable[[Signed, bytes, str], Awaitable[Answer]]
    method: str = "POST"

    async def answer(self, signed: Signed, receive: Receive, crowd: Crowd, correlation: str) -> Answer:
        """Read the body, prove it, take it."""
        async with body_of(signed, receive, crowd) as body:
            return await self.take(signed, body, correlation)


@dataclass(frozen=True, slots=True)
class Poll:
    """The route that gives a node its topic."""

    name: str
    right: Right
    outbound: Outbound
    method: str = "GET"

    async def answer(self, signed: Signed, receive: Receive, crowd: Crowd, _: str) -> Answer:
        """Wait for records, as long as somebody is there to take them."""
        async with body_of(signed, receive, crowd):
            query = _query(signed.query)
        after, done = (Cursor.read(query[name]) if name in query else None for name in ("after", "done"))
        polling = asyncio.ensure_future(self.outbound.poll(signed.node, after, done, _wait(query), _limit(query)))
        leaving = asyncio.ensure_future(_left(receive))
        try:
            await asyncio.wait({polling, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not polling.done():
                return Answer(499, outcome="left")
            page = await polling
            signed.stands(self.right)
            return Answer(200, written_page(page), {"Content-Type": BATCH})
        finally:
            for task in (polling, leaving):
                task.cancel()
            await asyncio.gather(polling, leaving, return_exceptions=True)


class Door:
    """An ASGI endpoint, not a Starlette view: at this rate every layer that a request passes is felt."""

    def __init__(self, route: Post | Poll, keeper: Doorkeeper, crowd: Crowd) -> None:
        self._route, self._keeper, self._crowd = route, keeper, crowd

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request through."""
        correlation = _correlation(scope)
        with ExitStack() as held:
            node, answer = await self._answered(scope, receive, correlation, held)
            Metric.door.labels(self._route.name, node or "?", answer.outcome).inc()
            log.info("door", route=self._route.name, node=node, status=answer.status, outcome=answer.outcome, correlation=correlation)
            if answer.outcome != "left":
                await send_answer(send, answer, correlation)

    async def _answered(self, scope: Scope, receive: Receive, correlation: str, held: ExitStack) -> tuple[str | None, Answer]:
        """`held` keeps the request counted until its answer has left: one that nobody reads weighs as much as one in work."""
        node = None
        try:
            if scope["method"] != self._route.method:
                raise TurnedAway("method_not_allowed")  # noqa: TRY301 - every refusal leaves by one way
            signed = self._keeper.prove(scope, self._route.right)
            node = signed.node
            held.enter_context(self._crowd.one(node))
            await self._keeper.witness.take(signed.head)
            return node, await self._route.answer(signed, receive, self._crowd, correlation)
        except Crowded as full:
            return node, refusal(TurnedAway(full.reason))
        except TurnedAway as refused:
            return node, refusal(refused, self._route.method)
        except Exception as error:  # noqa: BLE001 - the server would log its text, which may hold content
            log.error("door_failed", route=self._route.name, node=node, error=type(error).__name__)  # noqa: TRY400 - as above
            return node, refusal(TurnedAway("door_failed"))


def application(routes: Mapping[str, Post | Poll], keeper: Doorkeeper) -> Straight:
    """The door's routes, and the pages by which its supervisor and its proxy see whether it can work."""
    crowd = Crowd(BYTES_AT_ONCE)

    async def healthz(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> JSONResponse:
        failing = [*([] if keeper.trust.current() is not None else ["registry"]), *([] if keeper.witness.ready else ["witness"])]
        return JSONResponse({"status": "failing" if failing else "ok", "failing": failing}, status_code=503 if failing else 200)

    async def unrouted(scope: Scope, _: Receive, send: Send) -> None:
        Metric.door.labels("?", "?", "route_unknown").inc()
        await send_answer(send, refusal(TurnedAway("route_unknown")), _correlation(scope))

    doors = [Route(path, Door(route, keeper, crowd)) for path, route in routes.items()]
    app = Starlette(routes=[*doors, Route("/healthz", healthz), Route("/readyz", readyz)])
    app.router.redirect_slashes = False  # an address has one writing: it is part of what is signed
    app.router.default = unrouted
    return Straight(app, doors)


def _correlation(scope: Scope) -> str:
    """The sender's correlation id, or a new one where it is missing or is not one of ours (it is unsigned, and gets logged)."""
    said = next((value.decode("latin-1") for name, value in scope["headers"] if name.decode("latin-1") == CORRELATION), "")
    return said if CORRELATION_PATTERN.fullmatch(said) else new_correlation()


def _query(raw: str) -> dict[str, str]:
    """The query, each name once; a cursor that cannot be read is refused here."""
    try:
        pairs = parse_qsl(raw, keep_blank_values=True, max_num_fields=8) if raw else []
        for name, text in pairs:
            _ = Cursor.read(text) if name in {"after", "done"} else None
    except ValueError as error:
        raise TurnedAway("query_malformed") from error
    said = dict(pairs)
    if len(said) != len(pairs) or said.keys() - {"after", "done", "wait", "limit"}:
        raise TurnedAway("query_malformed", ", ".join(sorted(ascii(name)[:20] for name in said)))
    return said


def _wait(query: Mapping[str, str]) -> float:
    return float(_number(query, "wait", WAIT_LIMIT)) if "wait" in query else WAIT


def _limit(query: Mapping[str, str]) -> int:
    return max(1, _number(query, "limit", BATCH_RECORDS)) if "limit" in query else LIMIT


def _number(query: Mapping[str, str], name: str, most: int) -> int:
    if not _NUMBER.fullmatch(query[name]):
        raise TurnedAway("query_malformed", name)
    return min(int(query[name]), most)


async def _left(receive: Receive) -> None:
    """Return when the other side has gone."""
    while (await receive())["type"] != "http.disconnect":
        continue
