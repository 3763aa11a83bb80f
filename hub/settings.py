"""Every setting of the hub, typed; environment prefix `TRAITDUNION_`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from schemas.wire.settings import FiledSettings


class HubSettings(FiledSettings):
    """One typed class; the Kafka settings stand in `schemas.wire.kafka`."""

    model_config = SettingsConfigDict(env_prefix="TRAITDUNION_", extra="ignore")

    hub_id: Annotated[str, Field(description="The hub's own name as `source` of its events.")] = "hub"
    database_url: Annotated[str, Field(description="postgresql://…")] = "postgresql://127.0.0.1/traitdunion"
    signing_key: Annotated[Path, Field(description="PKCS #8 file of the hub's Ed25519 key.")] = Path("hub.pem")
    signing_passphrase: Annotated[SecretStr | None, Field(description="Passphrase of that file.")] = None
    signing_key_next: Annotated[
        Path | None, Field(description="The hub's key that follows, a file or agent:…; without it, the file of the first with `.next`.")
    ] = None
    registry_anchor: Annotated[
        str, Field(description="The hub's public key (Multikey): all that the node door, which strangers reach, holds of its keys.")
    ] = ""
    operators_private_key: Annotated[Path | None, Field(description="X25519 key that opens sealed bodies (`dlq show`).")] = None
    operators_passphrase: Annotated[SecretStr | None, Field(description="Passphrase of that file.")] = None
    site_host: str = "127.0.0.1"
    site_port: int = 8400
    door_host: str = "127.0.0.1"
    door_port: int = 8401
    door_database_url: Annotated[
        str, Field(description="postgresql://… under the node door's own role, which may do next to nothing; empty: the hub's own.")
    ] = ""
    peer_door_database_url: Annotated[
        str,
        Field(description="postgresql://… under the peers' door's own role, which writes nothing of what is said; empty: the hub's own."),
    ] = ""
    courier_database_url: Annotated[
        str, Field(description="postgresql://… under the courier's own role, which reads no message; empty: the hub's own.")
    ] = ""
    public_url: Annotated[
        str, Field(pattern=r"^(https?://[^/?#]+)?$", description="The node door's address as its senders write it, without a path.")
    ] = ""
    federation_url: Annotated[
        str,
        Field(
            pattern=r"^(https?://[^/?#]+)?$",
            description="The address under which other servers know this one, without a path; empty: no federation with peers.",
        ),
    ] = ""
    federation_host: str = "127.0.0.1"
    federation_port: int = 8402
    federation_key: Annotated[Path, Field(description="The Ed25519 key by which we sign for peers: a PKCS #8 file, or agent:….")] = Path(
        "federation.pem"
    )
    federation_rsa_key: Annotated[Path, Field(description="The RSA key for peers that know no other: a PKCS #8 file, or agent:….")] = Path(
        "federation-rsa.pem"
    )
    federation_key_next: Annotated[
        Path | None, Field(description="The Ed25519 key that follows, a file or agent:…; without it, the file of the first with `.next`.")
    ] = None
    federation_rsa_key_next: Annotated[Path | None, Field(description="The RSA key that follows, as the Ed25519 one.")] = None
    federation_passphrase: Annotated[SecretStr | None, Field(description="Passphrase of both files.")] = None
    federation_anchor: Annotated[
        str, Field(description="The public half (Multikey) of `federation_key`: by it the worker believes what the peers' door took in.")
    ] = ""
    federation_loopback: Annotated[
        bool, Field(description="For development alone: other servers may stand on loopback addresses and speak http.")
    ] = False
    metrics_host: str = "127.0.0.1"
    metrics_port: Annotated[
        int, Field(description="Port of /metrics, /healthz and /readyz; 0 takes a free one; `up` counts on from it.")
    ] = 0
    operator_token: Annotated[SecretStr | None, Field(description="Opens the pages from elsewhere than loopback.")] = None
    charter: Annotated[str, Field(description="The version of the charter that an application must accept.")] = "2026-1"
    hold: Annotated[timedelta, Field(description="How long a reply waits for its parent.")] = timedelta(seconds=60)
    tie_life: Annotated[timedelta, Field(description="A tie whose attestation is older no longer speaks.")] = timedelta(hours=48)
    registry_life: Annotated[timedelta, Field(description="How long a registry document is valid.")] = timedelta(days=30)
    quarantine_after: Annotated[int, Field(ge=1, description="Dead letters of one node within a minute.")] = 100
    batch: Annotated[int, Field(ge=1, le=5000, description="Records of one worker transaction.")] = 500
    within: Annotated[float, Field(gt=0, description="Seconds that a batch waits for more.")] = 0.001
    peer_attempts: Annotated[
        int,
        Field(
            ge=1,
            description="A server fails over one activity, or believes no signature of ours, so often, over `peer_patience`: that one is set aside.",
        ),
    ] = 20
    peer_patience: Annotated[
        timedelta,
        Field(description="See `peer_attempts`, two days at least for signatures; a server that is away is waited for without end."),
    ] = timedelta(days=1)
    outbox_days: Annotated[int, Field(ge=1, description="Published outbox rows are kept as long as the topics.")] = 22
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @property
    def federation_secret(self) -> bytes | None:
        """The passphrase of both federation keys."""
        return self.federation_passphrase.get_secret_value().encode() if self.federation_passphrase else None

    @property
    def door_url(self) -> str:
        """What senders sign: the public address, or the one where the door listens."""
        return self.public_url or f"http://{self.door_host}:{self.door_port}"


class PersonSettings(FiledSettings):
    """What belongs to who stands at a terminal, and to no process."""

    model_config = SettingsConfigDict(env_prefix="TRAITDUNION_", extra="ignore")

    person_token: Annotated[SecretStr | None, Field(description="The token of somebody of the federation who approves.")] = None
    key_passphrase: Annotated[SecretStr | None, Field(description="Passphrase of a key file that a command names.")] = None
