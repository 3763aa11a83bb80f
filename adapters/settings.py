"""Which ministry runs which RSE, and which of its spaces MAY federate."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from schemas.envelope import NodeId
from schemas.wire.settings import FiledSettings, faults

SECRETS = ("webhook_secret", "api_secret")
PerMinute = Annotated[float, Field(gt=0, le=60_000)]


class KeyFileSettings(FiledSettings):
    """What belongs to who makes a node's key, and to no process."""

    model_config = SettingsConfigDict(env_prefix="TRAITDUNION_", extra="ignore")

    key_passphrase: Annotated[SecretStr | None, Field(description="Passphrase of the key file that `keygen` writes.")] = None


class Instance(BaseModel):
    """One RSE of one ministry. `options` holds what only its platform knows, such as Discourse's `api_username`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    node: NodeId
    organisation: Annotated[str, Field(min_length=1, max_length=200, description="The ministry's name as people read it.")]
    platform: str
    url: Annotated[str, Field(description="The RSE's own address, without a slash at its end.")]
    webhook_secret: Annotated[SecretStr, Field(description="What its webhooks are signed with; none where it is polled.")] = SecretStr("")
    webhook_secret_file: Path | None = None
    webhook_overlap_seconds: Annotated[
        float, Field(ge=0, le=86_400, description="How long a webhook's secret is accepted after it was replaced.")
    ] = 3_600.0
    api_secret: SecretStr
    api_secret_file: Path | None = None
    pseudonym_secret: Annotated[
        SecretStr, Field(description="Hides the ids of people in what has no id of its own; made of the node's key where it is not given.")
    ] = SecretStr("")
    signing_key: Annotated[Path, Field(description="The node's key; one that follows it stands beside it, its name ending in `.next`.")]
    signing_passphrase_file: Annotated[Path | None, Field(description="Passphrase of these files.")] = None
    spaces: frozenset[str] = frozenset()
    mark: str = "#interne"
    private_notice: Annotated[bool, Field(description="Whether who writes for the first time is told in private who reads her.")] = True
    poll_seconds: Annotated[float, Field(ge=0.25, le=60, description="Between two looks at a lively space, where it is polled.")] = 4.0
    reread_per_minute: Annotated[
        float, Field(ge=0, le=6_000, description="Questions in a minute about what lies beyond a polled space's window; 0 for none.")
    ] = 12.0
    limits: Annotated[dict[str, PerMinute], Field(description="Kind of call → calls per minute that are never passed.")] = {}
    backfill_days: Annotated[
        dict[str, Annotated[int, Field(ge=0, le=366)]], Field(description="Space → days before its tie to bring.")
    ] = {}
    history_per_minute: Annotated[int, Field(ge=1, le=600, description="Messages of before a tie that are brought in a minute.")] = 12
    options: dict[str, str] = {}

    @model_validator(mode="before")
    @classmethod
    def _filed(cls, given: Any) -> Any:
        """Secrets from files of their own: the settings may then be shown to more people than they."""
        if not isinstance(given, dict):
            return given
        for field in SECRETS:
            if (path := given.get(f"{field}_file")) is not None:
                if field in given:
                    raise ValueError(f"{field} ou {field}_file, non les deux")
                given = {**given, field: secret_in(Path(path))}
        return given


def secret_in(path: Path) -> str:
    """A secret's file, without the end of its last line."""
    return path.read_text(encoding="utf-8").rstrip("\r\n")


class InstancesRefused(ValueError):
    """The instances file cannot be used; it says where and why, and repeats nothing of the file, which holds secrets."""

    def __init__(self, path: Path, lines: list[str]) -> None:
        super().__init__("\n".join(f"{path} : {line}" for line in lines))


class OptionRefused(ValueError):
    """An instance's option that its connector does not know; it says which and what may stand there, and repeats no value."""

    def __init__(self, node: str, option: str, *known: str) -> None:
        super().__init__(f"Instance du nœud « {node} », options.{option} : {' ou '.join(known)}")


class AdapterSettings(FiledSettings):
    """Settings of a connector process; environment prefix `TRAITDUNION_`."""

    model_config = SettingsConfigDict(env_prefix="TRAITDUNION_", extra="ignore")

    instances: Annotated[Path, Field(description="YAML file: instance name → Instance.")] = Path("instances.yaml")
    ledger_url: str = "postgresql://127.0.0.1/traitdunion"
    registry_url: str = "http://127.0.0.1:8400/.well-known/traitdunion/registry"
    registry_anchor: str = ""
    operators_key: Annotated[str, Field(description="Public key (hexadecimal, X25519) to which unreadable bodies are sealed.")] = ""
    hub_id: str = "hub"
    hub_url: str = "http://127.0.0.1:8400"
    door: Annotated[str, Field(description="The hub's HTTPS door, for a ministry without Kafka; empty means Kafka.")] = ""
    about_url: Annotated[str, Field(description="A page that tells agents who reads what; the hub's own where none is named.")] = ""
    gateway_host: str = "127.0.0.1"
    gateway_port: int = 8410
    spool_limit: Annotated[int, Field(description="Records that the spool of one instance may hold.")] = 10_000

    @property
    def about(self) -> str:
        """Where agents read who reads what; empty where the hub is known by this machine's own name for it, which leads them nowhere."""
        if self.about_url or _loopback(urlsplit(self.hub_url).hostname or ""):
            return self.about_url
        return f"{self.hub_url.rstrip('/')}/comprendre"

    @field_validator("door")
    @classmethod
    def _safe(cls, url: str) -> str:
        """HTTPS, or HTTP to this very machine: signatures hide nothing that people write."""
        if not url:
            return url
        parts = urlsplit(url)
        bare = not (parts.path.strip("/") or parts.query or parts.fragment or parts.username)
        near = _loopback(parts.hostname or "")
        if not bare or not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and near)):
            raise ValueError("https://hôte[:port] est attendu, ou http:// vers la boucle locale")
        return url.rstrip("/")


class Instances(BaseModel):
    """The instances file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    instances: dict[str, Instance]

    @model_validator(mode="after")
    def _one_node_each(self) -> Self:
        nodes = [instance.node for instance in self.instances.values()]
        if len(set(nodes)) != len(nodes):
            message = "deux instances nomment le même nœud"
            raise ValueError(message)
        return self

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read and check the file. Raises InstancesRefused, or the file's OSError."""
        try:
            return cls.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except ValidationError as error:
            raise InstancesRefused(path, [f"{where} : {why}".removeprefix(" : ") for where, why in faults(error)]) from None
        except (yaml.YAMLError, UnicodeDecodeError):
            raise InstancesRefused(path, ["ce n'est pas du YAML lisible"]) from None


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
