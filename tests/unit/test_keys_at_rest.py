"""A key that lies in clear opens, is told once by the process that reads it, and is counted for as long as it lies so."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization
from nacl.public import PrivateKey
from structlog.testing import capture_logs

from hub.operations import operators_key
from schemas.keys import KeyMalformed, SigningKey, lies_in_clear
from schemas.rsa_keys import RsaSigningKey
from schemas.wire import at_rest
from schemas.wire.egress import EgressSettings
from schemas.wire.kafka import KafkaSettings
from schemas.wire.telemetry import exposition
from tests.fakes_strangers import authority

if TYPE_CHECKING:
    from pathlib import Path

KEY, OTHER_RSA = SigningKey.generate("wifip"), RsaSigningKey.generate("a", 2048)


def counted(whose: str) -> float:
    line = next(line for line in exposition()[0].decode().splitlines() if line.startswith(f'traitdunion_keys_in_clear{{whose="{whose}"}}'))
    return float(line.rpartition(" ")[2])


def test_a_key_in_clear_opens_where_a_passphrase_is_already_set(tmp_path: Path) -> None:
    """Whoever sets the passphrase, restarts, and encrypts the file after, stops nothing in between."""
    KEY.save(tmp_path / "node.pem")
    OTHER_RSA.save(tmp_path / "rsa.pem")
    assert SigningKey.load("wifip", tmp_path / "node.pem", b"phrase").key_id == KEY.key_id
    assert RsaSigningKey.load("a", tmp_path / "rsa.pem", b"phrase").public_pem == OTHER_RSA.public_pem


def test_an_empty_passphrase_is_none(tmp_path: Path) -> None:
    KEY.save(tmp_path / "node.pem", b"")
    assert SigningKey.load("wifip", tmp_path / "node.pem", b"").key_id == KEY.key_id
    KEY.save(tmp_path / "node.pem", b"phrase")
    with pytest.raises(KeyMalformed):
        SigningKey.load("wifip", tmp_path / "node.pem", b"")


def test_only_a_private_key_that_nothing_encrypts_lies_in_clear(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    assert not lies_in_clear(path)
    KEY.save(path, b"phrase")
    assert not lies_in_clear(path)
    KEY.save(path)
    assert lies_in_clear(path)
    path.write_text(OTHER_RSA.public_pem)
    assert not lies_in_clear(path)
    path.write_text("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n")
    assert not lies_in_clear(path)


def test_it_is_told_by_name_and_never_shown(tmp_path: Path) -> None:
    KEY.save(tmp_path / "node.pem")
    KEY.save(tmp_path / "node.pem.next", b"phrase")
    with capture_logs() as logs:
        at_rest.tell("wifip", tmp_path / "node.pem", tmp_path / "node.pem.next", tmp_path / "absent", None)
    assert logs == [{"event": "key_in_clear", "log_level": "warning", "whose": "wifip", "path": str(tmp_path / "node.pem")}]


def test_it_is_counted_until_it_is_encrypted(tmp_path: Path) -> None:
    path, following = tmp_path / "hub.pem", tmp_path / "hub.pem.next"
    KEY.save(path)
    at_rest.tell("hub", path, following)
    assert counted("hub") == 1
    KEY.save(following)  # made while the process runs
    assert counted("hub") == 2
    for one in (path, following):
        KEY.save(one, b"phrase")
    assert counted("hub") == 0


def test_the_keys_of_our_certificates_are_looked_at_too(tmp_path: Path) -> None:
    both, key = tmp_path / "both.pem", tmp_path / "key.pem"
    assert (
        EgressSettings(certificate=both, certificate_key=key).key_file
        == KafkaSettings(ssl_certfile=str(both), ssl_keyfile=str(key)).key_file
        == key
    )
    assert EgressSettings(certificate=both).key_file == KafkaSettings(ssl_certfile=str(both)).key_file == both
    assert EgressSettings().key_file is KafkaSettings().key_file is None


def test_the_key_of_our_certificate_for_kafka_opens_by_its_passphrase(tmp_path: Path) -> None:
    certificate, key = authority(tmp_path, "kafka")
    opened = serialization.load_pem_private_key(key.read_bytes(), None)
    encryption = serialization.BestAvailableEncryption(b"phrase")
    key.write_bytes(opened.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))
    given: dict[str, Any] = {"ssl_certfile": str(certificate), "ssl_keyfile": str(key)}
    KafkaSettings(**given, ssl_passphrase="phrase").ssl_context()
    with pytest.raises(ssl.SSLError):
        KafkaSettings(**given, ssl_passphrase="autre").ssl_context()
    assert not lies_in_clear(key)


def test_the_operators_key_is_read_encrypted_or_as_it_was_written_before(tmp_path: Path) -> None:
    key = PrivateKey.generate()
    operators_key.write(key, tmp_path / "key", b"phrase")
    operators_key.write_in_clear(key, tmp_path / "before")
    assert b"ENCRYPTED" in (tmp_path / "key").read_bytes()
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in ("key", "before")} == {0o600}
    assert bytes(operators_key.read(tmp_path / "key", b"phrase")) == bytes(key)
    assert bytes(operators_key.read(tmp_path / "before", b"phrase")) == bytes(key)
    KEY.save(tmp_path / "other")
    (tmp_path / "nothing").write_bytes(b"\xff\xfe")
    for name, phrase in (("key", None), ("key", b"autre"), ("other", None), ("nothing", None)):
        with pytest.raises(KeyMalformed):
            operators_key.read(tmp_path / name, phrase)
