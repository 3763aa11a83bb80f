"""Every route for machines, on one screen: the signed registry, health, metrics."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

import structlog
from fastapi import APIRouter, Request, Response
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from hub.operations import reader
from hub.registry.repository import newest_document
from schemas.problem import MEDIA_TYPE, Problem
from schemas.wire.telemetry import exposition

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from hub.operations.reader import Gate

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
        try:
            async with asyncio.timeout(READY_WITHIN), self._engine.connect() as connection:
                await connection.execute(select(1))
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            log.warning("not_ready", check="database", error=type(error).__name__)
            return Response(b'{"status":"failing","failing":["database"]}', status_code=503, media_type="application/json")
        return Response(b'{"status":"ok","failing":[]}', media_type="application/json")

    async def metrics(self, request: Request) -> Response:
        """Prometheus' page of this process: node names are no secret of the hub's, but nobody's business either."""
        approach = reader.Approach(request.client.host if request.client else None, dict(request.headers))
        if self._gate.permit(approach) is None:
            return _problem(Problem(401, "not_permitted", "Réservé aux opérateurs"))
        body, content_type = exposition()
        return Response(body, headers={"Content-Type": content_type})


def _problem(problem: Problem) -> Response:
    return Response(problem.to_bytes(), status_code=problem.status, media_type=MEDIA_TYPE)
