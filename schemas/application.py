"""The manifest with which a node or a peer applies: who it is, who answers for it, by which keys it speaks."""

from __future__ import annotations

import re
from enum import StrEnum
from ipaddress import ip_network
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from schemas import siret
from schemas.envelope import NODE_PATTERN
from schemas.keys import KeyMalformed, PublicKey
from schemas.manifest import Custody
from schemas.scalars import Moment

AUTHORITY: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[1-9][0-9]{0,4})?")
MAILBOX: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}@[a-z0-9-]+(\.[a-z0-9-]+)+")


class Kind(StrEnum):
    """What applies: a ministry's RSE, or a server of others."""

    NODE = "node"
    PEER = "peer"


class DataClass(StrEnum):
    """What kind of data is exchanged, as a register of processing names it."""

    IDENTITY = "identity"
    MESSAGES = "messages"
    REACTIONS = "reactions"
    MEMBERSHIPS = "memberships"
    FILES = "files"


class EndpointKind(StrEnum):
    """What stands at an address."""

    RSE = "rse"
    CONNECTOR = "connector"
    ACTIVITYPUB = "activitypub"
    REGISTRY = "registry"


class ServerKind(StrEnum):
    """What a peer is: a server of the fediverse, or another Trait d'union."""

    ACTIVITYPUB = "activitypub"
    TRAITDUNION = "traitdunion"


def _siret(said: str) -> str:
    if not siret.has_shape(said):
        raise PydanticCustomError("malformed", "not 14 digits")
    if not siret.holds(said):
        raise PydanticCustomError("checksum", "control digit")
    return said


def _multikey(said: str) -> str:
    try:
        return PublicKey.of(said).multibase
    except KeyMalformed as error:
        raise PydanticCustomError("malformed", "not a Multikey") from error


def _address(said: str) -> str:
    try:
        parts = urlsplit(said)
        fits = parts.scheme == "https" and parts.hostname and not (parts.username or parts.password or parts.fragment)
    except ValueError:
        fits = False
    if not fits or not said.isprintable() or " " in said:
        raise PydanticCustomError("malformed", "not an https address")
    return said


def _mailbox(said: str) -> str:
    if not MAILBOX.fullmatch(said):
        raise PydanticCustomError("malformed", "not a mailbox")
    return said


def _network(said: str) -> str:
    try:
        return str(ip_network(said))
    except ValueError as error:
        raise PydanticCustomError("malformed", "not a network") from error


Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
Siret = Annotated[str, AfterValidator(_siret)]
Multikey = Annotated[str, AfterValidator(_multikey)]
Address = Annotated[str, StringConstraints(max_length=500), AfterValidator(_address)]
Mailbox = Annotated[str, AfterValidator(_mailbox)]
Network = Annotated[str, AfterValidator(_network)]


class Part(BaseModel):
    """A part of a manifest: nothing is in it that this program does not read, since people approve what they see."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)


class Organisation(Part):
    """Who applies."""

    name: Line
    siret: Siret


class Endpoint(Part):
    """An address of the applicant's."""

    kind: EndpointKind
    url: Address


class DeclaredKey(Part):
    """A public key by which the applicant will speak, and who keeps its private half."""

    multibase: Annotated[Multikey, Field(alias="publicKeyMultibase")]
    valid_from: Annotated[Moment, Field(alias="validFrom")]
    valid_until: Annotated[Moment, Field(alias="validUntil")]
    custody: Custody


class Contact(Part):
    """A person who answers for something; `mailbox` is a function's, which outlives her."""

    name: Line
    mailbox: Mailbox

    def is_personal(self) -> bool:
        """Tell whether the mailbox bears the person's own name."""
        words = {word for word in re.split(r"[^\w]+", self.name.lower()) if len(word) > 2}  # noqa: PLR2004 - « de », « le »
        return bool(words & set(re.split(r"[^\w]+", self.mailbox.partition("@")[0].lower())))


class Contacts(Part):
    """The five who answer: the owner, for security, for data protection, for the community's life, and the sponsor."""

    owner: Contact
    rssi: Contact
    dpo: Contact
    animation: Contact
    sponsor: Contact


class Peering(Part):
    """What the federation must know of a server of others.

    `cavage`: it signs by draft-cavage alone; `networks`: private ranges in which it stands; `anchor`: the key of its own registry.
    """

    kind: ServerKind
    cavage: bool = False
    networks: tuple[Network, ...] = ()
    anchor: Multikey | None = None


class Manifest(Part):
    """The manifest without its proof; `id` is a node's name or a peer's authority (host, and port where it is not the default)."""

    type: Literal["TraitDUnionManifest"]
    kind: Kind
    id: Annotated[str, StringConstraints(max_length=260)]
    organisation: Organisation
    platform: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
    endpoints: Annotated[tuple[Endpoint, ...], Field(min_length=1, max_length=20)]
    keys: Annotated[tuple[DeclaredKey, ...], Field(min_length=1, max_length=10)]
    contacts: Contacts
    data_classes: Annotated[tuple[DataClass, ...], Field(alias="dataClasses", min_length=1, max_length=5)]
    charter: Line
    issued: Moment
    expires: Moment
    peering: Peering | None = None

    @classmethod
    def strictly(cls, unverified: object) -> Self:
        """Read a document's members without its proof; raises pydantic's ValidationError with every fault at once."""
        return cls.model_validate(unverified, by_alias=True, by_name=False)

    @property
    def subject(self) -> str:
        """Whom acts name: `node/wifip`, `peer/opsi.example`."""
        return f"{self.kind.value}/{self.id}"


def names_fittingly(kind: str, name: str) -> bool:
    """Tell whether a node or a peer may bear this name."""
    return bool(re.fullmatch(NODE_PATTERN, name) if kind == Kind.NODE else AUTHORITY.fullmatch(name))
