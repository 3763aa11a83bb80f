"""Commands about keys and the registry that tells them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from nacl.public import PrivateKey, PublicKey, SealedBox

from schemas.keys import SigningKey
from schemas.manifest import issue
from tests import fakes_hub
from tests.fakes_commands import ANNE, BAKARY, admitted, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_a_missing_hub_key_says_which_command_makes_it(hub: Path) -> None:
    (hub / "hub.pem").unlink()
    assert "traitdunion keys generate hub" in run("communities", "open", "c", "--title", "C").output
    made = run("keys", "generate", "hub", str(hub / "hub.pem"), "--clear")
    assert made.stdout.strip() == run("registry", "anchor").output.strip()
    assert (hub / "hub.pem").stat().st_mode & 0o077 == 0
    assert "ne s'écrase pas" in run("keys", "generate", "hub", str(hub / "hub.pem")).output
    assert run("communities", "open", "c", "--title", "C").exit_code == 0


def test_the_operators_pair_seals_and_opens(tmp_path: Path) -> None:
    path = tmp_path / "sealed.key"
    public = run("keys", "generate", "operators", str(path), "--clear").stdout.strip()
    sealed = SealedBox(PublicKey(bytes.fromhex(public))).encrypt(b"corps")
    assert SealedBox(PrivateKey(bytes.fromhex(path.read_text().strip()))).decrypt(sealed) == b"corps"
    assert path.stat().st_mode & 0o077 == 0


def test_a_registry_is_compared_and_verified_offline(hub: Path, people: Callable[[str], None]) -> None:
    admitted(hub, SigningKey.generate("wifip"), people)
    assert run("nodes", "suspend", "wifip", "--reason", "essai").exit_code == 0
    assert "nœud wifip : admis → suspendu" in run("registry", "diff", "1", "2").output
    assert "Aucune version 9" in run("registry", "diff", "1", "9").output
    anchor, first, second = run("registry", "anchor").output.strip(), hub / "1.json", hub / "2.json"
    first.write_text(run("registry", "show", "--version", "1").output)
    second.write_text(run("registry", "show").output)
    (hub / "anchor").write_text(anchor + "\n")
    assert run("registry", "verify", str(second), "--anchor", str(hub / "anchor"), "--after", str(first)).exit_code == 0
    assert run("registry", "diff", str(first), str(first)).output.endswith("Rien d'autre que les dates.\n")
    back = run("registry", "verify", str(first), "--anchor", anchor, "--after", str(second))
    assert (back.exit_code, "registry_rolled_back" in back.output) == (4, True)
    other = run("registry", "verify", str(first), "--anchor", SigningKey.generate("hub").public.multibase)
    assert (other.exit_code, "registry_anchor_unknown" in other.output) == (1, True)
    old = json.loads(second.read_text()) | {"expires": "2026-01-01T00:00:00.000Z"}
    second.write_bytes(
        issue({name: said for name, said in old.items() if name != "proof"}, SigningKey.load("hub", hub / "hub.pem"), fakes_hub.NOW)
    )
    assert run("registry", "verify", str(second), "--anchor", anchor).exit_code == 3


def test_a_key_is_announced_by_the_ministry_and_taken_by_the_operator(hub: Path, people: Callable[[str], None]) -> None:
    key = SigningKey.generate("wifip")
    admitted(hub, key, people)
    word, out = (
        ("keys", "announce", "wifip", "--key", str(hub / "node.pem"), "--out", str(hub / "annonce.json"), "--clear"),
        str(hub / "annonce.json"),
    )
    assert "node.pem.next suivra" in run(*word).output
    beside = SigningKey.load("wifip", hub / "node.pem.next")
    assert run(*word).exit_code == 0  # an announcement that was lost names the same key again
    assert SigningKey.load("wifip", hub / "node.pem.next").key_id == beside.key_id
    assert "sera active le" in run("keys", "rotate", out, "--lead", "0", "--overlap", "1").output
    assert "Cette clé est déjà connue." in run("keys", "rotate", out).output
    shown = run("nodes", "show", "wifip").output
    assert f"clé {beside.key_id} : active" in shown
    assert f"clé {key.key_id} : bientôt retirée" in shown
    assert "clé relayée" in shown
    (hub / "annonce.json").write_text("{}")
    assert "rotation_malformed" in run("keys", "rotate", out).output
    assert "dans le futur" in run("keys", "compromised", "wifip", key.public.multibase, "--since", "2100-01-01").output
    assert "est douteux" in run("keys", "compromised", "wifip", key.public.multibase, "--since", "2026-01-01").output
    assert "compromisedSince" in run("registry", "show").output


def test_the_pair_by_which_we_sign_for_other_servers_is_followed_by_another(
    hub: Path, people: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    key, rsa, out = hub / "federation.pem", hub / "federation-rsa.pem", str(hub / "annonce.json")
    said = {"URL": "https://hub.example", "KEY": str(key), "RSA_KEY": str(rsa), "PASSPHRASE": "une phrase"}
    for name, value in said.items():
        monkeypatch.setenv(f"TRAITDUNION_FEDERATION_{name}", value)
    assert "ne se fédère" in run("keys", "list").output
    assert "introuvable" in run("keys", "announce-pair", "--out", out).output
    anchor = run("keys", "generate", "federation", str(key)).output.strip()
    run("keys", "generate", "federation-rsa", str(rsa))
    monkeypatch.setenv("TRAITDUNION_FEDERATION_ANCHOR", anchor)
    assert [one["state"] for one in json.loads(run("keys", "list", "--json").output)] == ["signing"]
    assert "suivront" in run("keys", "announce-pair", "--out", out).output
    assert b"ENCRYPTED" in (hub / "federation-rsa.pem.next").read_bytes()
    people(ANNE)
    assert "sera active le" in run("keys", "rotate", out).output
    assert "Cette clé est déjà connue." in run("keys", "rotate", out).output
    listed = json.loads(run("keys", "list", "--json").output)
    assert [(one["key"] == anchor, one["state"]) for one in listed] == [(True, "signing"), (False, "next")]
    assert {anchor, "suivra"} <= set(run("keys", "list").output.replace("│", " ").split())
    assert f"federation#{listed[1]['key']}" in run("registry", "show").output
    monkeypatch.setenv("TRAITDUNION_FEDERATION_PASSPHRASE", "une autre")
    assert "TRAITDUNION_FEDERATION_PASSPHRASE" in run("keys", "announce-pair", "--out", out).output
    assert "est douteux" in run("keys", "compromised", "federation", anchor, "--since", "2026-01-01").output
    assert [one["state"] for one in json.loads(run("keys", "list", "--json").output)] == ["ended", "next"]


def test_an_encrypted_key_is_opened_by_its_passphrase_and_by_nothing_else(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAITDUNION_KEY_PASSPHRASE", "une phrase")
    run("keys", "generate", "node", str(hub / "node.pem"), "--owner", "wifip")
    assert b"ENCRYPTED" in (hub / "node.pem").read_bytes()
    (hub / "m.json").write_text('{"id": "wifip"}')
    signing = ("manifest", "sign", str(hub / "m.json"), "--key", str(hub / "node.pem"))
    assert "La clé ne s'ouvre pas" not in run(*signing).output
    monkeypatch.delenv("TRAITDUNION_KEY_PASSPHRASE")
    refused = run(*signing)
    assert "TRAITDUNION_KEY_PASSPHRASE" in refused.output
    assert "une phrase" not in refused.output


PHRASES = {"hub": "SIGNING", "node": "KEY", "operators": "OPERATORS", "federation": "FEDERATION", "federation-rsa": "FEDERATION"}
"""The setting by which each kind of key is encrypted, without what all of them share."""


@pytest.mark.parametrize(("kind", "name"), PHRASES.items())
def test_a_key_is_written_in_clear_only_where_somebody_says_so(hub: Path, monkeypatch: pytest.MonkeyPatch, kind: str, name: str) -> None:
    setting, path = f"TRAITDUNION_{name}_PASSPHRASE", hub / f"{kind}.cle"
    words = ("keys", "generate", kind, str(path), "--owner", "wifip")
    for empty in (False, True):
        if empty:
            monkeypatch.setenv(setting, "")
        refused = run(*words)
        assert (refused.exit_code, refused.stdout, path.exists()) == (1, "", False)
        for said in (f"{setting}_FILE", "--clear", "[key_in_clear]"):
            assert said in refused.stderr
    made = run(*words, "--clear")
    assert (made.exit_code, made.stderr, b"ENCRYPTED" in path.read_bytes()) == (0, "", False)
    path.unlink()
    monkeypatch.setenv(setting, "une phrase")
    made = run(*words, "--clear")  # it permits, and asks for nothing
    assert (made.exit_code, made.stderr, b"ENCRYPTED" in path.read_bytes()) == (0, "", True)


def test_no_command_makes_the_key_that_follows_in_clear_unless_somebody_says_so(
    hub: Path, people: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    admitted(hub, SigningKey.generate("wifip"), people)
    for kind in ("", "-rsa"):
        monkeypatch.setenv(f"TRAITDUNION_FEDERATION{kind.replace('-', '_').upper()}_KEY", str(hub / f"federation{kind}.pem"))
        assert run("keys", "generate", f"federation{kind}", str(hub / f"federation{kind}.pem"), "--clear").exit_code == 0
    out = ("--out", str(hub / "annonce.json"))
    making = {
        ("registry", "rotate"): "SIGNING",
        ("registry", "replace", "--reason", "perdue"): "SIGNING",
        ("keys", "announce", "wifip", "--key", str(hub / "node.pem"), *out): "KEY",
        ("keys", "announce-pair", *out): "FEDERATION",
        ("keys", "replace-pair", "--reason", "perdue"): "FEDERATION",
    }
    for words, name in making.items():
        refused = run(*words)
        assert (refused.exit_code, list(hub.glob("*.next"))) == (1, []), words
        assert f"TRAITDUNION_{name}_PASSPHRASE_FILE" in refused.stderr, words
        assert "[key_in_clear]" in refused.stderr, words
    for words, name in making.items():
        monkeypatch.setenv(f"TRAITDUNION_{name}_PASSPHRASE", "une phrase")
        run(*words)  # the keys before them lie in clear, and open all the same
    made = {path.name: b"ENCRYPTED" in path.read_bytes() for path in hub.glob("*.next")}
    assert made == {f"{name}.pem.next": True for name in ("hub", "node", "federation", "federation-rsa")}


def test_the_anchor_is_followed_by_another_that_two_people_name(hub: Path, people: Callable[[str], None]) -> None:
    admitted(hub, SigningKey.generate("wifip"), people)
    old, first, second = run("registry", "anchor").output.strip(), hub / "1.json", hub / "2.json"
    first.write_text(run("registry", "show").output)
    people(ANNE)
    assert "1 approbation sur 2" in run("registry", "rotate", "--lead", "0", "--clear").output
    assert "déjà approuvé" in run("registry", "rotate", "--lead", "0", "--clear").output
    people(BAKARY)
    assert "signera le registre dès le" in run("registry", "rotate", "--lead", "0", "--clear").output
    new = SigningKey.load("hub", hub / "hub.pem.next").public.multibase
    listed = json.loads(run("registry", "anchor", "--json").output)
    assert [one["key"] for one in listed] == [old, new]
    assert f"  {new} : suivra" in run("registry", "anchor").output
    second.write_text(run("registry", "show").output)
    assert run("registry", "verify", str(second), "--anchor", old, "--after", str(first)).exit_code == 0
    assert "déjà annoncée" in run("registry", "rotate").output or "déjà connue" in run("registry", "rotate").output
    assert (
        "Le hub n'a pas de clé"
        in run("keys", "compromised", "hub", SigningKey.generate("hub").public.multibase, "--since", "2026-01-01").output
    )
    assert "ne se révoque pas" in run("keys", "compromised", "hub", old, "--since", "2026-01-01").output


def test_an_anchor_that_is_lost_is_replaced_by_two_people(hub: Path, people: Callable[[str], None]) -> None:
    assert "Aucun registre" in run("registry", "replace", "--reason", "perdue", "--clear").output
    admitted(hub, SigningKey.generate("wifip"), people)
    old, document = run("registry", "anchor").output.strip(), hub / "1.json"
    (hub / "hub.pem").unlink()
    people(ANNE)
    assert "1 approbation sur 2" in run("registry", "replace", "--reason", "perdue", "--clear").output
    people(BAKARY)
    assert "en main propre" in run("registry", "replace", "--reason", "perdue", "--clear").output
    (hub / "hub.pem.next").rename(hub / "hub.pem")
    new = run("registry", "anchor").output.splitlines()[0]
    document.write_text(run("registry", "show").output)
    refused = run("registry", "verify", str(document), "--anchor", old)
    assert (refused.exit_code, "registry_anchor_unknown" in refused.output, "de vive voix" in refused.output) == (1, True, True)
    assert run("registry", "verify", str(document), "--anchor", new).exit_code == 0
    assert run("nodes", "suspend", "wifip", "--reason", "essai").exit_code == 0


def test_a_federation_pair_that_nobody_has_is_replaced_by_two_people(
    hub: Path, people: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, files = SigningKey.generate("hub.example"), (hub / "federation.pem", hub / "federation-rsa.pem")
    for name, value in (("URL", "https://hub.example"), ("KEY", str(files[0])), ("RSA_KEY", str(files[1])), ("ANCHOR", "")):
        monkeypatch.setenv(f"TRAITDUNION_FEDERATION_{name}", value)
    people(ANNE)
    assert "ne se fédère avec aucun serveur" in run("keys", "replace-pair", "--reason", "perdue", "--clear").output
    monkeypatch.setenv("TRAITDUNION_FEDERATION_ANCHOR", first.public.multibase)
    assert "Il faut dire pourquoi" in run("keys", "replace-pair", "--reason", " ", "--clear").output
    assert "dans le futur" in run("keys", "replace-pair", "--reason", "volée", "--since", "2100-01-01", "--clear").output
    assert "1 approbation sur 2" in run("keys", "replace-pair", "--reason", "perdue", "--clear").output
    assert "deux personnes différentes" in run("keys", "replace-pair", "--reason", "perdue", "--clear").output
    people(BAKARY)
    done = run("keys", "replace-pair", "--reason", "perdue", "--clear")
    new = SigningKey.load("hub.example", hub / "federation.pem.next").public.multibase
    assert (done.exit_code, f"{new} signe pour d'autres serveurs dès maintenant" in done.output) == (0, True), done.output
    states = {one["key"]: one["state"] for one in json.loads(run("keys", "list", "--json").output)}
    assert states == {first.public.multibase: "ended", new: "signing"}
    assert "Cette clé est déjà connue." in run("keys", "replace-pair", "--reason", "perdue", "--clear").output
    (hub / "federation-rsa.pem.next").write_text("rien")
    assert "ne s'ouvre pas" in run("keys", "replace-pair", "--reason", "perdue", "--clear").output
