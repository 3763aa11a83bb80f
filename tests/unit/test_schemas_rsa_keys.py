"""RSA keys of others and our own: what is read, what is refused, what never shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from schemas.keys import KeyMalformed
from schemas.rsa_keys import RsaPublicKey, RsaSigningKey
from tests.fakes_peers import BOVINE, INES, ed25519_key, rsa_key

if TYPE_CHECKING:
    from pathlib import Path

KEY = rsa_key()
PEM = KEY.public_pem


def numbers(bits: int, exponent: int = 65537) -> rsa.RSAPublicKey:
    """A public key of that length, whose modulus nobody has the factors of."""
    return rsa.RSAPublicNumbers(exponent, (1 << (bits - 1)) | 1).public_key()


def spki(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> str:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def test_both_writings_of_a_public_key_are_the_same_key() -> None:
    pkcs1 = KEY.public._key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1).decode()
    assert "BEGIN RSA PUBLIC KEY" in pkcs1
    for read in (
        RsaPublicKey.of(PEM),
        RsaPublicKey.of(pkcs1),
        RsaPublicKey.of(PEM.replace("\n", "\r\n")),
        RsaPublicKey.of_pkcs1(KEY.public.pkcs1),
    ):
        assert read.pem == PEM
        assert read.verifies(KEY.sign(b"Bonjour"), b"Bonjour")


def test_a_signature_is_that_of_the_message_and_as_long_as_the_modulus() -> None:
    signature = KEY.sign(b"Bonjour")
    assert signature == KEY.sign(b"Bonjour")
    assert len(signature) == 256
    for wrong, message in ((signature, b"Bonsoir"), (signature[:-1], b"Bonjour"), (b"\0" + signature, b"Bonjour"), (b"", b"Bonjour")):
        assert not KEY.public.verifies(wrong, message)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (numbers(1024), "1024 bits"),
        (numbers(2047), "2047 bits"),
        (numbers(8193), "8193 bits"),
        (numbers(2048, 2**32 + 1), "exponent"),
        (ec.generate_private_key(ec.SECP256R1()).public_key(), "not an RSA key"),
    ],
)
def test_weak_and_absurd_keys_are_refused_by_name(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey, said: str) -> None:
    with pytest.raises(KeyMalformed, match=said):
        RsaPublicKey.of(spki(key))


@pytest.mark.parametrize("bits", [2048, 8192])
def test_the_limits_themselves_are_taken(bits: int) -> None:
    assert RsaPublicKey.of(spki(numbers(bits, 3))).algorithm == "rsa-v1_5-sha256"


@pytest.mark.parametrize("exponent", [1, 2, 4, 65536])
def test_an_exponent_that_hides_nothing_is_refused(exponent: int) -> None:
    modulus, written = KEY.public.pkcs1[4:265], exponent.to_bytes(3).lstrip(b"\0")
    body = modulus + bytes([2, len(written)]) + written
    assert KEY.public.pkcs1[:4] + modulus + b"\x02\x03\x01\x00\x01" == KEY.public.pkcs1
    with pytest.raises(KeyMalformed):
        RsaPublicKey.of_pkcs1(b"\x30\x82" + len(body).to_bytes(2) + body)


@pytest.mark.parametrize(
    "pem",
    [
        "",
        "secret",
        BOVINE["private_pem"],
        PEM + PEM,
        "Voici ma clé\n" + PEM,
        PEM.replace("MII", "AAA"),
        PEM[:-30],
        PEM.replace("\n", "\n\n" * 3000),
        spki(KEY.public._key).replace("A", "é", 1),
    ],
)
def test_anything_else_is_refused_without_being_shown(pem: str) -> None:
    with pytest.raises(KeyMalformed) as raised:
        RsaPublicKey.of(pem)
    assert "secret" not in str(raised.value)


def test_a_key_is_kept_encrypted_and_opens_with_its_passphrase_alone(tmp_path: Path) -> None:
    path = tmp_path / "cles" / "federation-rsa.pem"
    KEY.save(path, b"phrase")
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"ENCRYPTED" in path.read_bytes()
    assert RsaSigningKey.load(INES, path, b"phrase").public_pem == PEM
    for passphrase in (None, b"autre"):
        with pytest.raises(KeyMalformed):
            RsaSigningKey.load(INES, path, passphrase)


def test_only_an_rsa_key_is_loaded_and_only_a_strong_one_is_held(tmp_path: Path) -> None:
    ed25519_key().save(tmp_path / "ed25519.pem")
    with pytest.raises(KeyMalformed):
        RsaSigningKey.load(INES, tmp_path / "ed25519.pem")
    with pytest.raises(KeyMalformed, match="1024"):
        RsaSigningKey.generate(INES, 1024)


def test_one_pair_signs_for_every_actor_of_a_server() -> None:
    other = KEY.acting_for("https://porte.example/groups/ateliers")
    assert other.key_id == "https://porte.example/groups/ateliers#main-key"
    assert other.sign(b"Bonjour") == KEY.sign(b"Bonjour")
    again = ed25519_key().acting_for(other.owner)
    assert again.key_id == f"{other.owner}#{ed25519_key().public.multibase}"


def test_no_private_key_shows_where_it_is_printed() -> None:
    assert repr(KEY) == f"RsaSigningKey({INES}#main-key)"
    assert "object at" not in repr(KEY.public)
