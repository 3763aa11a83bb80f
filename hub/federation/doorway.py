"""The door of other servers as an ASGI application: its inboxes, its pages, its health."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from hub.federation.serving import routes
from schemas.problem import Problem
from schemas.wire.straight import Straight
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from hub.federation.serving import Pages


def application(pages: Pages, inboxes: Sequence[Route], failing: Callable[[], list[str]]) -> Straight:
    """Every route of this door; an address that is none is answered as people or programs wish."""

    async def healthz(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> JSONResponse:
        names = failing()
        return JSONResponse({"status": "failing" if names else "ok", "failing": names}, status_code=503 if names else 200)

    async def unrouted(request: Request, _: Exception) -> Response:
        Metric.peer_door.labels("?", "route_unknown").inc()
        return pages.problem(request, Problem(404, "route_unknown", "Cette adresse n’existe pas"))

    async def misused(request: Request, _: Exception) -> Response:
        Metric.peer_door.labels("?", "method_not_allowed").inc()
        return pages.problem(request, Problem(405, "method_not_allowed", "Cette adresse ne prend pas cette méthode"))

    health: list[Any] = [Route("/healthz", healthz), Route("/readyz", readyz)]
    app = Starlette(routes=[*inboxes, *routes(pages), *health], exception_handlers={404: unrouted, 405: misused})
    app.router.redirect_slashes = False  # an address has one writing: it is an actor's name
    return Straight(app, [route for route in inboxes if not route.methods])
