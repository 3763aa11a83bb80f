"""Keys: one way to write each, and none that proves nothing."""

from __future__ import annotations

import contextlib
import stat
from typing import TYPE_CHECKING

import base58
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from schemas.keys import ED25519_PUBLIC, KeyMalformed, PublicKey, SigningKey, from_multibase, to_multibase
from tests.fakes_schemas import FINANCES

if TYPE_CHECKING:
    from pathlib import Path

KEY = FINANCES
GOOD = KEY.public.multibase


@pytest.mark.parametrize(
    "odd",
    ["", "z", "é", GOOD[1:], "u" + GOOD[1:], GOOD + " ", GOOD + "\n", " " + GOOD, "z1" + GOOD[1:], GOOD[:-1], GOOD + "1", GOOD.replace("6", "0"), "z" + "2" * 5_000_000],
    ids=lambda odd: ascii(odd[:8]),
)  # fmt: skip
def test_a_public_key_has_one_writing(odd: str) -> None:
    with pytest.raises(KeyMalformed) as refused:
        PublicKey.of(odd)
    assert GOOD[5:] not in str(refused.value)


def test_a_private_key_given_for_a_public_one_is_refused_and_not_repeated() -> None:
    secret = to_multibase(b"\x80\x26" + bytes(range(32)))
    with pytest.raises(KeyMalformed) as refused:
        PublicKey.of(secret)
    assert secret[4:20] not in str(refused.value)


@pytest.mark.parametrize("point", [bytes(32), b"\x01" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f", b"\xee" + b"\xff" * 30 + b"\x7f"])
def test_a_point_of_small_order_is_no_key(point: bytes) -> None:
    with pytest.raises(KeyMalformed):
        PublicKey.of(to_multibase(ED25519_PUBLIC + point))


@given(st.binary(max_size=80))
def test_multibase_comes_back(raw: bytes) -> None:
    assert from_multibase(to_multibase(raw)) == raw
    assert to_multibase(raw)[1:] == base58.b58encode(raw).decode()


@given(st.text(max_size=130) | st.text("12zZaAl0OI \n", max_size=130))
def test_any_text_is_one_writing_or_refused(text: str) -> None:
    for candidate in (text, "z" + text):
        with contextlib.suppress(ValueError):
            assert to_multibase(from_multibase(candidate)) == candidate


def test_a_signature_of_another_length_verifies_nothing() -> None:
    signature = KEY.sign(b"oui")
    assert KEY.public.verifies(signature, b"oui")
    for other in (b"", signature[:-1], signature + b"\x00"):
        assert not KEY.public.verifies(other, b"oui")


def test_a_signature_has_no_second_form() -> None:
    """S + L would verify too where a library forgets RFC 8032 § 5.1.7, and give one event two digests."""
    order = 2**252 + 27742317777372353535851937790883648493
    signature = KEY.sign(b"oui")
    shifted = int.from_bytes(signature[32:], "little") + order
    assert not KEY.public.verifies(signature[:32] + shifted.to_bytes(32, "little"), b"oui")


def test_a_key_survives_its_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "finances.pem"
    path.parent.mkdir()
    path.touch(mode=0o666)
    KEY.save(path, b"phrase")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert SigningKey.load("finances", path, b"phrase").key_id == KEY.key_id
    for wrong in (b"autre", None):
        with pytest.raises(KeyMalformed):
            SigningKey.load("finances", path, wrong)


def test_a_key_of_another_kind_or_no_key_is_refused(tmp_path: Path) -> None:
    other = X25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for content in (other, b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"):
        (tmp_path / "key.pem").write_bytes(content)
        with pytest.raises(KeyMalformed):
            SigningKey.load("finances", tmp_path / "key.pem")


def test_a_printed_key_shows_its_public_half_only() -> None:
    assert repr(KEY) == f"SigningKey({KEY.key_id})"
    assert KEY.key_id == f"finances#{GOOD}"
