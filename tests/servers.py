"""The broker and the database that a test session uses: the named ones, else Docker's, else this clone's own."""

from __future__ import annotations

import os
import socket
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from deploy.local import ports
from deploy.local.kafka import LocalKafka
from deploy.local.postgres import LocalPostgres

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

KAFKA_NAMED = "TRAITDUNION_KAFKA_BOOTSTRAP"
POSTGRES_NAMED = "TRAITDUNION_DATABASE_URL"
KAFKA_IMAGE = "apache/kafka:4.3.1"
POSTGRES_IMAGE = "postgres:18"
ENGINE_ANSWERS_WITHIN = 2
CONTAINER_READY_WITHIN = 90
FORGETFUL = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
"""For a server that nobody stops while it is used: no power cut is tried on it, so that nothing need reach the disk."""


class Kafka(Protocol):
    """A broker, wherever it runs."""

    @property
    def bootstrap(self) -> str:
        """What clients connect to."""
        ...


@dataclass(frozen=True, slots=True)
class NamedKafka:
    """A broker that somebody else runs."""

    bootstrap: str


@contextmanager
def kafka_for_tests(folder: Path) -> Iterator[Kafka]:
    """Run, or find, a broker."""
    if named := os.environ.get(KAFKA_NAMED):
        yield NamedKafka(named)
    elif docker_has(KAFKA_IMAGE):
        with _kafka_container() as bootstrap:
            yield NamedKafka(bootstrap)
    else:
        with local_kafka(folder) as kafka:
            yield kafka


@contextmanager
def postgres_for_tests(folder: Path) -> Iterator[str]:
    """Run, or find, a PostgreSQL; its address as asyncpg reads it."""
    if named := os.environ.get(POSTGRES_NAMED):
        yield named.replace("+asyncpg", "", 1)
    elif docker_has(POSTGRES_IMAGE):
        with _postgres_container() as url:
            yield url
    else:
        with local_postgres(folder, FORGETFUL) as postgres:
            yield postgres.url


@contextmanager
def local_kafka(folder: Path, java_options: Sequence[str] = ()) -> Iterator[LocalKafka]:
    """This clone's own broker."""
    kafka = LocalKafka(folder, java_options=java_options)
    try:
        kafka.start()
        yield kafka
    finally:
        kafka.discard()


@contextmanager
def local_postgres(folder: Path, settings: Mapping[str, str] = MappingProxyType({})) -> Iterator[LocalPostgres]:
    """This clone's own PostgreSQL."""
    postgres = LocalPostgres(folder, settings)
    try:
        postgres.start()
        yield postgres
    finally:
        postgres.discard()


@cache
def docker_has(image: str) -> bool:
    """Say whether an engine answers at once and has, or can fetch, the image: many offices have an engine and no way to its images."""
    return engine_answers() and _fetched(image)


def engine_answers() -> bool:
    """Say whether a Docker engine listens where Docker's own clients would look."""
    address = urlsplit(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"))
    family, place = (socket.AF_UNIX, address.path) if address.scheme == "unix" else (socket.AF_INET, (address.hostname, address.port))
    with socket.socket(family, socket.SOCK_STREAM) as engine:
        engine.settimeout(ENGINE_ANSWERS_WITHIN)
        return engine.connect_ex(place) == 0


def _fetched(image: str) -> bool:
    import docker  # noqa: PLC0415  only where Docker answers
    from docker.errors import DockerException  # noqa: PLC0415  as above

    try:
        with closing(docker.from_env(timeout=CONTAINER_READY_WITHIN)) as client:
            if not client.images.list(name=image):
                client.images.pull(image)
    except (DockerException, OSError) as reason:
        print(f"Docker answers without {image} ({type(reason).__name__}): the local server is used")  # noqa: T201  for the reader of the log
        return False
    return True


@contextmanager
def _kafka_container() -> Iterator[str]:
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415  only where Docker answers
    from testcontainers.core.waiting_utils import wait_for_logs  # noqa: PLC0415  as above

    port = ports.free_port()
    container = DockerContainer(KAFKA_IMAGE).with_bind_ports(9092, port)
    for key, value in _container_settings(port).items():
        container = container.with_env("KAFKA_" + key.upper().replace(".", "_"), value)
    with container:
        wait_for_logs(container, "Kafka Server started", timeout=CONTAINER_READY_WITHIN)
        yield f"{ports.LOOPBACK}:{port}"


def _container_settings(port: int) -> dict[str, str]:
    """What deploy/kafka/server.properties says, as far as a container needs it."""
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "listeners": "CLIENTS://:9092,CONTROLLER://:9093",
        "advertised.listeners": f"CLIENTS://{ports.LOOPBACK}:{port}",
        "listener.security.protocol.map": "CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "CLIENTS",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": "1@localhost:9093",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "auto.create.topics.enable": "false",
        "offsets.retention.minutes": "64800",
        "message.max.bytes": "8388608",
        "replica.fetch.max.bytes": "8388608",
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "2000",
    }


@contextmanager
def _postgres_container() -> Iterator[str]:
    from testcontainers.postgres import PostgresContainer  # noqa: PLC0415  only where Docker answers

    with PostgresContainer(POSTGRES_IMAGE, driver=None) as container:
        yield container.get_connection_url()
