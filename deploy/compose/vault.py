"""Makes what the containers must know and nobody else: `python -m deploy.compose.vault`, run once before all others.

One folder for each reader, each a volume of its own: `server` (PostgreSQL), `hub`, `door`, `peerdoor`, `courier`, `peers` (the keys that these two
share), `operators`, `metrics` (Prometheus, Grafana), `public`, and for each ministry its connector's and its twin's. A secret that is there stays; what is derived from secrets is written anew each time.
"""

from __future__ import annotations

import argparse
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from nacl.public import PrivateKey

from deploy.demo import cast, manifests
from deploy.demo.instances import described
from deploy.local.application_service import ApplicationService
from hub.operations import operators_key
from schemas.keys import SigningKey, lies_in_clear
from schemas.rsa_keys import RsaSigningKey

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from deploy.demo.cast import Ministry

HUB = "hub"
DOOR = "door"  # strangers reach it: it has neither the hub's key nor the hub's rights
PEER_DOOR = "peerdoor"  # likewise
COURIER = "courier"  # reached by nobody, it reads what strangers' servers answer
HOST_ACTOR = "federation"
SHARED = 0o640  # our image's group reads it, which a server of another image joins
OWN = 0o600


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where containers find each other: PostgreSQL as host:port; by ministry, its RSE and its connector's gateway as URLs."""

    postgres: str
    rses: Mapping[str, str]
    gateways: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Vault:
    """The folder of folders."""

    folder: Path
    addresses: Addresses

    def fill(self) -> None:
        """Write all that is missing; safe to repeat, and after a start that was cut short."""
        self._kept("server/password")
        self._write("hub/database-url", self._database_url(HUB))
        self._write("door/database-url", self._database_url(DOOR, HUB))
        self._federation()
        token = self._kept("hub/operator-token")
        self._write("metrics/operator-token", token)
        self._kept("metrics/grafana-password")
        self._write("public/anchor", self._signing_key(HUB, "hub/hub.pem").public.multibase)
        self._write("public/operators-key", self._operators())
        for ministry in cast.MINISTRIES:
            self._ministry(ministry)
        owners = [HUB, *(ministry.node for ministry in cast.MINISTRIES)]
        self._write("server/databases.sql", "".join(map(self._database, owners)) + "".join(map(self._role, (DOOR, PEER_DOOR, COURIER))))

    def _federation(self) -> None:
        """The pair of keys that the peers' door and the courier share, and what each of the two alone may read."""
        self._write(f"{PEER_DOOR}/database-url", self._database_url(PEER_DOOR, HUB))
        self._write(f"{COURIER}/database-url", self._database_url(COURIER, HUB))
        self._write("public/federation-anchor", self._signing_key(HOST_ACTOR, "peers/federation.pem").public.multibase)
        path, phrase = self.folder / "peers/federation-rsa.pem", self._phrase("peers")
        if not path.exists() or lies_in_clear(path):  # a vault of before left its keys in clear
            unfinished = path.with_suffix(".new")
            key = RsaSigningKey.load(HOST_ACTOR, path) if path.exists() else RsaSigningKey.generate(HOST_ACTOR)
            key.save(unfinished, phrase)
            unfinished.rename(path)

    def _ministry(self, ministry: Ministry) -> None:
        node = ministry.node
        key = self._signing_key(node, f"{node}/node.pem")
        self._manifest(ministry, key)
        self._write(f"{node}/ledger-url", self._database_url(node))
        webhook, api = self._kept(f"{node}/webhook-secret"), self._kept(f"{node}/api-secret")
        service = ApplicationService(f"{self.addresses.gateways[node]}/webhooks/{node}", as_token=api, hs_token=webhook)
        said = described(
            ministry, self.addresses.rses[node], space_of(ministry), webhook_secret=webhook, api_secret=api,
            signing_key=self.folder / node / "node.pem", signing_passphrase=self.folder / f"phrase-{node}" / "passphrase", service=service,
        )  # fmt: skip
        self._write(f"{node}/instances.yaml", yaml.safe_dump(said, allow_unicode=True), OWN)
        self._twin(ministry, webhook, api, service)

    def _manifest(self, ministry: Ministry, key: SigningKey) -> None:
        """By which it applies; made once, since a newer one would be another application."""
        path = f"public/{ministry.node}.json"
        if not (self.folder / path).exists():
            self._write(path, manifests.signed(ministry, key, datetime.now(UTC)).decode())

    def _twin(self, ministry: Ministry, webhook: str, api: str, service: ApplicationService) -> None:
        """The words that the twin's command line leaves out."""
        folder = f"twin-{ministry.node}"
        if ministry.platform == "matrix":
            service.write(self.folder / folder / "registration.yaml")
            words = ["--password", self._kept(f"{folder}/password")]
        else:
            words = ["--api-key", api] if ministry.platform == "exo" else ["--secret", webhook, "--api-key", api]
        self._write(f"{folder}/words", "\n".join(words), OWN)

    def _database_url(self, role: str, database: str | None = None) -> str:
        """Its own database's, unless another is named."""
        return f"postgresql://{role}:{self._password(role)}@{self.addresses.postgres}/{database or role}"

    def _database(self, owner: str) -> str:
        """A role and a database of its own, which no other role may enter."""
        return f"{self._role(owner)}CREATE DATABASE {owner} OWNER {owner};\nREVOKE ALL ON DATABASE {owner} FROM PUBLIC;\n"

    def _role(self, name: str) -> str:
        """A role that may do nothing yet; `migrate` gives the doors' and the courier's their few rights."""
        return f"CREATE ROLE {name} LOGIN PASSWORD '{self._password(name)}';\n"

    def _password(self, owner: str) -> str:
        return self._kept(f"{owner}/database-password")

    def _signing_key(self, owner: str, name: str) -> SigningKey:
        path = self.folder / name
        phrase = self._phrase(path.parent.name)
        if not path.exists() or lies_in_clear(path):  # as above
            unfinished = path.with_suffix(".new")
            key = SigningKey.load(owner, path) if path.exists() else SigningKey.generate(owner)
            key.save(unfinished, phrase)
            unfinished.rename(path)
        return SigningKey.load(owner, path, phrase)

    def _operators(self) -> str:
        """The public half of the key that opens sealed bodies; the private half is in no container that runs for long."""
        path, before, phrase = self.folder / "operators/operators.pem", self.folder / "operators/operators.hex", self._phrase("operators")
        if not path.exists():
            unfinished = path.with_suffix(".new")
            operators_key.write(operators_key.read(before, None) if before.exists() else PrivateKey.generate(), unfinished, phrase)
            unfinished.rename(path)
        before.unlink(missing_ok=True)
        return bytes(operators_key.read(path, phrase).public_key).hex()

    def _phrase(self, of: str) -> bytes:
        """What opens the private keys of a folder; in one of its own, which who reads the keys for another reason does not have."""
        return self._kept(f"phrase-{of}/passphrase", OWN).encode()

    def _kept(self, name: str, mode: int = SHARED) -> str:
        """A secret of 256 bits, made the first time."""
        path = self.folder / name
        if not path.exists():
            self._write(name, secrets.token_hex(32), mode)
        return path.read_text(encoding="utf-8").strip()

    def _write(self, name: str, text: str, mode: int = SHARED) -> None:
        """Whole or not at all: a file that was cut short would pass for a secret."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.name}.new")
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=OWN)
        unfinished.chmod(mode)
        unfinished.write_text(f"{text}\n", encoding="utf-8")
        unfinished.rename(path)


def space_of(ministry: Ministry) -> str:
    """The space that a ministry's twin has from its first start on."""
    return f"!{cast.COMMUNITY}:{cast.MATRIX_SERVER}" if ministry.platform == "matrix" else ministry.space


def main(words: Sequence[str] | None = None) -> None:
    """Fill the folder that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m deploy.compose.vault", description="Fabrique les secrets des conteneurs, une fois.")
    parser.add_argument("--folder", type=Path, required=True, help="un dossier par lecteur y est rempli")
    parser.add_argument("--postgres", required=True, metavar="hôte:port")
    parser.add_argument("--rse", action="append", default=[], metavar="nœud=URL", help="où un connecteur trouve son RSE")
    parser.add_argument("--gateway", action="append", default=[], metavar="nœud=URL", help="où un RSE trouve son connecteur")
    given = parser.parse_args(words)
    addresses = Addresses(given.postgres, _by_node(given.rse), _by_node(given.gateway))
    missing = {ministry.node for ministry in cast.MINISTRIES} - (addresses.rses.keys() & addresses.gateways.keys())
    if missing:
        parser.error(f"il manque --rse ou --gateway : {', '.join(sorted(missing))}")
    Vault(given.folder, addresses).fill()


def _by_node(given: Sequence[str]) -> dict[str, str]:
    return {node: url for node, _, url in (text.partition("=") for text in given)}


if __name__ == "__main__":
    main()
