"""What a manifest says and says otherwise: nothing that people approve goes unseen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.registry.declarations import Declaration, DeclaredOrganisation
from hub.registry.said import Difference, Row, compared, facts, things
from schemas.application import Contacts, Manifest, Peering
from schemas.keys import SigningKey
from schemas.manifest import KeyEntry
from schemas.proof import timestamp
from tests.fakes_application import ROLES, SIRETS, declared, peer_draft

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
OLD, NEW = SigningKey.generate("opsi.example"), SigningKey.generate("opsi.example")
PEERING = {"kind": "activitypub", "cavage": False, "networks": ["10.0.0.0/8"], "anchor": OLD.public.multibase}
CONTACTS = {role: {"name": "Camille Roux", "mailbox": f"{role}@ministere.example"} for role in ROLES}


def manifest(**changes: Any) -> Manifest:
    return Manifest.strictly(peer_draft(OLD, now=NOW, **{"peering": PEERING, **changes}))


def differing(before: Manifest | Declaration, after: Manifest | Declaration, *known: KeyEntry) -> list[Row]:
    return [row for row in compared(before, after, known, NOW) if row.difference is not Difference.SAME]


CHANGES: dict[str, dict[str, Any]] = {
    "organisation.name": {"organisation": {"name": "Autre", "siret": SIRETS[0]}},
    "organisation.siret": {"organisation": {"name": "Ministère opsi.example", "siret": SIRETS[1]}},
    "platform": {"platform": "mastodon"},
    "endpoints": {"endpoints": [{"kind": "activitypub", "url": "https://ailleurs.example/"}]},
    "keys": {"keys": [declared(OLD, NOW), declared(NEW, NOW)]},
    "keys.custody": {"keys": [declared(OLD, NOW) | {"custody": "operator"}]},
    "keys.valid_until": {"keys": [declared(OLD, NOW) | {"validUntil": timestamp(NOW + timedelta(days=30))}]},
    "keys.valid_from": {"keys": [declared(OLD, NOW) | {"validFrom": timestamp(NOW + timedelta(days=3))}]},
    "data_classes": {"dataClasses": ["identity", "messages", "files"]},
    "charter": {"charter": "2027-1"},
    "issued": {"issued": timestamp(NOW + timedelta(days=1))},
    "expires": {"expires": timestamp(NOW + timedelta(days=700))},
    "peering.kind": {"peering": PEERING | {"kind": "traitdunion"}},
    "peering.cavage": {"peering": PEERING | {"cavage": True}},
    "peering.networks": {"peering": PEERING | {"networks": ["10.0.0.0/8", "192.168.0.0/16"]}},
    "peering.anchor": {"peering": PEERING | {"anchor": NEW.public.multibase}},
    **{f"contacts.{role}": {"contacts": CONTACTS | {role: {"name": "Camille Roux", "mailbox": "x@ailleurs.example"}}} for role in ROLES},
}


@pytest.mark.parametrize("what", CHANGES)
def test_whatever_a_later_manifest_says_otherwise_is_told(what: str) -> None:
    assert differing(manifest(), manifest(**CHANGES[what]))
    assert differing(manifest(**CHANGES[what]), manifest())


def test_every_field_of_a_manifest_is_among_what_is_told() -> None:
    told = {what.partition(".")[0] for what in CHANGES}
    assert told == set(Manifest.model_fields) - {"type", "kind", "id"}  # these three are the dossier's own name
    for part, of in (("peering", Peering), ("contacts", Contacts)):
        assert {what.partition(".")[2] for what in CHANGES if what.startswith(part)} == set(of.model_fields)


def test_what_differs_is_added_removed_or_changed_and_the_rest_is_the_same() -> None:
    after = manifest(keys=[declared(NEW, NOW)], peering=PEERING | {"cavage": True, "networks": ["172.16.0.0/12"]})
    rows = differing(manifest(), after, KeyEntry(id=OLD.key_id, multibase=OLD.public.multibase, active_from=NOW))
    told = {(row.label, row.difference.value) for row in rows}
    assert told == {
        ("Signature", "changed"), ("Réseau privé permis", "added"), ("Réseau privé permis", "removed"), ("Clé", "added"), ("Clé", "removed"),
    }  # fmt: skip
    assert [row.note for row in rows if row.label == "Clé"] == ["", "au registre : active"]  # a manifest that drops a key revokes nothing
    assert not differing(manifest(), manifest())


def test_a_server_that_was_declared_and_signs_at_last_is_compared_too() -> None:
    before = Declaration(authority="opsi.example", organisation=DeclaredOrganisation(name="OPSI"), cavage=True, issued=NOW)
    told = {row.label: row.difference.value for row in differing(before, manifest())}
    assert (told["Organisme"], told["Signature"], told["Réseau privé permis"], told["Clé"]) == ("changed", "changed", "added", "added")
    assert list(facts(things(before))) == ["Organisme", "Signature", "Établi le"]
