"""The announcement of a key: both keys sign it, and nothing else is believed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.actor_keys import rsa_multikey
from schemas.documents import sign_document
from schemas.keys import SigningKey
from schemas.manifest import Custody
from schemas.rotation import RotationRefused, announce, read
from schemas.rsa_keys import RsaSigningKey

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OLD, NEW, THIEF = (SigningKey.generate("wifip") for _ in range(3))
RSA = rsa_multikey(RsaSigningKey.generate("hub.example", 2048).public)
GOOD = announce(OLD, NEW, Custody.ORGANISATION, NOW)


def refused(unverified: bytes) -> str:
    with pytest.raises(RotationRefused) as refusal:
        read(unverified)
    return refusal.value.reason


def resigned(change: dict[str, Any], inner: SigningKey, outer: SigningKey) -> bytes:
    said = json.loads(GOOD)["rotation"]
    said = {name: member for name, member in said.items() if name != "proof"} | change
    document = {"type": "TraitDUnionKeyRotation", "rotation": sign_document(said, inner, NOW)}
    return json.dumps(sign_document(document, outer, NOW)).encode()


def test_both_keys_stand_behind_an_announcement() -> None:
    said = read(GOOD)
    assert (said.node, said.old, said.new, said.custody) == ("wifip", OLD.public.multibase, NEW.public.multibase, Custody.ORGANISATION)


def test_a_servers_next_pair_names_its_rsa_half_too() -> None:
    old, new = (key.acting_for("hub.example") for key in (OLD, NEW))
    said = read(announce(old, new, Custody.OPERATOR, NOW, RSA))
    assert (said.node, said.new, said.rsa) == ("hub.example", NEW.public.multibase, RSA)
    assert read(GOOD).rsa == ""


@pytest.mark.parametrize(
    ("forged", "reason"),
    [
        (resigned({}, NEW, THIEF), "rotation_signature_invalid"),
        (resigned({}, THIEF, OLD), "rotation_signature_invalid"),
        (resigned({"new": THIEF.public.multibase}, NEW, OLD), "rotation_signature_invalid"),
        (resigned({"node": "education"}, NEW, OLD), "rotation_signature_invalid"),
        (resigned({"new": OLD.public.multibase}, OLD, OLD), "rotation_malformed"),
        (resigned({"custody": "voisin"}, NEW, OLD), "rotation_malformed"),
        (resigned({"type": "Autre"}, NEW, OLD), "rotation_malformed"),
        (resigned({"rsa": OLD.public.multibase}, NEW, OLD), "rotation_malformed"),
        (resigned({"rsa": 7}, NEW, OLD), "rotation_malformed"),
        (GOOD.replace(b'"custody":"organisation"', b'"custody":"operator"'), "rotation_signature_invalid"),
        (json.dumps(json.loads(GOOD)["rotation"]).encode(), "rotation_malformed"),
    ],
)
def test_an_announcement_by_anybody_else_is_refused(forged: bytes, reason: str) -> None:
    assert refused(forged) == reason


@given(st.binary(max_size=200) | st.sampled_from([b"null", b"[]", b'{"rotation":[]}', b'{"rotation":{"node":1}}']))
def test_whatever_comes_is_refused_by_name(body: bytes) -> None:
    assert refused(body) == "rotation_malformed"
