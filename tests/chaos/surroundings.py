"""What the processes of a run are told: the keys that they sign by, and the settings under which they start."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from nacl.public import PrivateKey

from deploy.local import ports
from schemas.keys import SigningKey
from schemas.rsa_keys import RsaSigningKey

if TYPE_CHECKING:
    from pathlib import Path

SPOOL_LIMIT: Final = 24
HOLD: Final = "PT180S"
"""Longer than a webhook's retries take: a reply whose parent is still on its way is held, not torn from it."""


@dataclass(frozen=True, slots=True)
class Doors:
    """Where the hub listens: for people, for nodes without Kafka, for servers of others."""

    site_port: int
    node_port: int
    peer_port: int

    @property
    def site(self) -> str:
        """The pages' address."""
        return f"http://{ports.LOOPBACK}:{self.site_port}"

    @property
    def nodes(self) -> str:
        """The HTTPS door's address; all is on this machine."""
        return f"http://{ports.LOOPBACK}:{self.node_port}"

    @property
    def federation(self) -> str:
        """The address under which servers of others know the hub."""
        return f"http://{ports.LOOPBACK}:{self.peer_port}"


@dataclass(frozen=True, slots=True)
class Keys:
    """The hub's keys, and where they lie."""

    folder: Path
    hub: SigningKey = field(default_factory=lambda: SigningKey.generate("hub"))
    operators: PrivateKey = field(default_factory=PrivateKey.generate)
    federation: SigningKey = field(default_factory=lambda: SigningKey.generate("federation"))

    def save(self) -> None:
        """Write them where the processes find them."""
        self.hub.save(self.folder / "hub.pem")
        self.federation.save(self.folder / "federation.pem")
        RsaSigningKey.generate("federation").save(self.folder / "federation-rsa.pem")


def environment(bootstrap: str, url: str, doors: Doors, keys: Keys) -> dict[str, str]:
    """The settings of every process; `bootstrap` is the broker's address, `url` the database's."""
    return {
        "TRAITDUNION_KAFKA_BOOTSTRAP": bootstrap,
        "TRAITDUNION_TOPIC_PREFIX": "",
        "TRAITDUNION_DATABASE_URL": url,
        "TRAITDUNION_LEDGER_URL": url,
        "TRAITDUNION_SIGNING_KEY": str(keys.folder / "hub.pem"),
        "TRAITDUNION_OPERATORS_KEY": bytes(keys.operators.public_key).hex(),
        "TRAITDUNION_REGISTRY_ANCHOR": keys.hub.public.multibase,
        "TRAITDUNION_REGISTRY_URL": f"{doors.site}/.well-known/traitdunion/registry",
        "TRAITDUNION_HUB_URL": doors.site,
        "TRAITDUNION_SITE_PORT": str(doors.site_port),
        "TRAITDUNION_DOOR_PORT": str(doors.node_port),
        "TRAITDUNION_PUBLIC_URL": doors.nodes,
        "TRAITDUNION_FEDERATION_URL": doors.federation,
        "TRAITDUNION_FEDERATION_PORT": str(doors.peer_port),
        "TRAITDUNION_FEDERATION_KEY": str(keys.folder / "federation.pem"),
        "TRAITDUNION_FEDERATION_RSA_KEY": str(keys.folder / "federation-rsa.pem"),
        "TRAITDUNION_FEDERATION_ANCHOR": keys.federation.public.multibase,
        "TRAITDUNION_FEDERATION_LOOPBACK": "true",
        "TRAITDUNION_METRICS_PORT": "0",
        "TRAITDUNION_HOLD": HOLD,
        "TRAITDUNION_SPOOL_LIMIT": str(SPOOL_LIMIT),
    }
