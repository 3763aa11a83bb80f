"""The broker of docker-compose.yml: its variables as the image makes settings of them, taken by the real broker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from deploy.local import ports
from deploy.local.kafka import JARS, JAVA, STARTS_FAST, _cluster_id
from deploy.local.process import Process, Program, run
from hub.operations.broker import administrator
from schemas.wire.kafka import KafkaSettings
from tests.fakes_compose import services

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not any(JARS.glob("kafka_*.jar")), reason="no Kafka in the clone: run `make kafka`"),
]
NO_SETTINGS = {"KAFKA_HEAP_OPTS"}
"""Read by the image's scripts, not by the broker."""


def settings(folder: Path, clients: int, controller: int) -> dict[str, str]:
    """The file's variables as settings: KAFKA_ goes, an underscore is a dot; only addresses and the folder are this machine's."""
    said = services()["kafka"].environment
    found = {name.removeprefix("KAFKA_").lower().replace("_", "."): value for name, value in said.items() if name not in NO_SETTINGS}
    found["log.dirs"] = str(folder / "data")
    for name in ("listeners", "advertised.listeners", "controller.quorum.voters"):
        found[name] = found[name].replace(":9092", f":{clients}").replace(":9093", f":{controller}").replace("kafka:", "localhost:")
    found["listeners"] = found["listeners"].replace("CLIENTS://:", "CLIENTS://localhost:")
    return found


def test_the_files_broker_starts_and_holds_to_its_settings(tmp_path: Path) -> None:
    clients, controller = ports.free_ports(2)
    file, wanted = tmp_path / "server.properties", settings(tmp_path, clients, controller)
    file.write_text("".join(f"{name}={value}\n" for name, value in wanted.items()))
    java = [*JAVA, *STARTS_FAST, "-cp", f"{JARS}/*"]
    log = tmp_path / "kafka.log"
    run(Program("format", [*java, "kafka.tools.StorageTool", "format", "-t", _cluster_id(), "-c", str(file)], log))
    broker = Process(Program("kafka", [*java, "kafka.Kafka", str(file)], log))
    try:
        broker.wait_until(lambda: ports.answers(clients))
        with administrator(KafkaSettings(bootstrap=f"{ports.LOOPBACK}:{clients}")) as admin:
            held = admin.describe_configs([ConfigResource(ConfigResourceType.BROKER, wanted["node.id"])], config_filter="all")["broker"]
    finally:
        broker.kill()
    kept = {name: held[wanted["node.id"]].get(name, {}).get("value", "unknown to the broker") for name in wanted}
    assert kept == wanted
