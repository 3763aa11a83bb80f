"""Forms that people send: a few named fields, and no more bytes than they can need."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from hub.operations.refusals import Refused
from schemas.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import Request


async def body_of(request: Request, limit: int) -> bytes:
    """The body; one that is longer is not read to its end. Raises Refused."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            raise Refused(Problem(413, "body_too_large", "Envoi trop grand"))
    return body


async def fields_of(request: Request, limit: int) -> Mapping[str, str]:
    """A form's fields, each by its first value."""
    return {name: said[0] for name, said in parse_qs((await body_of(request, limit)).decode("utf-8", "replace")).items()}
