"""The vault of docker-compose.yml: secrets made once, finished after a fall, read by nobody outside our group."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from nacl.public import PrivateKey

from deploy.compose import vault
from deploy.demo import cast
from hub.operations import operators_key
from schemas.keys import SigningKey, lies_in_clear
from schemas.rsa_keys import RsaSigningKey
from tests.fakes_compose import services

if TYPE_CHECKING:
    from pathlib import Path


ALL = services()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_vault_makes_secrets_once_and_none_of_them_twice(tmp_path: Path) -> None:
    words = [*ALL["vault"].commands[0][3:], f"--folder={tmp_path}"]
    vault.main(words)
    made = contents(tmp_path)
    vault.main(words)
    assert contents(tmp_path) == made
    shared = [list(group) for _, group in groupby(sorted(made, key=lambda name: made[name]), key=lambda name: made[name])]
    twice = sorted(names for names in shared if len(names) > 1)
    assert twice == [["hub/operator-token", "metrics/operator-token"]]


def test_a_vault_that_was_cut_short_is_finished_without_changing_what_is_there(tmp_path: Path) -> None:
    words = [*ALL["vault"].commands[0][3:], f"--folder={tmp_path}"]
    vault.main(words)
    made = contents(tmp_path)
    derived = [name for name in made if not re.search(r"\.pem$|password|passphrase|secret|token", name) or name.startswith("public/")]
    derived = [name for name in derived if not name.endswith(".json")]  # a manifest is dated: a new one would be another application
    for name in derived:
        (tmp_path / name).unlink()
    vault.main(words)
    assert contents(tmp_path) == made


def test_no_private_key_lies_in_clear_nor_beside_what_opens_it(tmp_path: Path) -> None:
    vault.main([*ALL["vault"].commands[0][3:], f"--folder={tmp_path}"])
    keys = [path for path in tmp_path.rglob("*.pem") if b"PRIVATE KEY" in path.read_bytes()]
    assert len(keys) == 4 + len(cast.MINISTRIES)
    for path in keys:
        assert not lies_in_clear(path), path
        phrase = tmp_path / f"phrase-{path.parent.name}" / "passphrase"
        load_pem_private_key(path.read_bytes(), phrase.read_bytes().strip())
    assert not list(tmp_path.rglob("*.hex"))


def test_a_vault_of_before_has_the_same_keys_encrypted(tmp_path: Path) -> None:
    """One that left them in clear, without any passphrase."""
    words = [*ALL["vault"].commands[0][3:], f"--folder={tmp_path}"]
    node, rsa, operators = SigningKey.generate("wifip"), RsaSigningKey.generate("federation", 2048), PrivateKey.generate()
    node.save(tmp_path / "wifip" / "node.pem")
    rsa.save(tmp_path / "peers" / "federation-rsa.pem")
    operators_key.write_in_clear(operators, tmp_path / "operators" / "operators.hex")
    vault.main(words)
    assert not list(filter(lies_in_clear, tmp_path.rglob("*.pem")))
    assert not list(tmp_path.rglob("*.hex"))
    phrases = {name: (tmp_path / f"phrase-{name}" / "passphrase").read_bytes().strip() for name in ("wifip", "peers")}
    assert SigningKey.load("wifip", tmp_path / "wifip" / "node.pem", phrases["wifip"]).key_id == node.key_id
    assert RsaSigningKey.load("federation", tmp_path / "peers" / "federation-rsa.pem", phrases["peers"]).public_pem == rsa.public_pem
    assert (tmp_path / "public" / "operators-key").read_text().strip() == bytes(operators.public_key).hex()


def test_secrets_are_read_by_nobody_outside_our_group(tmp_path: Path) -> None:
    vault.main([*ALL["vault"].commands[0][3:], f"--folder={tmp_path}"])
    modes = {str(path.relative_to(tmp_path)): path.stat().st_mode & 0o777 for path in tmp_path.rglob("*") if path.is_file()}
    assert set(modes.values()) == {0o600, 0o640}
    keys = {
        name
        for name in modes
        if name.endswith((".pem", "passphrase", "words", "instances.yaml", "registration.yaml")) and "public/" not in name
    }
    assert {modes[name] for name in keys} == {0o600}


def test_a_vault_that_misses_an_address_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        vault.main([f"--folder={tmp_path}", "--postgres=p:1", "--rse=wifip=http://r"])
    assert "wifip" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
