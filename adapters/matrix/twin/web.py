"""How the twin speaks HTTP: JSON in, Matrix's errors out, and what goes wrong on demand."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

from aiohttp import web

from adapters.matrix.twin.users import MatrixError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


@dataclass
class Fault:
    """Something that goes wrong for the next `count` calls whose method and address fit.

    `webhook_twice` and `webhook_late` concern the next `count` transactions instead; `clock` moves the server's clock by `seconds`.
    """

    kind: str
    count: int = 1
    method: str = ""
    path: str = ""
    status: int = 500
    seconds: float = 0.0
    errcode: str = "M_UNKNOWN"
    retry_after_ms: int | None = None

    def hits(self, request: web.Request) -> bool:
        """Tell whether this call is concerned, and count it."""
        fits = self.count > 0 and self.method in {"", request.method} and self.path in request.path
        self.count -= fits
        return fits


async def object_of(request: web.Request) -> dict[str, Any]:
    """The body's object; an empty body is an empty one."""
    raw = await request.read()
    try:
        parsed = json.loads(raw or b"{}")
    except ValueError as error:
        raise MatrixError(400, "M_NOT_JSON", "Content not JSON.") from error
    if not isinstance(parsed, dict):
        raise MatrixError(400, "M_BAD_JSON", "Content must be a JSON object.")
    return parsed


def filter_of(request: web.Request) -> dict[str, list[str]]:
    """Whose events, and of which types, a `RoomEventFilter` asks for; all where it does not say."""
    try:
        given = json.loads(request.query.get("filter", "{}"))
    except ValueError as error:
        raise MatrixError(400, "M_INVALID_PARAM", "Invalid filter") from error
    return {name: [str(one) for one in given[name]] for name in ("senders", "types") if name in given}


async def user_id_of(request: web.Request) -> str:
    """The user whom the body names."""
    user = (await object_of(request)).get("user_id")
    if not isinstance(user, str):
        raise MatrixError(400, "M_MISSING_PARAM", "Missing param: user_id")
    return user


def _retry_after(body: dict[str, Any]) -> dict[str, str]:
    """Whole seconds, rounded up, beside the milliseconds of the body."""
    return {"Retry-After": str(ceil(body["retry_after_ms"] / 1000))} if "retry_after_ms" in body else {}


def answering(faults: list[Fault]) -> Any:
    """The middleware through which every answer goes."""

    @web.middleware
    async def answer(request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
        fault = next((fault for fault in faults if request.path.startswith("/_matrix/") and fault.hits(request)), None)
        if fault is not None and fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
        if fault is not None and fault.kind == "status":
            waited = {} if fault.retry_after_ms is None else {"retry_after_ms": fault.retry_after_ms}
            return web.json_response({"errcode": fault.errcode, "error": "fault", **waited}, status=fault.status)
        try:
            answered = await handler(request)
        except MatrixError as refusal:
            answered = web.json_response(refusal.body, status=refusal.status, headers=_retry_after(refusal.body))
        except web.HTTPNotFound:
            answered = web.json_response({"errcode": "M_UNRECOGNIZED", "error": "Unrecognized request"}, status=404)
        if fault is not None and fault.kind == "lost_answer" and request.transport is not None:
            request.transport.close()
        return answered

    return answer
