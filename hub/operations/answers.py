"""How the site answers: the same strict headers on everything, and every error as a problem that people and programs can read."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.routing import Match

from hub.operations.refusals import Refused
from hub.storage.engine import connection_lost
from hub.ui import render
from schemas.problem import MEDIA_TYPE, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from hub.ports import Clock

log = structlog.get_logger()
PACKAGE: Final = str(Path(__file__).parents[1])
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; script-src 'none'; object-src 'none'; img-src 'self' data:; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
NOTHING: Final = MappingProxyType[str, str]({})
NOT_TAKEN: Final = 405
NOT_OF_A_FORM: Final = frozenset({401, 404, NOT_TAKEN})
"""Answers after which there is no form to come back to."""
FORMS: Final = ("/decision", "/renvoi", "/sortie")
"""Where forms are sent that stand on the page of a shorter address."""
TITLES: Final = {404: ("not_found", "Cette page n’existe pas"), 405: ("method_not_allowed", "Cette adresse ne prend pas cette méthode")}


class SafeHeaders:
    """Adds the strict headers where a handler has not set its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, said in HEADERS.items():
                    headers.setdefault(name, said)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def answer_problems(app: FastAPI, clock: Clock) -> None:
    """Give every error its answer: a page in French for browsers, problem details (RFC 9457) for programs."""

    def answered(request: Request, problem: Problem, more: Mapping[str, str] = NOTHING) -> Response:
        headers = {**HEADERS, **more}
        if problem.status == 401:  # noqa: PLR2004 - HTTP
            headers["WWW-Authenticate"] = 'Bearer realm="traitdunion"'
        if problem.status == 503:  # noqa: PLR2004 - HTTP
            headers["Retry-After"] = "5"
        if _wants_json(request):
            return Response(problem.to_bytes(), problem.status, headers, MEDIA_TYPE)
        return HTMLResponse(render("probleme.html", problem=problem, back=_form_of(request, problem), now=clock()), problem.status, headers)

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)  # noqa: S101 - registered for this class alone
        return answered(request, error.problem, error.headers)

    async def unreadable(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class alone
        fields = ", ".join(sorted({str(problem["loc"][-1]) for problem in error.errors()}))
        return answered(request, Problem(400, "parameters_malformed", "L’adresse contient un paramètre mal formé", fields))

    async def unrouted(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class alone
        reason, title = TITLES.get(error.status_code, ("http_error", "Cette demande n’a pas abouti"))
        more = {"Allow": ", ".join(sorted(_taken(request)))} if error.status_code == NOT_TAKEN else NOTHING
        return answered(request, Problem(error.status_code, reason, title), more)

    async def failed(request: Request, error: Exception) -> Response:
        if connection_lost(error):
            log.warning("database_unreachable", error=type(error).__name__)
            return answered(request, Problem(503, "database_unreachable", "La base de données ne répond pas", "Réessayez dans un instant."))
        log.error("page_failed", error=type(error).__name__, at=_where(error))
        return answered(
            request, Problem(500, "failed", "Cette page n’a pas pu être établie", "L’erreur est notée dans le journal du site.")
        )

    app.add_exception_handler(Refused, refused)
    app.add_exception_handler(RequestValidationError, unreadable)
    app.add_exception_handler(HTTPException, unrouted)
    for kind in (SQLAlchemyError, OSError, TimeoutError, Exception):
        app.add_exception_handler(kind, failed)


def _taken(request: Request) -> set[str]:
    """The methods that this address takes: several routes share it."""
    routes = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
    return {method for route in routes for method in getattr(route, "methods", None) or ()}


def _form_of(request: Request, problem: Problem) -> str | None:
    """The page of the form that was refused, None where none was; its address is one of ours, since a route took it."""
    if request.method != "POST" or problem.status in NOT_OF_A_FORM:
        return None
    path = request.url.path
    return next((path.removesuffix(end) for end in FORMS if path.endswith(end)), path)


def _where(error: Exception) -> list[str]:
    """Our own lines on the way to an error: its sentence may hold what people wrote, a line number does not."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{Path(frame.filename).stem}:{frame.lineno}" for frame in frames if f"{PACKAGE}/" in frame.filename]


def _wants_json(request: Request) -> bool:
    accepted = request.headers.get("accept", "")
    return request.url.path.startswith("/api/") or ("json" in accepted and "text/html" not in accepted)
