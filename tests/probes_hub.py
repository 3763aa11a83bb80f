"""The hub's real processes, supervised (`up <process>…`), each of which dies by `kill -9` at a step when a file of that name asks it to."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub.supervisor import Child, Supervisor
from schemas.wire.telemetry import configure_logs

if TYPE_CHECKING:
    from collections.abc import Sequence


def die_if_asked(step: str) -> None:
    """Die as the kernel's out-of-memory killer would make us, once."""
    asked = Path(os.environ["DEATHS"]) / step
    if asked.exists():
        asked.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


def arm_worker(group: str) -> None:
    """Steps `<group>.before_commit`, all rows written, and `<group>.before_ack`, all work done."""
    from hub import unit_of_work, worker  # noqa: PLC0415 - the supervisor needs none of it

    rooms: Any = unit_of_work
    acknowledge, together = worker.acknowledge, rooms.together

    async def die_then_acknowledge(stream: Any, events: Sequence[Any]) -> None:
        die_if_asked(f"{group}.before_ack")
        await acknowledge(stream, events)

    async def write_then_die(connection: Any, changes: Sequence[Any]) -> None:
        await together(connection, changes)
        if changes[-1] is not None:  # the outbox's
            die_if_asked(f"{group}.before_commit")

    def application(*arguments: Any) -> Any:
        app = make(*arguments)
        app.conf.broker_session_timeout = float(os.environ["SESSION_SECONDS"])  # whoever comes after a death waits for it
        app.conf.broker_heartbeat_interval = 1
        app.conf.broker_commit_interval = 0.5  # a test that looks at offsets waits for it
        return app

    module: Any = worker
    make, module.application = worker.application, application
    module.acknowledge = die_then_acknowledge
    rooms.together = write_then_die


def arm_relay() -> None:
    """Step `relay.before_mark`: the broker has the records and the database does not know."""
    from hub.storage import outbox  # noqa: PLC0415 - the supervisor needs none of it

    module: Any = outbox
    mark = outbox.mark_published

    async def die_then_mark(*arguments: Any) -> None:
        die_if_asked("relay.before_mark")
        await mark(*arguments)

    module.mark_published = die_then_mark


def up(names: Sequence[str]) -> None:
    """Keep these processes alive."""
    configure_logs("up")
    children = [Child(name, [sys.executable, "-m", "tests.probes_hub", name]) for name in names]

    async def run() -> None:
        await Supervisor(children, Path(os.environ["LOGS"])).run()

    asyncio.run(run())


def main(name: str) -> None:
    """Run one of them."""
    from hub import process  # noqa: PLC0415 - the supervisor needs none of it

    match name:
        case "relay":
            arm_relay()
            process.run_relay()
        case "peer-door":
            process.run_peer_door()
        case "courier":
            process.run_courier()
        case _:
            arm_worker(name)
            process.run_worker(name)


if __name__ == "__main__":
    if sys.argv[1] == "up":
        up(sys.argv[2:])
    else:
        main(sys.argv[1])
