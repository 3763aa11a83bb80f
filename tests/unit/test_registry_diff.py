"""What a registry says otherwise than the one before, in French."""

from __future__ import annotations

from schemas.manifest import Registry, issue
from schemas.proof import timestamp
from schemas.registry_diff import differences
from tests.fakes_schemas import DAY, EDUCATION, FINANCES, HUB, NOW, key_entry, node_entry, registry, registry_document

OPSI = {"authority": "opsi.example", "name": "OPSI", "kind": "traitdunion", "grade": "full"}


def told(**changes: object) -> list[str]:
    after = Registry.open(issue(registry_document(**changes), HUB, NOW), HUB.public.multibase, NOW)
    return differences(registry().document, after.document)


def test_nothing_is_told_of_what_was_only_signed_again() -> None:
    assert told(version=9, expires=timestamp(NOW + 9 * DAY)) == []


def test_grades_keys_and_who_left_or_came_are_told() -> None:
    revoked = node_entry(FINANCES, grade="suspended", keys=[key_entry(FINANCES, revokedAt=NOW)])
    assert told(nodes=[revoked], peers=[OPSI]) == [
        "nœud education : n’y est plus",
        "nœud finances : admis → suspendu",
        f"clé {FINANCES.key_id} : changée, révoquée le 2026-03-02 09:30:00Z",
        "serveur pair opsi.example : nouveau, OPSI, traitdunion, admis",
    ]
    before = Registry.open(issue(registry_document(nodes=[], peers=[OPSI]), HUB, NOW), HUB.public.multibase, NOW).document
    assert differences(before, registry().document)[0] == "nœud finances : nouveau, Finances, discourse, admis"
    assert differences(before, registry().document)[-1] == "serveur pair opsi.example : n’y est plus"
    renamed = [node_entry(FINANCES, organisation="Économie"), node_entry(EDUCATION)]
    assert told(nodes=renamed) == ["nœud finances : organisation « Finances » → « Économie »"]


def test_another_end_of_a_manifest_is_told() -> None:
    renewed = [{**node_entry(FINANCES), "manifestExpires": timestamp(NOW + DAY)}, node_entry(EDUCATION)]
    assert told(nodes=renewed) == ["nœud finances : manifeste valable jusqu’au 2026-03-03 09:30:00Z (sans fin auparavant)"]


def test_the_keys_of_the_peers_door_are_told_too() -> None:
    key = {"id": "federation#z6MkNouvelle", "publicKeyMultibase": "z6MkNouvelle", "activeFrom": timestamp(NOW)}
    assert told(federation=[key]) == ["clé federation#z6MkNouvelle : nouvelle, active dès 2026-03-02 09:30:00Z"]
