"""A private key shows itself nowhere: not in what it prints, not in a log, not in the trace of a failure, not in its file."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import structlog
from cryptography.hazmat.primitives import serialization
from structlog.testing import capture_logs

from hub.settings import HubSettings
from schemas.keys import KeyMalformed, SigningKey
from schemas.wire.hushed import JsonLines

if TYPE_CHECKING:
    from pathlib import Path

KEY = SigningKey.generate("wifip")
RAW = KEY._private.private_bytes(serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())
FORMS = (RAW.hex(), str(RAW), repr(RAW)[2:-1], str(list(RAW))[1:-1])


@dataclass
class Holder:
    """Anything that has a key among its members."""

    key: SigningKey


def shows(said: str) -> bool:
    return any(form in said for form in FORMS)


def test_what_it_prints_names_it_and_no_more() -> None:
    for said in (repr(KEY), str(KEY), f"{KEY}", repr(Holder(KEY)), repr([KEY]), repr({"key": KEY})):
        assert KEY.public.multibase in said
        assert not shows(said)


def test_no_log_shows_it_whatever_is_logged() -> None:
    with capture_logs() as logs:
        structlog.get_logger().error("failed", key=KEY, holder=Holder(KEY))
    assert not shows(json.dumps(logs, default=repr))
    record = logging.LogRecord("library", logging.ERROR, "file", 1, "failed with %r", (Holder(KEY),), None)
    assert not shows(JsonLines().format(record))


def test_no_trace_of_a_failure_shows_it() -> None:
    try:
        KEY.sign("not bytes")  # type: ignore[arg-type]  # what a defect would do
    except TypeError as error:
        told = "".join(traceback.format_exception(error))
        logged = structlog.processors.format_exc_info(None, "error", {"exc_info": error})  # as our logs do
    assert "KEY.sign" in told
    assert not shows(told)
    assert "TypeError" in logged["exception"]
    assert not shows(json.dumps(logged, default=repr))


def test_it_is_neither_copied_nor_pickled() -> None:
    for take in (pickle.dumps, copy.deepcopy, copy.copy):
        with pytest.raises(TypeError, match="stays where it is"):
            take(KEY)


def test_a_file_under_a_passphrase_holds_nothing_without_it(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    KEY.save(path, b"phrase")
    assert b"ENCRYPTED" in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0
    assert SigningKey.load("wifip", path, b"phrase").key_id == KEY.key_id
    for wrong in (None, b"another"):
        with pytest.raises(KeyMalformed) as refused:
            SigningKey.load("wifip", path, wrong)
        assert "another" not in str(refused.value)


def test_settings_do_not_show_passphrases_or_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAITDUNION_SIGNING_PASSPHRASE", "une phrase secrète")
    monkeypatch.setenv("TRAITDUNION_OPERATOR_TOKEN", "un jeton secret")
    said = repr(HubSettings()) + str(HubSettings().model_dump()) + HubSettings().model_dump_json()
    assert "secrète" not in said
    assert "un jeton secret" not in said
