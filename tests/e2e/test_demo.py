"""The demo's scenario as whole processes: hub, connectors, twins, a real Kafka, a real PostgreSQL."""

from __future__ import annotations

import asyncio
import fcntl
import signal
from typing import TYPE_CHECKING

import pytest

from deploy.demo.ground import port_near
from deploy.local.ports import free_port
from tests.fakes_demo import NOT_INSTALLED, check_summary, demo

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(NOT_INSTALLED is not None, reason=str(NOT_INSTALLED))


async def test_the_demo_plays_the_whole_way_stays_until_ctrl_c_and_leaves_nothing_running(tmp_path: Path) -> None:
    async with demo(tmp_path) as played:
        await played.says("Ctrl-C arrête tout")
        played.process.send_signal(signal.SIGINT)
        assert await played.ends() == 0, "\n".join(played.lines)
        check_summary(played)
        assert played.left() == []
        with (tmp_path / "lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nobody holds it: the next one may begin


@pytest.mark.long
async def test_a_demo_that_comes_right_after_one_that_was_killed_ends_with_its_failure_named(tmp_path: Path) -> None:
    async with demo(tmp_path) as killed:
        await killed.says("PostgreSQL")
        killed.process.kill()
        await killed.process.wait()
    async with demo(tmp_path, "--once", patience="0.000001") as hurried:  # right after kill -9: nothing to wait for, nothing to clean up
        assert await hurried.ends() == 1
        assert [step["number"] for step in hurried.summary["steps"]] == [1, 2], "\n".join(hurried.lines)
        assert hurried.left() == []
        failure = hurried.summary["failure"]
    assert failure.startswith("attendu en")
    assert failure.endswith("pas vu : tous les rattachements acceptés")
    assert any(failure in line for line in hurried.lines)
    assert any(str(tmp_path / "logs") in line for line in hurried.lines)
    assert hurried.lines[-1].endswith("vérifications réussies, 1 échec")


async def test_a_second_demo_in_the_same_folder_says_that_one_runs(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        async with demo(tmp_path, "--once") as second:
            assert await second.ends() == 1
    assert "une autre démonstration tourne déjà" in "\n".join(second.lines)


async def test_busy_ports_are_avoided() -> None:
    busy = free_port()
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", busy)
    assert port_near(busy) != busy
    server.close()
    await server.wait_closed()
    assert port_near(busy) == busy
