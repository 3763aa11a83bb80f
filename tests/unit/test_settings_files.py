"""Any setting may come from a file: what must not stand in an environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapters.settings import AdapterSettings
from hub.settings import HubSettings
from schemas.wire.kafka import KafkaSettings
from schemas.wire.settings import SettingRefused, SettingTwice

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_settings import BaseSettings


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "LEDGER_URL", "OPERATOR_TOKEN", "KAFKA_SASL_PASSWORD"):
        monkeypatch.delenv(f"TRAITDUNION_{name}", raising=False)


@pytest.mark.parametrize(
    ("settings", "variable", "field"),
    [
        (HubSettings, "TRAITDUNION_DATABASE_URL", "database_url"),
        (AdapterSettings, "TRAITDUNION_LEDGER_URL", "ledger_url"),
        (KafkaSettings, "TRAITDUNION_KAFKA_SASL_PASSWORD", "sasl_password"),
    ],
)
def test_a_setting_is_read_from_the_file_that_its_variable_names(
    settings: type[BaseSettings], variable: str, field: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "said"
    path.write_text(" said, spaces and all \n")
    monkeypatch.setenv(f"{variable}_FILE", str(path))
    found = getattr(settings(), field)
    assert getattr(found, "get_secret_value", lambda: found)() == " said, spaces and all "


def test_what_a_file_says_is_read_as_strictly_as_what_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "port"
    path.write_text("not a port\n")
    monkeypatch.setenv("TRAITDUNION_METRICS_PORT_FILE", str(path))
    with pytest.raises(SettingRefused, match=r"^TRAITDUNION_METRICS_PORT : un nombre entier est attendu$"):
        HubSettings()


def test_a_variable_and_its_file_together_are_refused_without_showing_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAITDUNION_DATABASE_URL", "postgresql://secret")
    monkeypatch.setenv("TRAITDUNION_DATABASE_URL_FILE", str(tmp_path / "absent"))
    with pytest.raises(SettingTwice) as refused:
        HubSettings()
    assert str(refused.value) == "TRAITDUNION_DATABASE_URL, TRAITDUNION_DATABASE_URL_FILE"


def test_a_file_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAITDUNION_OPERATOR_TOKEN_FILE", str(tmp_path / "absent"))
    with pytest.raises(FileNotFoundError, match="absent"):
        HubSettings()


def test_what_the_program_says_itself_comes_before_any_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hub").write_text("other")
    monkeypatch.setenv("TRAITDUNION_HUB_ID_FILE", str(tmp_path / "hub"))
    assert HubSettings(hub_id="mine").hub_id == "mine"
    assert HubSettings().hub_id == "other"
