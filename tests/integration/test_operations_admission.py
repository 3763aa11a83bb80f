"""Commands by which nodes, peers and people come in, are lowered, and go."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from hub import bootstrap
from schemas.keys import SigningKey
from schemas.manifest import Registry
from tests import fakes_hub
from tests.fakes_commands import ANNE, BAKARY, admitted, applying, run

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


def test_a_node_from_its_application_to_its_revoked_key(hub: Path, people: Callable[[str], None]) -> None:
    key = SigningKey.generate("wifip")
    path = applying(hub, key)
    assert "candidat" in run("nodes", "apply", path).output
    people(ANNE)
    assert "1 approbation sur 2" in run("nodes", "approve", "wifip", "--manifest", path).output
    assert "Vous l'avez déjà approuvé" in run("nodes", "approve", "wifip", "--manifest", path).output
    assert run("registry", "show").exit_code == 1
    people(BAKARY)
    assert "est admis" in run("nodes", "approve", "wifip", "--manifest", path).output
    anchor = run("registry", "anchor").output.strip()
    opened = Registry.open(run("registry", "show").output.strip().encode(), anchor, fakes_hub.NOW)
    assert opened.node("wifip") is not None
    assert [node["grade"] for node in json.loads(run("nodes", "list", "--json").output)] == ["full"]
    assert run("nodes", "suspend", "wifip", "--reason", "essai").exit_code == 0
    assert run("nodes", "revoke-key", "wifip", key.public.multibase).exit_code == 0
    registry = json.loads(run("registry", "show").output)
    assert registry["version"] == 3
    assert "revokedAt" in registry["nodes"][0]["keys"][0]
    shown = run("nodes", "show", "wifip").output
    for said in (
        "suspendu",
        "raison : essai",
        "Anne Lefort (DINUM)",
        "clé chez le ministère",
        "révoquée",
        "hub:token",
        "rssi@ministere.example",
    ):
        assert said in shown
    (act, *_) = [one for one in json.loads(run("nodes", "show", "wifip", "--json").output)["acts"] if one["kind"] == "key_revoked"]
    assert act["attestation"]["by"]["name"] == "Bakary Diop"


def test_who_approves_by_a_command_says_which_application_she_has_read(hub: Path, people: Callable[[str], None]) -> None:
    path = applying(hub, SigningKey.generate("wifip"))
    run("nodes", "apply", path)
    people(ANNE)
    unread = run("nodes", "approve", "wifip")
    assert (unread.exit_code, "Une candidature attend : lisez-la" in unread.output) == (1, True)
    read = json.loads(run("nodes", "show", "wifip", "--json").output)["waiting"]["digest"]
    assert read in run("nodes", "show", "wifip").output
    for part in (read[:12], "absent.json"):
        assert "ni une empreinte" in run("nodes", "approve", "wifip", "--manifest", part).output
    said = json.loads(Path(path).read_text()) | {"platform": "matrix"}
    Path(path).write_text(json.dumps(said))
    run("manifest", "sign", path, "--key", str(hub / "node.pem"))
    run("nodes", "apply", path)
    for words in (("approve", "wifip"), ("refuse", "wifip", "--reason", "x")):
        changed = run("nodes", *words, "--manifest", read)
        assert (changed.exit_code, "Cette candidature a changé depuis que vous l'avez lue" in changed.output) == (1, True)
    assert "1 approbation sur 2" in run("nodes", "approve", "wifip", "--manifest", path).output


def test_a_manifest_that_ended_is_said_wherever_its_node_is_listed(
    hub: Path, people: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    admitted(hub, SigningKey.generate("wifip"), people)
    (listed,) = json.loads(run("nodes", "list", "--json").output)
    end = datetime.fromisoformat(listed["manifest_expires"])
    for days, said in ((-31, ""), (-29, "manifeste bientôt expiré"), (0, "manifeste expiré")):
        monkeypatch.setattr(bootstrap, "clock", lambda days=days: end + timedelta(days=days))
        shown = run("nodes", "list").output
        assert [word for word in ("manifeste bientôt expiré", "manifeste expiré") if word in shown] == ([said] if said else [])
    assert "manifeste expiré (jusqu'au" in run("nodes", "show", "wifip").output
    run("nodes", "suspend", "wifip", "--reason", "essai")
    assert "Son manifeste a expiré" in run("nodes", "approve", "wifip").output


def test_a_node_is_lowered_to_observer_and_raised_again(hub: Path, people: Callable[[str], None]) -> None:
    admitted(hub, SigningKey.generate("wifip"), people)
    assert "redevient observateur par « lower »" in run("nodes", "approve", "wifip", "--grade", "observer").output
    assert "1 approbation sur 2" in run("nodes", "lower", "wifip", "--reason", "En attendant leur RSSI").output
    people(ANNE)
    assert "wifip est observateur." in run("nodes", "lower", "wifip", "--reason", "En attendant leur RSSI").output
    assert "rien à faire" in run("nodes", "lower", "wifip", "--reason", "encore").output
    assert json.loads(run("registry", "show").output)["nodes"][0]["grade"] == "observer"
    assert "raison : En attendant leur RSSI" in run("nodes", "show", "wifip").output
    run("nodes", "approve", "wifip")
    people(BAKARY)
    assert "wifip est admis." in run("nodes", "approve", "wifip").output


def test_a_node_that_applies_again_as_somebody_else_is_refused(hub: Path) -> None:
    key = SigningKey.generate("wifip")
    run("nodes", "apply", applying(hub, key))
    again = run("nodes", "apply", applying(hub, SigningKey.generate("wifip")))
    assert (again.exit_code, again.output.strip()) == (1, "Un nœud « wifip » s'est déjà présenté, par d'autres clés, ou est parti.")
    (listed,) = json.loads(run("nodes", "list", "--json").output)
    assert listed["keys"] == [key.key_id]


def test_a_person_is_listed_without_her_token_and_acts_no_more_once_revoked(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    added = run("people", "add", "--name", "Chloé Martin", "--organisation", "DINUM", "--siret", "00000100600014")
    token = added.output.strip()
    assert token.startswith("tdu-")
    (listed,) = json.loads(run("people", "list", "--json").output)
    assert token not in run("people", "list").output
    assert run("people", "revoke", listed["id"]).exit_code == 0
    assert "Personne n'agit" in run("people", "revoke", listed["id"]).output
    run("nodes", "apply", applying(hub, SigningKey.generate("wifip")))
    assert "Qui agit ?" in run("nodes", "approve", "wifip").output
    monkeypatch.setenv("TRAITDUNION_PERSON_TOKEN", token)
    assert "n'agit plus" in run("nodes", "approve", "wifip").output


def test_a_manifest_is_checked_and_signed_again_and_every_fault_is_told(hub: Path) -> None:
    key = SigningKey.generate("wifip")
    path = Path(applying(hub, key))
    assert "convient" in run("manifest", "check", str(path)).output
    said = json.loads(path.read_text())
    said["organisation"]["siret"] = "00000100100016"
    del said["contacts"]["rssi"]
    path.write_text(json.dumps(said))
    wrong = run("manifest", "check", str(path))
    assert wrong.exit_code == 1
    for reason in ("organisation_siret_checksum", "contacts_rssi_missing", "proof_invalid"):
        assert f"[{reason}]" in wrong.output
    resigned = run("manifest", "sign", str(path), "--key", str(hub / "node.pem"))
    assert "proof_invalid" not in resigned.output
    assert "contacts_rssi_missing" in resigned.output


def test_a_peer_applies_is_admitted_and_is_no_node(hub: Path, people: Callable[[str], None]) -> None:
    path = applying(hub, SigningKey.generate("opsi.example"), "--kind", "peer", "--server", "activitypub", "--cavage")
    assert "serveur pair" in run("nodes", "apply", path).output
    assert "candidat" in run("peers", "apply", path).output
    for file in (ANNE, BAKARY):
        people(file)
        run("peers", "approve", "opsi.example", "--grade", "observer", "--manifest", path)
    assert "observateur" in run("peers", "acts", "opsi.example").output
    assert "est suspendu" in run("peers", "suspend", "opsi.example", "--reason", "panne").output
    assert "1 approbation sur 2" in run("peers", "depart", "opsi.example", "--reason", "fin").output
    assert "Aucune candidature" in run("peers", "refuse", "opsi.example", "--reason", "x").output


def test_a_server_that_signs_no_manifest_is_declared(hub: Path, people: Callable[[str], None]) -> None:
    del hub
    people(ANNE)
    words = ("peers", "declare", "Social.example", "--organisation", "OPSI", "--reason", "Mastodon n'en signe pas.")
    for option, wrong in (("--siret", "12345678901234"), ("--network", "10.0.0.1/8")):
        refused = run(*words, option, wrong)
        assert (refused.exit_code, option in refused.output) == (1, True)
    assert "deux fois" in run(*words, "--cavage", "--network", "10.2.0.0/16").output
    assert "rien à faire" in run(*words, "--cavage", "--network", "10.2.0.0/16").output
    shown = run("peers", "acts", "social.example").output
    for said in ("déclaré par la fédération, sans manifeste signé", "draft-cavage", "10.2.0.0/16", "Mastodon n'en signe pas."):
        assert said in shown
    assert '"authority": "social.example"' in run("peers", "acts", "social.example", "--json").output
    read = json.loads(run("peers", "acts", "social.example", "--json").output)["waiting"]["digest"]
    for file in (ANNE, BAKARY):
        people(file)
        run("peers", "approve", "social.example", "--manifest", read)
    assert "admis" in run("peers", "acts", "social.example").output
