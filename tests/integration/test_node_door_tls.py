"""The node door behind TLS, as in production: a connector's process that knows https:// and its authority, and no Kafka."""

from __future__ import annotations

import asyncio
import ssl
import sys
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import yaml

from adapters.door_client import DoorClient
from deploy.local.ports import LOOPBACK, free_port
from schemas import topics
from schemas.facts.tie import TieProposed
from schemas.words import Audience
from tests.fakes_adapters import NOWHERE, Rig, posted, said_by
from tests.fakes_discourse import API_KEY, SECRET
from tests.fakes_discourse_twin import forum
from tests.fakes_door import door_at_work
from tests.fakes_strangers import authority
from tests.fakes_streams import Running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.servers import Kafka

pytestmark = pytest.mark.long

CATEGORY, TEXT = "97", "Une parole venue par une porte fermée à clé."


@asynccontextmanager
async def before(port: int, door: str, certificate: Path, key: Path) -> AsyncIterator[None]:
    """A proxy that ends TLS before the door, and passes on each byte as it came."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while part := await reader.read(65_536):
                writer.write(part)
                await writer.drain()
        writer.close()

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind = await asyncio.open_connection(*door.removeprefix("http://").split(":"))
        await asyncio.gather(pass_on(reader, behind[1]), pass_on(behind[0], writer))

    server = await asyncio.start_server(join, LOOPBACK, port, ssl=context)
    try:
        yield
    finally:
        server.close()


@asynccontextmanager
async def connector(rig: Rig, url: str, certificate: Path) -> AsyncIterator[Running]:
    """`python -m adapters --door https://…`, which believes this authority alone."""
    environment = {
        "SSL_CERT_FILE": str(certificate),
        "TRAITDUNION_KAFKA_BOOTSTRAP": NOWHERE,
        "TRAITDUNION_INSTANCES": str(rig.folder / "instances.yaml"),
        "TRAITDUNION_LEDGER_URL": rig.database_url,
        "TRAITDUNION_REGISTRY_URL": rig.registry_url,
        "TRAITDUNION_REGISTRY_ANCHOR": rig.hub.key.public.multibase,
        "TRAITDUNION_OPERATORS_KEY": bytes(rig.sealing.public_key).hex(),
        "TRAITDUNION_GATEWAY_PORT": str(free_port()),
    }
    process = Running("connector", [sys.executable, "-m", "adapters", "--door", url], environment, rig.folder)
    try:
        yield process
    finally:
        process.discard()


async def test_a_connector_reads_writes_and_reports_over_tls_by_an_authority_that_it_was_given(
    kafka: Kafka, database_url: str, topic_prefix: str, tmp_path: Path
) -> None:
    rig, port = Rig(kafka.bootstrap, topic_prefix, database_url, tmp_path), free_port()
    await rig.prepare()
    url, proof = f"https://{LOOPBACK}:{port}", authority(tmp_path, LOOPBACK)
    door = door_at_work(rig.bootstrap, rig.prefix, rig.hub.registry, rig.hub.key.public.multibase, public_url=url)
    async with rig.registry(), forum(tmp_path) as rse, door as (plain, _), before(port, plain, *proof):
        file = tmp_path / "instances.yaml"
        instance = yaml.safe_load(file.read_text())["instances"]["rse"] | {"platform": "discourse", "url": rse.options.url}
        instance |= {"webhook_secret": SECRET, "api_secret": API_KEY, "spaces": [CATEGORY], "options": {"api_username": "traitdunion"}}
        file.write_text(yaml.safe_dump({"instances": {"rse": instance}}))
        async with connector(rig, url, proof[0]):
            proposed = TieProposed(node=rig.node, space=CATEGORY, title="Futurs Publics", audience=Audience.PUBLIC)
            await rig.deliver(said_by(rig.hub.key, proposed, "tie:1"))
            await rig.read(topics.RSE_INBOUND.name, 1)  # its acceptance came out, so the proposal came in
            message = said_by(rig.hub.nodes["education"], posted(TEXT), "$1")
            await rig.deliver(message, extra=[rig.hub.numbered(message, rig.node, CATEGORY)])
            reported = await rig.receipts(2)
        assert "written" in {one["verdict"] for one in reported}
        assert any(TEXT in str(post["raw"]) for post in await rse.posts())


async def test_a_door_that_no_authority_of_ours_vouches_for_is_told_nothing(
    kafka: Kafka, topic_prefix: str, database_url: str, tmp_path: Path
) -> None:
    rig, port = Rig(kafka.bootstrap, topic_prefix, database_url, tmp_path), free_port()
    await rig.prepare()
    url, proof = f"https://{LOOPBACK}:{port}", authority(tmp_path, LOOPBACK)
    door = door_at_work(rig.bootstrap, rig.prefix, rig.hub.registry, rig.hub.key.public.multibase, public_url=url)
    async with door as (plain, _), before(port, plain, *proof):
        strict = DoorClient(url, rig.hub.nodes[rig.node], lambda: datetime.now(UTC))
        near = DoorClient(plain, rig.hub.nodes[rig.node], lambda: datetime.now(UTC))
        assert [await near.answers(), await strict.answers()] == [True, False]
        await near.close()
        await strict.close()
