"""The one HTTP door for every platform that pushes: size, signature, meaning, then an answer once durably stored."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl

import structlog
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.crowd import Crowd, Crowded
from adapters.drift import DRIFT, changed_values, version_in
from adapters.mentions import introduced
from adapters.port import Ask, AuthenticRequest, Change, Incomplete, Later, Nonsense, Placed, Standing, UnverifiedRequest
from adapters.sorting import NotStored, Stored
from schemas.names import ANYBODY, public_name
from schemas.problem import MEDIA_TYPE, Problem
from schemas.wire.failures import told
from schemas.wire.reception import patience
from schemas.wire.records import new_correlation
from schemas.wire.straight import Straight
from schemas.wire.telemetry import Metric, exposition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from prometheus_client import Counter as Tally
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from adapters.admission import Admission
    from adapters.port import Adapter, Outcome, RseClient
    from adapters.settings import Instance
    from adapters.sorting import Answer
    from schemas.wire.telemetry import Health

BODY_SECONDS = 30.0
COMPLETE_SECONDS = 5.0
NAME_SECONDS = 2.0
SAID_LIMIT = 40  # outcomes named in the answer's header: a Matrix transaction may hold more
RETRY_AFTER = "30"
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Counter:
    """Where one instance's webhooks are taken in."""

    name: str
    instance: Instance
    adapter: Adapter
    client: RseClient
    admission: Admission
    crowd: Crowd = field(default_factory=Crowd)


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    body: bytes
    headers: Mapping[str, str]


class _Arriving(NamedTuple):
    """A request whose body is still to be read; `path` is what follows the instance."""

    scope: Scope
    path: str
    receive: Receive


class BodyTooLarge(ValueError):
    """More bytes than the platform's cap; the rest was not read."""


class BodyTooSlow(Exception):
    """The rest of a body did not come, or not in time."""


class WebhookDoor:
    """An ASGI endpoint, not a Starlette view: at this rate every layer that a webhook passes is felt."""

    def __init__(self, counters: Mapping[str, Counter]) -> None:
        self._counters = counters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one webhook in."""
        found = scope["path_params"]
        await self._take(found["instance"], _Arriving(scope, found.get("path", ""), receive), send)

    async def _take(self, name: str, arriving: _Arriving, send: Send) -> None:
        correlation = new_correlation()
        await _answer(send, await self._taken(name, arriving, correlation), correlation)

    async def _taken(self, name: str, arriving: _Arriving, correlation: str) -> _Reply:
        counter = self._counters.get(name)
        if counter is None:
            Metric.webhooks.labels("?", "instance_unknown").inc()
            log.info("webhook", instance="?", correlation=correlation, status=404, outcome="instance_unknown")  # the name is a stranger's
            return _problem(Problem(404, "instance_unknown", "Aucun RSE ne porte ce nom ici."))
        try:
            return await _Taking(counter, arriving).reply(correlation)
        except Exception as error:  # noqa: BLE001 - the server would log its text, which may hold content
            Metric.webhooks.labels(counter.name, "door_failed").inc()
            log.error("door_failed", instance=counter.name, correlation=correlation, **told(error))  # noqa: TRY400 - as above
            return _problem(Problem(500, "door_failed", "La requête n’a pas pu être traitée."))


class _Taking:
    """One webhook on its way through the door."""

    def __init__(self, counter: Counter, arriving: _Arriving) -> None:
        self._counter, self._arriving = counter, arriving

    async def reply(self, correlation: str) -> _Reply:
        """Take it through, count it, log it without content."""
        reply, outcome = await self._reply(correlation)
        _counted(self._counter.name, outcome).inc()
        log.info("webhook", instance=self._counter.name, correlation=correlation, status=reply.status, outcome=outcome)
        return reply

    async def _reply(self, correlation: str) -> tuple[_Reply, str]:
        try:
            with self._counter.crowd.bytes_held() as hold:
                return await self._taken_in(await self._read(hold), correlation)
        except Crowded:
            return self._refuse(Problem(503, "gateway_busy", "La passerelle reçoit trop à la fois ; à envoyer de nouveau."))
        except BodyTooLarge:
            limit = self._counter.adapter.body_limit
            return self._refuse(Problem(413, "body_too_large", "Le corps dépasse la taille admise.", f"{limit} octets au plus"))
        except BodyTooSlow:
            return self._refuse(Problem(408, "body_too_slow", "Le corps tarde trop à venir."))

    async def _taken_in(self, unverified: UnverifiedRequest, correlation: str) -> tuple[_Reply, str]:
        adapter, instance = self._counter.adapter, self._counter.instance
        checked = adapter.authenticate(unverified, instance)
        if isinstance(checked, Problem):
            return self._refuse(checked)
        if isinstance(checked, Ask):
            return _Reply(checked.status, checked.body, checked.headers), "asked"
        translated = self._translate(checked)
        version = version_in(unverified.headers.get("user-agent", ""))
        DRIFT.notice(adapter.platform, version, chain(adapter.strange(checked), changed_values(translated)))
        with self._counter.crowd.waiting():
            outcomes, stored = await self._admitted(translated, unverified.body, correlation)
        match stored:
            case NotStored(reason=reason):
                return self._refuse(Problem(503, reason, "Rien n’a pu être gardé pour l’instant ; à envoyer de nouveau."))
            case Stored(said=said):
                body, content_type = adapter.accepted(outcomes)
                return _Reply(200, body, {"Content-Type": content_type, "X-Traitdunion-Outcome": _compact(said)}), "stored"

    def _refuse(self, problem: Problem) -> tuple[_Reply, str]:
        return _problem(self._counter.adapter.problem(problem)), problem.reason

    async def _read(self, hold: Callable[[int], None]) -> UnverifiedRequest:
        scope = self._arriving.scope
        headers = _fields(scope["headers"])
        try:
            async with patience(scope, BODY_SECONDS):
                body = await self._body(headers, hold)
        except TimeoutError as error:
            raise BodyTooSlow from error
        return UnverifiedRequest(scope["method"], self._arriving.path, headers, _query(scope["query_string"]), body)

    async def _body(self, headers: Mapping[str, str], hold: Callable[[int], None]) -> bytes:
        limit = self._counter.adapter.body_limit
        declared = headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > limit:
            raise BodyTooLarge(declared)
        parts, size = [], 0
        while True:
            message = await self._arriving.receive()
            if message["type"] == "http.disconnect":
                raise BodyTooSlow
            part = message.get("body", b"")
            size += len(part)
            if size > limit:
                raise BodyTooLarge(str(size))
            hold(len(part))
            parts.append(part)
            if not message.get("more_body"):
                return b"".join(parts)

    def _translate(self, authentic: AuthenticRequest) -> Sequence[Outcome]:
        try:
            return self._counter.adapter.translate(authentic, self._counter.instance)
        except Exception as error:  # noqa: BLE001 - an adapter may fail in any way, and a platform would send the webhook for ever
            log.error("translator_failed", instance=self._counter.name, **told(error))  # noqa: TRY400 - its text may hold content
            return (Nonsense("translator_failed", type(error).__name__),)

    async def _admitted(self, outcomes: Sequence[Outcome], body: bytes, correlation: str) -> tuple[Sequence[Outcome], Answer]:
        """Ask the RSE for what a webhook left out, one webhook after another; what it cannot tell now is asked later, from the spool."""
        admission = self._counter.admission
        if not any(isinstance(outcome, Incomplete) and admission.to_be_asked(outcome) for outcome in outcomes):
            lacking = any(_nameless(outcome) or _calls(outcome) for outcome in outcomes)
            outcomes = await self._complete(outcomes) if lacking else outcomes
            return outcomes, await admission.admit(outcomes, body, correlation)
        if not await _has_turn(admission.asking):
            return outcomes, await admission.admit(outcomes, body, correlation)
        try:
            outcomes = await self._complete(outcomes)
            return outcomes, await admission.admit(outcomes, body, correlation)
        finally:
            admission.asking.release()

    async def _complete(self, outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
        told, answers = [], True
        for outcome in outcomes:
            asked = isinstance(outcome, Incomplete) and self._counter.admission.to_be_asked(outcome)
            found = await completed(self._counter.client, outcome) if isinstance(outcome, Incomplete) and asked and answers else outcome
            answers = answers and found is not None  # silent once, it would be so for each of a hundred, and the platform gives up on us
            told.append(await named(self._counter.client, found or outcome))
        return told


async def _has_turn(asking: asyncio.Lock) -> bool:
    """Wait for one's turn to ask; False where those before one take too long."""
    try:
        async with asyncio.timeout(COMPLETE_SECONDS):
            return await asking.acquire()
    except TimeoutError:
        return False


async def completed(client: RseClient, incomplete: Incomplete) -> Outcome | None:
    """What the RSE says of an incomplete change; None when it does not say it in time."""
    found = await answered(client, incomplete)
    return None if isinstance(found, Later) else found


async def answered(client: RseClient, incomplete: Incomplete) -> Outcome | Later:
    """The same, with why it does not say it."""
    try:
        async with asyncio.timeout(COMPLETE_SECONDS):
            found = await client.complete(incomplete)
    except TimeoutError:
        return Later("timeout")
    if not isinstance(found, Change):
        return found
    answers = (found.answers or Standing()) if incomplete.parent is not None else None  # whatever the adapter makes of it: asked once
    placed = (found.placed or Placed.UNTOLD) if incomplete.behind else None
    return replace(found, asked=incomplete.said, answers=answers, placed=placed)


async def named(client: RseClient, outcome: Outcome) -> Outcome:
    """The change with its author's display name, asked of the RSE where the webhook left it empty, and the names of whom it calls."""
    if isinstance(outcome, Change) and _calls(outcome):
        outcome = await introduced(client, outcome)
    if not isinstance(outcome, Change) or not _nameless(outcome) or outcome.author is None:
        return outcome
    try:
        async with asyncio.timeout(NAME_SECONDS):
            name = await client.display_name(outcome.actor)
    except TimeoutError:
        return outcome
    return replace(outcome, author=outcome.author.model_copy(update={"name": public_name(name)[:200] or ANYBODY}))


def _nameless(outcome: Outcome) -> bool:
    return isinstance(outcome, Change) and outcome.author is not None and not outcome.author.name


def _calls(outcome: Outcome) -> bool:
    return isinstance(outcome, Change) and bool(outcome.called)


def _query(raw: bytes) -> dict[str, str]:
    if not raw:
        return {}
    return dict(parse_qsl(raw.decode("latin-1"), keep_blank_values=True))


def _compact(said: Sequence[str]) -> str:
    shown = list(said[:SAID_LIMIT]) + ([f"more={len(said) - SAID_LIMIT}"] if len(said) > SAID_LIMIT else [])
    return ";".join(shown).encode("ascii", "replace").decode().replace("\r", "").replace("\n", "")


def _fields(came: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Fields by their names in lower case; one that stands twice is joined (RFC 9110 § 5.3).

    Taking the last of two signatures, tokens or types would be one reading, and a proxy's or a log's might be the other.
    """
    found: dict[str, str] = {}
    for raw, said in came:
        name, value = raw.decode("latin-1").lower(), said.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _problem(problem: Problem) -> _Reply:
    headers = {"Content-Type": MEDIA_TYPE}
    if problem.status == 503:  # noqa: PLR2004 - HTTP's own number
        headers["Retry-After"] = RETRY_AFTER
    return _Reply(problem.status, problem.to_bytes(), headers)


async def _answer(send: Send, reply: _Reply, correlation: str) -> None:
    """Always with a length: Synapse takes an answer without one for a failure."""
    headers = [(name.lower().encode(), said.encode("latin-1", "replace")) for name, said in reply.headers.items()]
    headers += [(b"content-length", str(len(reply.body)).encode()), (b"x-correlation-id", correlation.encode())]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


@lru_cache(maxsize=256)  # instances times a dozen outcomes: finding a label again costs as much as counting it
def _counted(instance: str, outcome: str) -> Tally:
    return Metric.webhooks.labels(instance, outcome)


def application(counters: Mapping[str, Counter], health: Health) -> Straight:
    """The gateway's routes."""

    async def metrics(_: Request) -> Response:
        health.show()
        body, content_type = await run_in_threadpool(exposition)
        return Response(body, headers={"Content-Type": content_type})

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> Response:
        failing = health.failing()
        return JSONResponse({"status": "failing" if failing else "ok", "failing": failing}, status_code=503 if failing else 200)

    door = WebhookDoor(counters)
    webhooks = [Route("/webhooks/{instance}", door), Route("/webhooks/{instance}/{path:path}", door)]
    pages = [Route("/metrics", metrics), Route("/healthz", healthz), Route("/readyz", readyz)]
    return Straight(Starlette(routes=[*webhooks, *pages]), webhooks)
