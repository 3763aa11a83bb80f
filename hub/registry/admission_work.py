"""What admission needs of a transaction, and what it says when it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from hub.access.approval import Approver
from schemas.names import one_line
from schemas.siret import siren_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from hub.ports import Clock
    from hub.registry.acts import Act, KeptAct
    from hub.registry.anchors import Anchor
    from hub.registry.applications import Application, ApplicationState, Came
    from hub.registry.federation_keys import Pair
    from hub.registry.model import Node
    from hub.registry.peers import Peer
    from schemas.facts.base import Fact


REASON_LIMIT: Final = 500


class NameTaken(ValueError):
    """Somebody else bears this name, or whoever bore it has gone."""


class ManifestReplayed(ValueError):
    """A newer manifest of the same applicant came before."""


class KeyTaken(ValueError):
    """A key that another node or the hub has already."""


class ManifestStands(ValueError):
    """A server that signed a manifest is described by nobody else."""


class TooManyApplications(RuntimeError):
    """As many applications as anybody could read wait already."""


class ApplicationTooSoon(RuntimeError):
    """The same applicant came a moment ago; `seconds` until it may come again."""

    def __init__(self, seconds: int) -> None:
        super().__init__(str(seconds))
        self.seconds = seconds


class NodeNotFound(LookupError):
    """No node or peer bears this id."""


class ApplicationMissing(LookupError):
    """There is no open application to decide on."""


class ReasonMissing(ValueError):
    """Who refuses, suspends, lets go on or takes note of a departure must say why."""


class ApprovalRefused(ValueError):
    """This person's approval does not count; `reason` is machine-readable."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def said_why(reason: str | None) -> str:
    """A reason as it is kept, on one line; raises ReasonMissing."""
    said = one_line(reason or "", REASON_LIMIT)
    if not said:
        raise ReasonMissing
    return said


def approver_of(act: KeptAct) -> Approver:
    """Who approved, and for whom she works."""
    return Approver(act.person or "", siren_of(act.siret or ""))


class Nodes(Protocol):
    """Organisations, nodes and keys."""

    async def lock(self) -> None: ...
    async def get(self, node: str) -> Node | None: ...
    async def all(self) -> dict[str, Node]: ...
    async def add(self, node: Node) -> None: ...
    async def save(self, node: Node) -> None: ...
    async def describe(self, node: Node) -> None: ...
    async def forget(self, node: str) -> None: ...


class Peers(Protocol):
    """Servers of others."""

    async def get(self, authority: str) -> Peer | None: ...
    async def registry_of(self, peer: Peer) -> bytes | None: ...
    async def add(self, peer: Peer) -> None: ...
    async def save(self, peer: Peer) -> None: ...


class Pairs(Protocol):
    """The pairs by which this hub signs for other servers."""

    async def all(self) -> list[Pair]: ...
    async def save(self, pairs: Iterable[Pair]) -> None: ...


class Anchors(Protocol):
    """The hub's own keys."""

    async def all(self) -> list[Anchor]: ...
    async def save(self, anchors: Iterable[Anchor]) -> None: ...


class Applications(Protocol):
    """Manifests as they came."""

    async def of(self, subject: str) -> list[Application]: ...
    async def last(self, subject: str) -> Came | None: ...
    async def add(self, application: Application) -> None: ...
    async def forget(self, application: Application) -> None: ...
    async def decide(self, application: Application, state: ApplicationState, now: datetime) -> None: ...
    async def open_ones(self) -> int: ...


class Acts(Protocol):
    """What people did."""

    async def add(self, act: Act) -> None: ...
    async def of(self, subject: str) -> list[KeptAct]: ...


class Work(Protocol):
    """What these use cases need of a transaction; `hub_key` is the key (Multikey) by which it signs."""

    clock: Clock
    hub: str
    hub_key: str

    @property
    def nodes(self) -> Nodes: ...
    @property
    def peers(self) -> Peers: ...
    @property
    def pairs(self) -> Pairs: ...
    @property
    def anchors(self) -> Anchors: ...
    @property
    def applications(self) -> Applications: ...
    @property
    def acts(self) -> Acts: ...
    async def say(self, fact: Fact, *, subject: str, marker: str, community: str | None = None) -> None: ...
    async def publish_registry(self) -> None: ...


async def keys_of_hub(work: Work) -> set[str]:
    """Every key (Multikey) that the hub ever signed by or will: nobody else may have one of them."""
    return {anchor.entry.multibase for anchor in await work.anchors.all()}
