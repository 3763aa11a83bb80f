"""A private key shows itself nowhere: not in what it prints, not in a log, not in the trace of a failure, not in its file."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import structlog
from cryptography.hazmat.primitives import serialization
from structlog.testing import capture_logs

from hub.settings import HubSettings
from schemas.agent import Agent, AgentKey, AgentRsaKey
from schemas.keys import KeyMalformed, SigningKey
from schemas.rsa_keys import LEAST_BITS, RsaSigningKey
from schemas.wire.hushed import JsonLines

ED25519 = SigningKey.generate("wifip")
RSA = RsaSigningKey.generate("https://pair.example/ines", LEAST_BITS)
AGENT = Agent(Path("/run/agent.sock"))
KEYS: Final = {
    "Ed25519": ED25519,
    "RSA": RSA,
    "Ed25519 in an agent": AgentKey("wifip", ED25519.public, AGENT),
    "RSA in an agent": AgentRsaKey(RSA.owner, RSA.public, AGENT),
}
every_key = pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
of_a_file = pytest.mark.parametrize("key", [ED25519, RSA], ids=["Ed25519", "RSA"])
RAW = ED25519._private.private_bytes(serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())
_NUMBERS = RSA._private.private_numbers()
SECRETS = (RAW, *(number.to_bytes((number.bit_length() + 7) // 8) for number in (_NUMBERS.d, _NUMBERS.p, _NUMBERS.q)))
FORMS = [form for raw in SECRETS for form in (raw.hex(), str(raw), repr(raw)[2:-1], str(list(raw))[1:-1], str(int.from_bytes(raw)))]


@dataclass
class Holder:
    """Anything that has a key among its members."""

    key: SigningKey | RsaSigningKey


def shows(said: str) -> bool:
    return any(form in said for form in FORMS)


@every_key
def test_what_it_prints_names_it_and_no_more(key: SigningKey | RsaSigningKey) -> None:
    for said in (repr(key), str(key), f"{key}", repr(Holder(key)), repr([key]), repr({"key": key})):
        assert key.key_id in said
        assert not shows(said)


@every_key
def test_no_log_shows_it_whatever_is_logged(key: SigningKey | RsaSigningKey) -> None:
    with capture_logs() as logs:
        structlog.get_logger().error("failed", key=key, holder=Holder(key))
    assert not shows(json.dumps(logs, default=repr))
    record = logging.LogRecord("library", logging.ERROR, "file", 1, "failed with %r", (Holder(key),), None)
    assert not shows(JsonLines().format(record))


@of_a_file
def test_no_trace_of_a_failure_shows_it(key: SigningKey | RsaSigningKey) -> None:
    try:
        key.sign("not bytes")  # type: ignore[arg-type]  # what a defect would do
    except TypeError as error:
        told = "".join(traceback.format_exception(error))
        logged = structlog.processors.format_exc_info(None, "error", {"exc_info": error})  # as our logs do
    assert "key.sign" in told
    assert not shows(told)
    assert "TypeError" in logged["exception"]
    assert not shows(json.dumps(logged, default=repr))


@every_key
def test_it_is_neither_copied_nor_pickled(key: SigningKey | RsaSigningKey) -> None:
    for take in (pickle.dumps, copy.deepcopy, copy.copy):
        with pytest.raises(TypeError, match="stays where it is"):
            take(key)


@of_a_file
def test_a_file_under_a_passphrase_holds_nothing_without_it(key: SigningKey | RsaSigningKey, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    key.save(path, b"phrase")
    assert b"ENCRYPTED" in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0
    assert key.load(key.owner, path, b"phrase").public == key.public
    for wrong in (None, b"another"):
        with pytest.raises(KeyMalformed) as refused:
            key.load(key.owner, path, wrong)
        assert "another" not in str(refused.value)


def test_settings_do_not_show_passphrases_or_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAITDUNION_SIGNING_PASSPHRASE", "une phrase secrète")
    monkeypatch.setenv("TRAITDUNION_OPERATOR_TOKEN", "un jeton secret")
    said = repr(HubSettings()) + str(HubSettings().model_dump()) + HubSettings().model_dump_json()
    assert "secrète" not in said
    assert "un jeton secret" not in said
