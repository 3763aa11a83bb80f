"""What the peers' door asks of other servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from enum import StrEnum


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


class Abroad(Protocol):
    """What is asked of other servers, by the one guarded client, within a budget for each incoming activity."""

    def budget(self) -> Any: ...
    async def key(self, key_id: str, budget: Any) -> RemoteKey | StrEnum: ...
    async def renewed(self, key_id: str, budget: Any) -> RemoteKey | StrEnum: ...
    async def actor(self, uri: str, budget: Any) -> RemoteActor | StrEnum: ...
    async def document(self, uri: str, budget: Any) -> bytes | StrEnum | None:
        """An object from its own server; None where that says that nothing is there (any more)."""
        ...
