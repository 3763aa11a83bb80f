"""`python -m adapters.discourse.twin --port … --state …` serves the twin until a signal ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from adapters.discourse.twin.options import read
from adapters.discourse.twin.server import Twin

if TYPE_CHECKING:
    from adapters.discourse.twin.options import Options


def main() -> None:
    """Serve until a signal ends it."""
    options = read()
    web.run_app(_start(options), host=options.host, port=options.port, print=lambda *_: None, access_log=None)


async def _start(options: Options) -> web.Application:
    return Twin(options).app()


if __name__ == "__main__":
    main()
