"""The demo's scenario as whole processes: hub, connectors, twins, a real Kafka, a real PostgreSQL."""

from __future__ import annotations

import asyncio
import fcntl
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientSession, ClientTimeout, TCPConnector

from deploy.demo import scenario
from deploy.demo.cast import MINISTRIES, Way
from deploy.demo.ground import FOLDER, MARK, Ground, leftovers, port_near
from deploy.demo.narrator import PATIENCE, Narrator
from deploy.demo.plan import Plan
from deploy.demo.scene import Scene
from deploy.demo.stack import Stack
from deploy.local.ports import free_port
from tests.fakes_demo import NOT_INSTALLED, check_summary, demo

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
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
async def test_the_same_scenario_plays_with_every_ministry_behind_the_door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, said in ((FOLDER, str(tmp_path)), (MARK, str(tmp_path)), (PATIENCE, "30")):
        monkeypatch.setenv(name, said)
    async with stage(Way.DOOR) as scene:
        await scenario.talk(scene)
        await scenario.endure(scene)
        logs = [(tmp_path / "logs" / f"connector-{ministry.node}.log").read_text() for ministry in MINISTRIES]
    assert [step.number for step in scene.narrator.steps] == [1, 2, 3, 4, 5, 6, 7]
    assert all(step.checks for step in scene.narrator.steps)
    assert [("door_open" in log, "kafka_connected" in log) for log in logs] == [(True, False)] * len(MINISTRIES)
    assert leftovers(tmp_path) == []


@asynccontextmanager
async def stage(way: Way) -> AsyncIterator[Scene]:
    """The servers and RSEs of a demo whose connectors all reach the hub one way; nothing was played yet."""
    ground, narrator = Ground.claim(), Narrator()
    connections = TCPConnector(keepalive_timeout=scenario.IDLE_SECONDS)
    async with ClientSession(connector=connections, timeout=ClientTimeout(total=120), trust_env=False) as http:
        plan = Plan.make(ground, way)
        stack = Stack(plan, http, "twin", narrator.progress)
        try:
            yield Scene.set_up(plan, stack, narrator, http, await stack.start_servers())
        finally:
            await asyncio.shield(stack.stop())
            ground.release()


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
