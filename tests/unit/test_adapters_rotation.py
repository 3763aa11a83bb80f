"""Secrets that are replaced while a process runs, with a clock that waits for nobody."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from pydantic import SecretStr
from structlog.testing import capture_logs

from adapters.discourse import ADAPTER as DISCOURSE
from adapters.matrix import ADAPTER as MATRIX
from adapters.port import Ask, AuthenticRequest
from adapters.rotation import LOOK_SECONDS, Rotation, Watched
from adapters.secret import Rotating, accepted
from adapters.settings import Instance, Instances, secret_in
from schemas.problem import Problem
from schemas.wire.kafka import KafkaSettings
from tests import fakes_discourse, fakes_matrix

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.port import Adapter

OVERLAP = 60.0


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def write(path: Path, text: str) -> None:
    """Another stamp, whatever the file system's clock can tell apart."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text)
    os.utime(path, ns=(before + 1_000_000, before + 1_000_000))


def rotating(path: Path, clock: Clock, overlap: float = OVERLAP) -> Rotating:
    return Rotating(secret_in(path), Watched(path, secret_in, secret_in(path), clock).content, "rse.webhook_secret", overlap, clock)


def test_a_secret_is_read_again_once_its_file_has_changed_and_no_more_often_than_it_is_looked_at(tmp_path: Path) -> None:
    path, clock = tmp_path / "secret", Clock()
    write(path, "old\n")
    secret = rotating(path, clock)
    write(path, "new\n")
    assert secret.get_secret_value() == "old"
    clock.now = LOOK_SECONDS
    assert secret.get_secret_value() == "new"


def test_the_secret_before_is_accepted_for_the_overlap_and_no_longer(tmp_path: Path) -> None:
    path, clock = tmp_path / "secret", Clock()
    write(path, "old")
    secret = rotating(path, clock)
    write(path, "new")
    clock.now = 10.0
    assert accepted(secret) == ("new", "old")
    clock.now = 10.0 + OVERLAP - 0.1
    assert accepted(secret) == ("new", "old")
    clock.now = 10.0 + OVERLAP
    assert accepted(secret) == ("new",)


@pytest.mark.parametrize("spoiled", ["", "\n", None])
def test_an_empty_or_missing_file_leaves_the_secret_in_force(tmp_path: Path, spoiled: str | None) -> None:
    path, clock = tmp_path / "secret", Clock()
    write(path, "old")
    secret = rotating(path, clock)
    if spoiled is None:
        path.unlink()
    else:
        write(path, spoiled)
    clock.now = 10.0
    assert accepted(secret) == ("old",)
    write(path, "new")
    clock.now = 20.0
    assert secret.get_secret_value() == "new"


def test_no_log_tells_a_secret_and_what_cannot_be_read_is_told_once(tmp_path: Path) -> None:
    path, clock = tmp_path / "secret", Clock()
    write(path, "very-old")
    secret = rotating(path, clock)
    with capture_logs() as logs:
        write(path, "very-new")
        clock.now = 10.0
        shown = f"{secret!r} {secret}"
        accepted(secret)
        path.unlink()
        for moment in (20.0, 30.0):
            clock.now = moment
            accepted(secret)
    assert [line["event"] for line in logs] == ["secret_rotated", "secrets_unreadable"]
    assert not any(word in f"{logs} {shown}" for word in ("very-old", "very-new"))


def settings_of(folder: Path, **changes: Any) -> Path:
    told = {"node": "wifip", "organisation": "Finances", "platform": "discourse", "url": "https://rse.example", "signing_key": "k.pem"}
    path = folder / "instances.yaml"
    write(path, yaml.safe_dump({"instances": {"rse": told | {"api_secret": "key", "webhook_secret": "hook"} | changes}}))
    return path


def test_secrets_that_stand_in_the_settings_are_followed_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.rotation.LOOK_SECONDS", 0.0)
    path = settings_of(tmp_path)
    instances = Instances.read(path)
    living = Rotation(path, instances).followed("rse", instances.instances["rse"])
    settings_of(tmp_path, api_secret="key2", webhook_secret="hook2", organisation="Autre")
    assert (living.api_secret.get_secret_value(), accepted(living.webhook_secret)) == ("key2", ("hook2", "hook"))
    assert living.organisation == "Finances"
    write(path, "instances: [")
    assert living.api_secret.get_secret_value() == "key2"
    write(path, "instances: {}")
    assert living.api_secret.get_secret_value() == "key2"


def test_a_secret_comes_from_its_own_file_or_from_the_settings_never_from_both(tmp_path: Path) -> None:
    write(tmp_path / "hook", "from a file\n")
    told = {"node": "wifip", "organisation": "Finances", "platform": "discourse", "url": "https://rse.example", "signing_key": "k.pem"}
    given = told | {"api_secret": "key", "webhook_secret_file": str(tmp_path / "hook")}
    assert Instance.model_validate(given).webhook_secret.get_secret_value() == "from a file"
    with pytest.raises(ValueError, match="webhook_secret ou webhook_secret_file"):
        Instance.model_validate(given | {"webhook_secret": "here"})
    with pytest.raises(FileNotFoundError):
        Instance.model_validate(given | {"webhook_secret_file": str(tmp_path / "absent")})


@pytest.mark.parametrize(
    ("adapter", "instance", "payload", "event"),
    [
        (DISCOURSE, fakes_discourse.instance(), b'{"post": {"id": 1}}', "post_created"),
        (MATRIX, fakes_matrix.matrix_instance(), fakes_matrix.transaction(fakes_matrix.room_event()), None),
    ],
    ids=["discourse", "matrix"],
)
def test_a_door_takes_both_secrets_during_the_overlap_and_the_new_one_alone_after_it(
    adapter: Adapter, instance: Instance, payload: bytes, event: str | None, tmp_path: Path
) -> None:
    path, clock = tmp_path / "secret", Clock()
    write(path, "old")
    living = instance.model_copy(update={"webhook_secret": rotating(path, clock)})

    def signed(secret: str) -> AuthenticRequest | Ask | Problem:
        with_it = instance.model_copy(update={"webhook_secret": SecretStr(secret)})
        return adapter.authenticate(adapter.signed_request(payload, with_it, event), living)

    assert isinstance(signed("new"), Problem)
    write(path, "new")
    clock.now = 10.0
    assert isinstance(signed("new"), AuthenticRequest)
    assert isinstance(signed("old"), AuthenticRequest)
    assert isinstance(signed("another"), Problem)
    clock.now = 10.0 + OVERLAP
    refused = signed("old")
    assert isinstance(refused, Problem)
    assert refused.reason == "signature_invalid"
    assert isinstance(signed("new"), AuthenticRequest)


def test_kafkas_password_is_the_one_that_its_file_holds_when_a_client_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "password"
    path.write_text("old\n")
    monkeypatch.delenv("TRAITDUNION_KAFKA_SASL_PASSWORD", raising=False)
    monkeypatch.setenv("TRAITDUNION_KAFKA_SASL_PASSWORD_FILE", str(path))
    settings = KafkaSettings(security_protocol="SASL_PLAINTEXT", sasl_username="wifip")
    path.write_text("new\n")
    assert settings.options()["sasl_plain_password"] == "new"
    path.unlink()
    assert settings.options()["sasl_plain_password"] == "old"
