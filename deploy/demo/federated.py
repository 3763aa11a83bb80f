"""A hub as servers of others know it: its public address, its keys for them, and how its people admit another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deploy.demo.manifests import CONTACTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from deploy.demo.manifests import Approver
    from deploy.demo.operator import Operator

CLEAR: Final = "--clear"
"""These keys live as long as a demonstration, in its own folder; docker-compose.yml shows how they are kept where they are to last."""
TOKEN_FILE: Final = "TRAITDUNION_PERSON_TOKEN_FILE"  # noqa: S105 - the name of a setting


@dataclass(frozen=True, slots=True)
class Office:
    """One hub's operator at a terminal that several may share: each command under that hub's own settings."""

    operator: Operator
    environment: dict[str, str]

    async def run(self, *words: str) -> str:
        """What the command said. Raises CommandFailed."""
        await self.operator.learn(self.environment)
        return await self.operator.run(*words)

    async def run_by(self, token: Path, *words: str) -> str:
        """The same in the name of somebody of the federation, who keeps her token in this file."""
        await self.operator.learn({TOKEN_FILE: str(token)})
        return await self.run(*words)


USUAL_PORT: Final = 80


@dataclass(frozen=True, slots=True)
class Place:
    """Where a hub stands for other servers, and where its secrets lie."""

    host: str
    port: int
    keys: Path

    @property
    def authority(self) -> str:
        """As registries name it: without the port that http has by itself."""
        return self.host if self.port == USUAL_PORT else f"{self.host}:{self.port}"

    @property
    def base(self) -> str:
        """Its public address: all is on this machine, so that nothing needs to be encrypted."""
        return f"http://{self.authority}"

    @property
    def key(self) -> Path:
        """The Ed25519 key by which it speaks to other servers."""
        return self.keys / "federation.pem"

    def environment(self) -> dict[str, str]:
        """The settings of federation, apart from the anchor."""
        return {
            "TRAITDUNION_FEDERATION_URL": self.base,
            "TRAITDUNION_FEDERATION_HOST": self.host,
            "TRAITDUNION_FEDERATION_PORT": str(self.port),
            "TRAITDUNION_FEDERATION_KEY": str(self.key),
            "TRAITDUNION_FEDERATION_RSA_KEY": str(self.keys / "federation-rsa.pem"),
            "TRAITDUNION_FEDERATION_LOOPBACK": "true",
        }

    def token_of(self, person: Approver) -> Path:
        """Where somebody of the federation keeps her token."""
        return self.keys / f"{person.id}.jeton"

    def group(self, community: str) -> str:
        """A community as other servers find it."""
        return f"{self.base}/groups/{community}"


@dataclass(frozen=True, slots=True)
class Federated:
    """A hub that federates: who it is, where, who decides there."""

    organisation: str
    siret: str
    place: Place
    people: Sequence[Approver]
    office: Office

    async def make_keys(self) -> None:
        """Both keys; the public half of the first is what the workers believe the peers' door by."""
        anchor = await self.office.run("keys", "generate", "federation", str(self.place.key), CLEAR)
        await self.office.run("keys", "generate", "federation-rsa", str(self.place.keys / "federation-rsa.pem"), CLEAR)
        self.office.environment["TRAITDUNION_FEDERATION_ANCHOR"] = anchor.strip()

    @property
    def said(self) -> Path:
        """Where its manifest lies."""
        return self.place.keys.parent / "serveur.json"

    async def manifest(self) -> Path:
        """What it says of itself to another Trait d'union, signed."""
        place, out = self.place, self.said
        contacts = [word for role, name in CONTACTS.items() for word in ("--contact", f"{role}={name} <{role}@trait.example>")]
        await self.office.run(
            "manifest", "new", place.authority, "--organisation", self.organisation, "--siret", self.siret, "--platform", "traitdunion",
            "--key", str(place.key), "--out", str(out), "--endpoint", f"activitypub=https://{place.authority}/actor", *contacts,
            "--kind", "peer", "--server", "traitdunion", "--anchor", self.office.environment["TRAITDUNION_REGISTRY_ANCHOR"],
        )  # fmt: skip
        return out

    async def apply_of(self, other: Federated) -> None:
        """Take in another's application."""
        await self.office.run("peers", "apply", str(await other.manifest()))

    async def admit(self, other: Federated) -> Mapping[str, str]:
        """Each of its people approves the other; what the command said to each of them."""
        approving = ("peers", "approve", other.place.authority, "--manifest", str(other.said))
        return {person.name: await self.office.run_by(self.place.token_of(person), *approving) for person in self.people}
