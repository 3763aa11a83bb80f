"""Every process that reads a private key in clear says so when it starts, and starts; of one that is encrypted it says nothing."""

from __future__ import annotations

import base64
import functools
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization

from schemas.keys import SigningKey
from schemas.rsa_keys import RsaSigningKey
from tests.fakes_streams import Streams, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOWHERE = "127.0.0.1:1"
SIGNS = {"receipts": ("worker", "receipts"), "relay": ("relay",), "site": ("site",)}
FEDERATES = {"peer-door": ("peer-door",), "courier": ("courier",)}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Streams]:
    """Processes without their servers: what they say of keys comes before they look for any."""
    made = Streams(NOWHERE, f"postgresql://{NOWHERE}/nowhere", "", tmp_path)
    made.environment |= {
        "TRAITDUNION_SITE_PORT": "0",
        "TRAITDUNION_FEDERATION_URL": "http://127.0.0.1:1",
        "TRAITDUNION_FEDERATION_PORT": "0",
        "TRAITDUNION_FEDERATION_KEY": str(tmp_path / "federation.pem"),
        "TRAITDUNION_FEDERATION_RSA_KEY": str(tmp_path / "federation-rsa.pem"),
    }
    yield made
    made.discard()


@pytest.mark.long
async def test_a_process_that_reads_a_key_in_clear_names_its_file_once_and_does_not_show_it(hub: Streams, tmp_path: Path) -> None:
    key = SigningKey.generate("hub")
    for name in ("hub.pem", "federation.pem", "hub.pem.next"):
        key.save(tmp_path / name)
    RsaSigningKey.generate("hub", 2048).save(tmp_path / "federation-rsa.pem", b"phrase")
    phrase = {"TRAITDUNION_FEDERATION_PASSPHRASE": "phrase"}  # with which the key in clear opens too
    started = {name: hub.start(name, "-m", "hub", *words, **phrase) for name, words in {**SIGNS, **FEDERATES}.items()}
    raw = key._private.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    for name, process in started.items():
        files = ["hub.pem", "hub.pem.next"] if name in SIGNS else ["federation.pem"]
        await until(functools.partial(process.said, "key_in_clear"))
        told = [(line["whose"], line["path"], line["level"]) for line in process.said("key_in_clear")]
        assert told == [("hub" if name in SIGNS else "federation", str(tmp_path / file), "warning") for file in files], name
        assert base64.b64encode(raw[-32:]).decode()[:20] not in process.log.read_text()
        assert not [line for line in process.said("start_refused") if line.get("missing")]


async def test_a_process_whose_keys_are_encrypted_says_nothing_of_them(hub: Streams, tmp_path: Path) -> None:
    SigningKey.generate("hub").save(tmp_path / "hub.pem", b"phrase")
    relay = hub.start("relay", "-m", "hub", "relay", TRAITDUNION_SIGNING_PASSPHRASE="phrase")
    await relay.ended()
    assert relay.said("relay_ends")
    assert not relay.said("key_in_clear")
