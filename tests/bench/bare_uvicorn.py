"""The gateway's ceiling: an application that reads the body and answers the same bytes, as the gateway's uvicorn is set up."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

HEADERS = [
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"x-traitdunion-outcome", b"event=" + b"0" * 32 + b"@rse.inbound.v1-0-0"),
    (b"content-length", b"2"),
    (b"x-correlation-id", b"0" * 32),
]


async def application(_scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": b"OK"})


if __name__ == "__main__":
    uvicorn.run(
        application, host=(sys.argv[2:] or ["127.0.0.1"])[0], port=int(sys.argv[1]), http="httptools", loop="uvloop", lifespan="off", log_config=None, access_log=False,
        server_header=False, proxy_headers=False,
    )  # fmt: skip
