"""What integration tests ask for: a hub with three nodes, tied to one community, in a database of its own; one that commands rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from schemas.keys import SigningKey
from schemas.wire.kafka import TopicNames
from tests.fakes_adapters import NOWHERE, Rig
from tests.fakes_commands import ANNE, BAKARY, run
from tests.hub_world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.servers import Kafka


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    """Three nodes, each with a space tied to the community."""
    made = await World.make(database_url)
    await made.tie()
    yield made
    await made.close()


@pytest.fixture
def hub(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub with a key and a database without rows, reached by its settings as a person would set them."""
    monkeypatch.setenv("TRAITDUNION_DATABASE_URL", database_url)
    monkeypatch.setenv("TRAITDUNION_SIGNING_KEY", str(tmp_path / "hub.pem"))
    SigningKey.generate("hub").save(tmp_path / "hub.pem")
    return tmp_path


@pytest.fixture
def people(hub: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Two people of the federation; who is named acts from then on."""
    for name, file, siret in (("Anne Lefort", ANNE, "00000100600014"), ("Bakary Diop", BAKARY, "00000100500016")):
        run("people", "add", "--name", name, "--organisation", "DINUM", "--siret", siret, "--token-file", str(hub / file))

    def acts(file: str) -> None:
        monkeypatch.setenv("TRAITDUNION_PERSON_TOKEN_FILE", str(hub / file))

    return acts


@pytest.fixture
def broker(kafka: Kafka, topic_prefix: str, monkeypatch: pytest.MonkeyPatch) -> TopicNames:
    """A real broker, reached by settings; the names that this test's topics have there."""
    monkeypatch.setenv("TRAITDUNION_KAFKA_BOOTSTRAP", kafka.bootstrap)
    monkeypatch.setenv("TRAITDUNION_TOPIC_PREFIX", topic_prefix)
    return TopicNames()


@pytest.fixture(params=["kafka", "door"])
async def rig(
    request: pytest.FixtureRequest, kafka: Kafka, database_url: str, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Rig]:
    """A connector's process and its hub, once through Kafka and once through the door."""
    monkeypatch.setenv("TRAITDUNION_KAFKA_BOOTSTRAP", kafka.bootstrap if request.param == "kafka" else NOWHERE)
    monkeypatch.setenv("TRAITDUNION_TOPIC_PREFIX", topic_prefix)
    rig = Rig(kafka.bootstrap, topic_prefix, database_url, tmp_path)
    await rig.prepare()
    async with rig.reached(request.param), rig.registry():
        yield rig
