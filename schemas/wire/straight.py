"""What is reached past the framework: at a door's rate, each of its layers is felt."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.applications import Starlette
    from starlette.routing import Route
    from starlette.types import Receive, Scope, Send


class Straight:
    """A framework's application with some of its own routes before it: those that judge method, head and body and answer every error themselves."""

    def __init__(self, app: Starlette, straight: Sequence[Route]) -> None:
        self.routes, self._app = app.routes, app
        self._straight = [(route.path_regex.match, route.app) for route in straight]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        for match, taken_by in self._straight if scope["type"] == "http" else ():
            if found := match(scope["path"]):
                scope["path_params"] = found.groupdict()
                return await taken_by(scope, receive, send)
        return await self._app(scope, receive, send)
