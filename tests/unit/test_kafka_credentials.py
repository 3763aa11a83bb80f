"""The worker's Faust shows the broker the same proof as every other client does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth
from pydantic import SecretStr

from hub import worker
from schemas.wire.kafka import KafkaSettings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SASL_PASSWORD", "SASL_PASSWORD_FILE"):
        monkeypatch.delenv(f"TRAITDUNION_KAFKA_{name}", raising=False)


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_faust_says_what_the_other_clients_say(
    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"], mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
) -> None:
    settings = KafkaSettings(
        security_protocol=protocol, sasl_mechanism=mechanism, sasl_username="hub", sasl_password=SecretStr("secret de l’essai")
    )  # fmt: skip
    others = settings.options()
    del others["bootstrap_servers"]
    said = {name: given for name, given in credentials_to_aiokafka_auth(worker._credentials(settings)).items() if given is not None}
    assert (said.pop("ssl_context", None) is not None) is (others.pop("ssl_context", None) is not None) is protocol.endswith("SSL")
    assert said == others


def test_a_password_that_was_replaced_in_its_file_is_the_one_that_faust_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "password"
    path.write_text("premier")
    monkeypatch.setenv("TRAITDUNION_KAFKA_SASL_PASSWORD_FILE", str(path))
    settings = KafkaSettings(security_protocol="SASL_PLAINTEXT", sasl_username="hub")
    path.write_text("second")
    assert worker._credentials(settings).password == "second"
