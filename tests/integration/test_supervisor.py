"""The supervisor of local processes: what ends is started again, what is told to stop stops, and nothing outlives it."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from hub import supervisor
from hub.supervisor import Child, Supervisor, child_of
from tests.fakes_streams import Running, children, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def probe(tmp_path: Path) -> Iterator[Running]:
    running = Running("probe", [sys.executable, "-m", "tests.probes_supervisor"], {}, tmp_path)
    yield running
    running.discard()


async def _both(probe: Running) -> list[psutil.Process]:
    await until(lambda: len(probe.said("process_started")) == 2 and "deaf" in probe.log.read_text())
    found: list[psutil.Process] = await until(lambda: len(found := children(probe.pid)) == 2 and found)
    return found


def _alive(processes: list[psutil.Process]) -> list[int]:
    return [one.pid for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


async def test_what_ends_is_started_again_and_not_after_the_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE", 0.01)
    trace = tmp_path / "trace"
    trace.touch()
    child = Child("brief", [sys.executable, "-c", f"open({str(trace)!r}, 'a').write('x'); raise SystemExit(70)"])
    kept = Supervisor([child], tmp_path)
    running = asyncio.create_task(kept.run())
    await until(lambda: trace.stat().st_size >= 3)
    kept.stop()
    await asyncio.wait_for(running, 90)
    assert child.restarts >= 2
    before = trace.stat().st_size
    await asyncio.sleep(0.2)
    assert trace.stat().st_size == before


async def test_a_supervisor_told_to_stop_ends_all_even_the_one_that_will_not_hear_of_it(probe: Running) -> None:
    processes = await _both(probe)
    assert await probe.stop() == 0
    assert _alive(processes) == []


async def test_a_supervisor_that_is_killed_leaves_no_process_behind(probe: Running) -> None:
    processes = await _both(probe)
    probe.send(signal.SIGKILL)
    assert await probe.ended() == -signal.SIGKILL
    await until(lambda: not _alive(processes))


async def test_a_killed_child_comes_back_alone(probe: Running) -> None:
    first, second = await _both(probe)
    first.kill()
    await until(lambda: len(probe.said("process_started")) == 3)
    assert second.is_running()
    assert [line["code"] for line in probe.said("process_ended")] == [-signal.SIGKILL]


def test_a_child_is_read_with_its_environment_and_its_quoted_words() -> None:
    child = child_of("connecteur=REGION='île de france' python -m adapters 'un deux'")
    assert (child.name, list(child.command)) == ("connecteur", ["python", "-m", "adapters", "un deux"])
    assert dict(child.environment) == {"REGION": "île de france"}


@pytest.mark.parametrize("text", ["", "sans commande", "nom=", "=commande", "nom=SEULE=variable"])
def test_a_child_without_name_or_command_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        child_of(text)
