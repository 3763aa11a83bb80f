"""`python -m adapters.matrix.twin --port … --state …` serves the twin until a signal ends it."""

from __future__ import annotations

from aiohttp import web

from adapters.matrix.twin.options import read, seed
from adapters.matrix.twin.push import Registration
from adapters.matrix.twin.rooms import Rooms
from adapters.matrix.twin.server import application


def main() -> None:
    """Serve until stopped."""
    options = read()
    registration = Registration.read(options.registration, options.server_name)
    rooms = Rooms(options.state, options.server_name)
    seed(rooms, registration, options)
    app = application(rooms, registration, messages_per_second=options.messages_per_second)
    web.run_app(app, host=options.host, port=options.port, print=lambda _: None, access_log=None)


if __name__ == "__main__":
    main()
