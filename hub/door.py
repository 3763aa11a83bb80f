"""Every route for machines, on one screen: the signed registry, health, metrics, and the node door."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import signal
from functools import partial
from typing import TYPE_CHECKING

import structlog
import uvicorn
from fastapi import APIRouter, Request, Response
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from hub import bootstrap
from hub.access import Right
from hub.node_door.inbox import Inbox
from hub.node_door.parts import at_work
from hub.node_door.serving import Poll, Post, application
from hub.node_door.witness import SharedWitness
from hub.operations import reader
from hub.registry.repository import newest_document
from hub.storage.engine import engine_for
from schemas import node_door as paths
from schemas.problem import MEDIA_TYPE, Problem
from schemas.wire import telemetry
from schemas.wire.reception import Reception

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from socket import socket

    from sqlalchemy.ext.asyncio import AsyncEngine
    from starlette.types import ASGIApp

    from hub.node_door.parts import Parts
    from hub.operations.reader import Gate
    from hub.settings import HubSettings
    from schemas.wire.kafka import KafkaSettings, TopicNames
    from schemas.wire.straight import Straight

log = structlog.get_logger()
READY_WITHIN = 2.0
REGISTRY_PATH = "/.well-known/traitdunion/registry"


def door(engine: AsyncEngine, gate: Gate) -> APIRouter:
    """The machines' routes; the registry and the health pages are open to all, the metrics to who reads the pages."""
    machines, router = _Machines(engine, gate), APIRouter(include_in_schema=False)
    router.add_api_route(REGISTRY_PATH, machines.registry, methods=["GET", "HEAD"])
    router.add_api_route("/healthz", machines.healthz, methods=["GET"])
    router.add_api_route("/readyz", machines.readyz, methods=["GET"])
    router.add_api_route("/metrics", machines.metrics, methods=["GET"])
    return router


def node_door(parts: Parts) -> Straight:
    """The routes of ministries without Kafka: each proved by a signature of the node's own key, each asked of `access`."""
    inbox = Inbox(parts.publisher)
    routes: dict[str, Post | Poll] = {
        paths.EVENTS: Post("events", Right.FORGET, inbox.events),
        paths.RECEIPTS: Post("receipts", Right.REPORT, inbox.receipts),
        paths.DEAD_LETTERS: Post("dead_letters", Right.REPORT, inbox.dead_letters),
        paths.SEALED: Post("sealed", Right.SPEAK, inbox.sealed),
        paths.OUTBOUND: Poll("outbound", Right.FORGET, parts.outbound),
    }
    return application(routes, parts.keeper)


async def run(settings: HubSettings, kafka_settings: KafkaSettings, names: TopicNames) -> None:
    """Serve the node door in a process of its own, until told to stop; its metrics stay on the side of the operators."""
    url = bootstrap.own_database(settings, "door_database_url")
    database, witness = engine_for(url), SharedWitness(url)
    read_registry = bootstrap.RegistryReader(database, settings.registry_anchor)
    async with at_work(kafka_settings, names, read_registry, settings.door_url, witness, bootstrap.clock) as parts:
        trusted = parts.keeper.trust.current
        health = telemetry.Health(
            {"kafka": lambda: parts.publisher.ready, "registry": lambda: trusted() is not None, "witness": lambda: witness.ready}
        )
        runner = await telemetry.serve(health, settings.metrics_host, settings.metrics_port)
        opened = partial(log.info, "door_started", port=settings.door_port, metrics_at=telemetry.address(runner))
        await server(node_door(parts), settings.door_host, settings.door_port, opened).serve()
        await runner.cleanup()
    await database.dispose()


def server(app: ASGIApp, host: str, port: int, opened: Callable[[], None] = lambda: None) -> uvicorn.Server:
    """The door's HTTP server: no forwarding header is believed, nothing is logged but what the door itself says.

    `opened` is called once, as soon as the port takes connections.
    """
    config = uvicorn.Config(
        app, host=host, port=port, http=Reception, ws="none", lifespan="off", log_config=None, access_log=False, server_header=False,
        proxy_headers=False, timeout_graceful_shutdown=3,
    )  # fmt: skip
    return _Server(config, opened)


class _Server(uvicorn.Server):
    """Ends by a signal as uvicorn does, but leaves it at that: re-raised, it would cut off what is still to be put away."""

    def __init__(self, config: uvicorn.Config, opened: Callable[[], None]) -> None:
        super().__init__(config)
        self._opened = opened

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        self._opened()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop serving at the first signal."""
        numbers, loop = (signal.SIGINT, signal.SIGTERM), asyncio.get_running_loop()
        for number in numbers:
            loop.add_signal_handler(number, self._stop)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    def _stop(self) -> None:
        self.should_exit = True


class _Machines:
    def __init__(self, engine: AsyncEngine, gate: Gate) -> None:
        self._engine = engine
        self._gate = gate

    async def registry(self, request: Request) -> Response:
        """The newest registry document, byte for byte as it was signed; asked again each time, so that a revocation holds at once."""
        async with self._engine.connect() as connection:
            newest = await newest_document(connection)
        if newest is None:
            return _problem(Problem(404, "registry_missing", "Aucun registre n’est encore publié", "Un premier nœud doit être admis."))
        version, document = newest
        etag = f'"{version}-{hashlib.sha256(document).hexdigest()[:32]}"'
        headers = {"ETag": etag, "Cache-Control": "public, max-age=0, must-revalidate"}
        if etag in [said.strip().removeprefix("W/") for said in request.headers.get("if-none-match", "").split(",")]:
            return Response(status_code=304, headers=headers)
        return Response(document, media_type="application/json", headers=headers)

    async def healthz(self) -> Response:
        """The process lives."""
        return Response(b'{"status":"ok"}', media_type="application/json")

    async def readyz(self) -> Response:
        """The database answers."""
        if await self._answers():
            return Response(b'{"status":"ok","failing":[]}', media_type="application/json")
        return Response(b'{"status":"failing","failing":["database"]}', status_code=503, media_type="application/json")

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(READY_WITHIN), self._engine.connect() as connection:
                await connection.execute(select(1))
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            log.warning("not_ready", check="database", error=type(error).__name__)
            return False
        return True

    async def metrics(self, request: Request) -> Response:
        """Prometheus' page of this process: node names are no secret of the hub's, but nobody's business either."""
        approach = reader.Approach(request.client.host if request.client else None, dict(request.headers))
        if self._gate.permit(approach) is None:
            return _problem(Problem(401, "not_permitted", "Réservé aux opérateurs"))
        answers = await self._answers()
        telemetry.Health({"database": lambda: answers}).show()
        body, content_type = telemetry.exposition()
        return Response(body, headers={"Content-Type": content_type})


def _problem(problem: Problem) -> Response:
    return Response(problem.to_bytes(), status_code=problem.status, media_type=MEDIA_TYPE)
