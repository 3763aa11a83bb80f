"""What the peers' door asks of other servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from enum import StrEnum

    from hub.registry.peers import Peer
    from schemas.manifest import Registry


class RemoteKey(Protocol):
    """A key of somebody on another server, found where its id says."""

    @property
    def owner(self) -> str: ...
    @property
    def algorithm(self) -> str: ...
    def verifies(self, signature: bytes, message: bytes) -> bool: ...


class RemoteActor(Protocol):
    """What its own server says of an actor."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def inbox(self) -> str: ...
    @property
    def shared_inbox(self) -> str: ...
    @property
    def also_known_as(self) -> tuple[str, ...]: ...


class Registries(Protocol):
    """Registries of other Trait d'union."""

    async def of(self, peer: Peer, origin: str, budget: Any) -> Registry | StrEnum: ...
    async def renewed(self, peer: Peer, origin: str, budget: Any) -> Registry | StrEnum: ...


class Abroad(Protocol):
    """What is asked of other servers, by the one guarded client, within a budget for each incoming activity."""

    def budget(self) -> Any: ...
    async def key(self, key_id: str, budget: Any) -> RemoteKey | StrEnum: ...
    async def key_for(self, caller: str, key_id: str, budget: Any) -> RemoteKey | StrEnum:
        """The same on behalf of a caller who has proved nothing yet."""
        ...

    async def renewed(self, key_id: str, budget: Any) -> RemoteKey | StrEnum: ...
    async def actor(self, uri: str, budget: Any) -> RemoteActor | StrEnum: ...
    async def registry(self, origin: str, budget: Any) -> bytes | StrEnum:
        """The signed registry of another Trait d'union, from its well-known address."""
        ...

    async def document(self, uri: str, budget: Any) -> bytes | StrEnum | None:
        """An object from its own server; None where that says that nothing is there (any more)."""
        ...
