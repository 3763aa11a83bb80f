"""The local servers are real ones: they keep what they took through stops, kills and restarts, and leave nothing behind."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import socket
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from deploy.local import ports
from deploy.local.kafka import KafkaNotInstalled, LocalKafka, _cluster_id
from deploy.local.postgres import DatabaseNameRefused
from deploy.local.process import AlreadyRunning, Process, Program, ServerFailed, make_way, run
from schemas.topics import RECORD_LIMIT, RSE_INBOUND
from schemas.wire.kafka import KafkaSettings, consumer, producer

if TYPE_CHECKING:
    from deploy.local.postgres import LocalPostgres
    from schemas.topics import Topic
    from tests.servers import Kafka

CLONE = Path(__file__).resolve().parents[2]
SLEEPER = (sys.executable, "-c", "import signal; signal.pause()")


def create_topic(bootstrap: str, name: str, like: Topic = RSE_INBOUND) -> None:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1, topic_configs=like.config())])
    finally:
        admin.close()


async def produce(bootstrap: str, topic: str, *values: bytes) -> None:
    async with producer(KafkaSettings(bootstrap=bootstrap)) as sender:
        for value in values:
            await sender.send_and_wait(topic, value, key=b"one")


async def consume(bootstrap: str, topic: str, count: int) -> list[bytes]:
    async with consumer(KafkaSettings(bootstrap=bootstrap), topic, group=None, auto_offset_reset="earliest") as receiver:
        return [(await asyncio.wait_for(receiver.getone(), 90)).value for _ in range(count)]


async def one_value(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def test_what_an_idempotent_producer_sent_is_consumed_in_order(kafka: Kafka, topic_prefix: str) -> None:
    topic = f"{topic_prefix}order"
    create_topic(kafka.bootstrap, topic)
    await produce(kafka.bootstrap, topic, b"first", b"second", b"third")
    assert await consume(kafka.bootstrap, topic, 3) == [b"first", b"second", b"third"]


async def test_the_broker_takes_a_record_as_large_as_the_largest_topic_allows(kafka: Kafka, topic_prefix: str) -> None:
    topic, large = f"{topic_prefix}large", os.urandom(RECORD_LIMIT - 4096)
    create_topic(kafka.bootstrap, topic, like=RSE_INBOUND.dead_letters)
    await produce(kafka.bootstrap, topic, large)
    assert await consume(kafka.bootstrap, topic, 1) == [large]


async def test_no_topic_is_made_by_a_producers_mistake(kafka: Kafka, topic_prefix: str) -> None:
    topic = f"{topic_prefix}mistake"
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as sender:
        sender.client._request_timeout_ms = 1_500  # how long it looks for the topic, once it knows the broker
        with pytest.raises(KafkaError):
            await sender.send_and_wait(topic, b"lost")
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    try:
        assert topic not in admin.list_topics()
    finally:
        admin.close()


@pytest.mark.long
async def test_the_broker_keeps_its_records_and_its_port_through_a_restart_and_a_kill(private_kafka: LocalKafka) -> None:
    bootstrap = private_kafka.bootstrap
    create_topic(bootstrap, "kept")
    await produce(bootstrap, "kept", b"before")
    await asyncio.to_thread(private_kafka.restart)
    await produce(bootstrap, "kept", b"between")
    await asyncio.to_thread(private_kafka.kill)
    assert private_kafka.pid is None
    await asyncio.to_thread(private_kafka.start)
    assert private_kafka.bootstrap == bootstrap
    assert await consume(bootstrap, "kept", 2) == [b"before", b"between"]


def test_a_clone_without_the_broker_is_told_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(KafkaNotInstalled, match="make kafka"):
        LocalKafka(tmp_path / "kafka", jars=tmp_path / "empty").start()


def test_no_cluster_is_named_as_an_option_of_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uuid, "uuid4", lambda: uuid.UUID(bytes=b"\xfb" * 16))
    named = _cluster_id()
    assert not named.startswith("-")
    assert len(base64.urlsafe_b64decode(named + "==")) == 16


async def test_each_test_has_an_empty_database_of_its_own(postgres: str, bare_database_url: str) -> None:
    assert urlsplit(bare_database_url).path != urlsplit(postgres).path
    assert await one_value(bare_database_url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    assert (
        await one_value(bare_database_url, "SELECT to_tsvector('french', 'les communautés') @@ to_tsquery('french', 'communauté')") is True
    )


async def test_two_databases_are_separate(private_postgres: LocalPostgres) -> None:
    one, other = private_postgres.create_database("one"), private_postgres.create_database("other")
    await execute(one, "CREATE TABLE note (text text)")
    with pytest.raises(asyncpg.UndefinedTableError):
        await one_value(other, "SELECT count(*) FROM note")


@pytest.mark.long
async def test_postgres_keeps_its_rows_and_its_port_through_a_restart_and_a_kill(private_postgres: LocalPostgres) -> None:
    url = private_postgres.create_database("kept")
    await execute(url, "CREATE TABLE note (text text)")
    await execute(url, "INSERT INTO note VALUES ('before')")
    await asyncio.to_thread(private_postgres.restart)
    await execute(url, "INSERT INTO note VALUES ('between')")
    await asyncio.to_thread(private_postgres.kill)
    with pytest.raises(OSError, match=r"Connect call failed|refused|closed"):
        await one_value(url, "SELECT 1")
    await asyncio.to_thread(private_postgres.start)
    assert private_postgres.create_database("kept") == url
    assert await one_value(url, "SELECT string_agg(text, ',') FROM note") == "before,between"


async def test_postgres_lets_nobody_in_without_its_password(private_postgres: LocalPostgres) -> None:
    parts = urlsplit(private_postgres.url)
    stranger = parts._replace(netloc=f"traitdunion:guess@{parts.hostname}:{parts.port}").geturl()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await one_value(stranger, "SELECT 1")


async def test_postgres_starts_although_a_dead_servers_file_names_a_living_process(private_postgres: LocalPostgres, tmp_path: Path) -> None:
    private_postgres.kill()
    stale = tmp_path / "private-postgres" / "data" / "postmaster.pid"
    lines = stale.read_text().splitlines()
    stale.write_text("\n".join([str(os.getppid()), *lines[1:]]) + "\n")
    await asyncio.to_thread(private_postgres.start)
    assert await one_value(private_postgres.url, "SELECT 1") == 1


def test_a_database_is_not_named_by_a_piece_of_sql(private_postgres: LocalPostgres) -> None:
    with pytest.raises(DatabaseNameRefused):
        private_postgres.create_database('x"; DROP DATABASE postgres; --')


def test_a_server_dies_with_the_process_that_started_it_even_when_that_is_killed(tmp_path: Path) -> None:
    starter = (
        "import os, sys, pathlib; from deploy.local.process import Process, Program;"
        f"child = Process(Program('sleeper', {SLEEPER!r}, pathlib.Path({str(tmp_path / 'log')!r})));"
        "print(child.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    command = [sys.executable, "-c", starter]
    ended = subprocess.run(command, cwd=CLONE, capture_output=True, text=True, check=False, timeout=120)  # noqa: S603  our own script
    assert ended.returncode == -signal.SIGKILL
    assert not outlives(int(ended.stdout))


def test_a_server_that_does_not_listen_to_politeness_is_ended(tmp_path: Path) -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
    log = tmp_path / "log"
    process = Process(Program("deaf", (sys.executable, "-c", deaf), log))
    process.wait_until(lambda: "deaf" in log.read_text())
    process.stop(seconds=0.2)
    assert process.exit_code == -signal.SIGKILL


def test_a_server_that_ends_too_early_shows_the_end_of_its_log(tmp_path: Path) -> None:
    with pytest.raises(ServerFailed, match="the disk is full"):
        run(Program("unlucky", (sys.executable, "-c", "raise SystemExit('the disk is full')"), tmp_path / "log"))


def test_a_folder_on_which_another_session_works_is_refused_by_name(tmp_path: Path) -> None:
    process = Process(Program("sleeper", (*SLEEPER, str(tmp_path / "data")), tmp_path / "log"))
    try:
        name = psutil.Process(process.pid).name()
        process.wait_until(lambda: psutil.Process(process.pid).cmdline()[-1:] == [str(tmp_path / "data")])
        with pytest.raises(AlreadyRunning, match=str(process.pid)):
            make_way(tmp_path, name, patience=0.2)
    finally:
        process.kill()


def test_free_ports_are_all_different_and_free() -> None:
    found = ports.free_ports(20)
    assert len(set(found)) == 20
    assert all(ports.is_free(port) and not ports.answers(port) for port in found)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no server may listen beside who keeps its port")
def test_a_free_port_is_kept_for_our_server_though_it_comes_late_and_comes_again() -> None:
    port = ports.free_port()
    for _ in range(2):
        with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
            stranger.bind((ports.LOOPBACK, port))
        with socket.create_server((ports.LOOPBACK, port)):
            assert ports.answers(port)


def outlives(pid: int) -> bool:
    """Wait a moment for a process to go; a container without a reaper keeps its name as a zombie's."""
    try:
        process = psutil.Process(pid)
        psutil.wait_procs([process], timeout=30)
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
