"""The door of other servers as an ASGI application: its inboxes, its pages, its health."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from hub.federation.serving import routes
from schemas.problem import Problem
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    from hub.federation.serving import Pages


class Doorway:
    """The door as one ASGI application."""

    def __init__(self, app: Starlette, inboxes: Sequence[Route]) -> None:
        self.routes, self._app = app.routes, app
        self._straight = [(route.path_regex.match, route.app) for route in inboxes if not route.methods]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. What judges its method itself, as an inbox does, is reached past the framework: at this rate each layer is felt."""
        for fits, inbox in self._straight:
            if fits(scope["path"]):
                return await inbox(scope, receive, send)
        return await self._app(scope, receive, send)


def application(pages: Pages, inboxes: Sequence[Route], failing: Callable[[], list[str]]) -> Doorway:
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
    return Doorway(app, inboxes)
