"""HTTP connections of strangers: uvicorn's own, with an end to the size of a head and to the patience for one."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from starlette.types import Scope

HEAD_BYTES: Final = 64 * 1024
HEAD_SECONDS: Final = 10.0
LEAVE_SECONDS: Final = 2.0
ANSWER: Final = "HTTP/1.1 {} \r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
WHOLE: Final = "traitdunion.whole"
"""Stands in a request's scope once all of its body is here."""
_NO_CLOCK: Final[AbstractAsyncContextManager[object]] = nullcontext()


def patience(scope: Scope, seconds: float) -> AbstractAsyncContextManager[object]:
    """The clock under which a body is read, raising TimeoutError; none where nothing is waited for, since one costs as much as reading."""
    return _NO_CLOCK if WHOLE in scope else asyncio.timeout(seconds)


class Reception(HttpToolsProtocol):
    """A stranger's head that has no end would fill the memory, and one that never comes would keep its connection for ever."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn says it
        """Wait for a first head, not for ever."""
        super().connection_made(transport)
        self._head: int | None = 0
        self._begins = False
        self._patience = self.loop.call_later(HEAD_SECONDS, self._turn_away, "408 Request Timeout")

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._patience.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what has come of a head that has not ended; a body is counted where it is read.

        Most heads come in one piece: only one that does not is waited for.
        """
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._head is not None:
            self._head += len(data)
            if self._head > HEAD_BYTES:
                self._turn_away("431 Request Header Fields Too Large")
            elif self._begins:
                self._begins = False
                self._patience = self.loop.call_later(HEAD_SECONDS, self._turn_away, "408 Request Timeout")

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._head, self._begins = 0, True
        self._patience.cancel()

    def on_headers_complete(self) -> Any:
        """It has ended."""
        self._head = None
        self._patience.cancel()
        return super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body has come: most do with their heads, before anybody reads them."""
        self.scope[WHOLE] = True  # type: ignore[typeddict-unknown-key]  # ours, beside ASGI's
        super().on_message_complete()

    def _turn_away(self, status: str) -> None:
        """Say why, close, and cut off who does not take even that."""
        self.transport.write(ANSWER.format(status).encode())
        self.transport.close()
        self._patience.cancel()
        self._patience = self.loop.call_later(LEAVE_SECONDS, self.transport.abort)
