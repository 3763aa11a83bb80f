"""One session from its first line to its exit code: signals, failures by name, the summary."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

from deploy.demo import scenario
from deploy.demo.ground import Ground, NoGround
from deploy.demo.narrator import ExpectationBroken, Narrator

if TYPE_CHECKING:
    from deploy.demo.cast import Way

FAILED = 1


def run(rse: str, way: Way | None, *, once: bool) -> int:
    """Play; the exit code."""
    narrator = Narrator()
    try:
        ground = Ground.claim()
    except NoGround as reason:
        narrator.fails(str(reason), None)
        return FAILED
    failure = asyncio.run(_until_stopped(ground, narrator, rse, way, once=once))
    narrator.write_summary(ground.folder / scenario.SUMMARY, failure)
    if failure is not None:
        narrator.fails(failure, ground.logs)
    narrator.console.print(_sentence(narrator.checks, failure))
    ground.release()
    return FAILED if failure else 0


async def _until_stopped(ground: Ground, narrator: Narrator, rse: str, way: Way | None, *, once: bool) -> str | None:
    """Play until the end or a signal; why it failed, if it did."""
    playing = asyncio.create_task(scenario.play(ground, narrator, rse, way, once=once))
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if not playing.cancelling():  # a second Ctrl-C must not cut off the end
            playing.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        await playing
    except asyncio.CancelledError:
        return "interrompue avant sa fin" if once else None
    except ExceptionGroup as group:
        return _named(_first(group))
    except Exception as error:  # noqa: BLE001 (whatever it is, it is told and the exit code says it)
        return _named(error)
    return None


def _first(group: ExceptionGroup) -> Exception:
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, ExceptionGroup) else inner


def _named(error: Exception) -> str:
    return str(error) if isinstance(error, ExpectationBroken) else f"{type(error).__name__} : {error}"


def _sentence(checks: int, failure: str | None) -> str:
    return f"démonstration : {checks} vérifications réussies, {1 if failure else 0} échec"
