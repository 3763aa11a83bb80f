"""What tests of every kind may ask for: servers, fresh names on them, and the shared payloads and vectors."""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings

from deploy.local.kafka import STARTS_FAST, KafkaNotInstalled
from deploy.local.postgres import PostgresNotInstalled
from schemas.wire.kafka import KafkaSettings
from tests import databases, servers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from deploy.local.kafka import LocalKafka
    from deploy.local.postgres import LocalPostgres

CLONE = Path(__file__).resolve().parents[1]
SHARED = CLONE.parent / "shared"

EXAMPLES = int(os.environ.get("EXAMPLES", "40"))
USUAL = 40
"""Up to so many are the same at each run: what CI refuses today it would have refused yesterday. Who asks for more looks for new ones."""

settings.register_profile(
    "of this project",
    max_examples=EXAMPLES,
    derandomize=EXAMPLES <= USUAL,
    deadline=None,  # a shared machine is slow at times, in making examples too
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("of this project")


def pytest_collection_finish() -> None:
    """What was imported and collected stays: nobody need go through it again and again to find that out."""
    gc.freeze()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Kafka]:
    """The session's broker; a test takes fresh topic names on it (`topic_prefix`) and never stops it."""
    with servers.kafka_for_tests(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the session's PostgreSQL; a test takes a fresh database on it (`database_url`) and never stops it."""
    with servers.postgres_for_tests(tmp_path_factory.mktemp("postgres")) as url:
        yield url


@pytest.fixture
def private_kafka(tmp_path: Path) -> Iterator[LocalKafka]:
    """A broker of the test's own, to stop, kill and restart."""
    try:
        with servers.local_kafka(tmp_path / "private-kafka", STARTS_FAST) as broker:
            yield broker
    except KafkaNotInstalled as missing:
        pytest.skip(f"only a local broker may be stopped: {missing}")


@pytest.fixture
def private_postgres(tmp_path: Path) -> Iterator[LocalPostgres]:
    """A PostgreSQL of the test's own, to stop, kill and restart."""
    try:
        with servers.local_postgres(tmp_path / "private-postgres") as server:
            yield server
    except PostgresNotInstalled as missing:
        pytest.skip(f"only a local PostgreSQL may be stopped: {missing}")


@pytest.fixture
def topic_prefix(request: pytest.FixtureRequest) -> Iterator[str]:
    """A prefix that no other test has; what was made under it on the session's broker is removed."""
    prefix = f"t{secrets.token_hex(4)}."
    yield prefix
    if "kafka" in request.fixturenames:
        _remove_topics(request.getfixturevalue("kafka"), prefix)


@pytest.fixture(scope="module")
def topics_of_module(kafka: servers.Kafka) -> Iterator[str]:
    """A prefix that no other module has; what was made under it is removed."""
    prefix = f"t{secrets.token_hex(4)}."
    yield prefix
    _remove_topics(kafka, prefix)


@pytest.fixture(scope="session")
def template(postgres: str) -> Iterator[str]:
    """The name of a database with the tables of the hub and of the connectors: migrating anew for each test would cost more than most."""
    from adapters import ledger  # noqa: PLC0415 - unit tests need neither
    from hub.storage import engine  # noqa: PLC0415 - as above

    name = f"t_{secrets.token_hex(6)}"
    url = databases.address_of(postgres, name)
    asyncio.run(databases.execute(postgres, f'CREATE DATABASE "{name}"'))
    asyncio.run(engine.migrate(url))
    ledger.migrate(url)
    yield name
    asyncio.run(databases.drop(postgres, name))


@pytest.fixture(scope="session")
def laid(postgres: str, template: str) -> Iterator[databases.Databases]:
    """The session's databases with all their tables, dropped at its end: the server may be somebody else's."""
    made = databases.Databases(postgres, template)
    yield made
    asyncio.run(made.discard())


@pytest.fixture
async def database_url(laid: databases.Databases) -> AsyncIterator[str]:
    """The address of a database with all its tables and no rows."""
    async with laid.one() as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def database_of_module(laid: databases.Databases) -> AsyncIterator[str]:
    """The address of a database with all its tables that the module's tests share."""
    async with laid.one() as url:
        yield url


@pytest.fixture
async def bare_database_url(postgres: str) -> AsyncIterator[str]:
    """The address of a database without any table, dropped afterwards."""
    name = f"t_{secrets.token_hex(6)}"
    await databases.execute(postgres, f'CREATE DATABASE "{name}"')
    yield databases.address_of(postgres, name)
    await databases.drop(postgres, name)


@pytest.fixture(scope="session")
def payloads() -> Path:
    """The folder of real payloads that lies beside the clone."""
    folder = SHARED / "payloads"
    if not folder.is_dir():
        pytest.skip("no ../shared/payloads beside this clone")
    return folder


def _remove_topics(broker: servers.Kafka, prefix: str) -> None:
    from kafka import KafkaAdminClient  # noqa: PLC0415  takes 0.4 s, which a unit test need not wait for

    admin = KafkaAdminClient(**KafkaSettings(bootstrap=broker.bootstrap).options())
    try:
        ours = [topic for topic in admin.list_topics() if topic.startswith(prefix)]
        if ours:
            admin.delete_topics(ours)
    finally:
        admin.close()
