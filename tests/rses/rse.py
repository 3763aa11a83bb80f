"""What the conformance suite asks of a kind of RSE: its twin, people in it, its connector, its webhooks, its faults."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from adapters.gateway import named
from adapters.platforms import Platform, platform

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path
    from typing import Self

    import aiohttp

    from adapters.port import Act, Change, RseClient, UnverifiedRequest
    from adapters.settings import Instance
    from tests.fakes_sink import Heard, Sink


@dataclass(frozen=True)
class Shown:
    """A message as people of this RSE see it; `answers` is the native id of what it stands under."""

    native_id: str
    by: str
    text: str
    answers: str | None


@dataclass(frozen=True)
class Reacted:
    """A reaction as people of this RSE see it."""

    message: str
    emoji: str
    by: str


@dataclass(frozen=True)
class Sample:
    """A payload that holds one message of a person, as signed_request takes it."""

    payload: bytes
    event: str | None
    native_id: str


class NotOffered(AssertionError):
    """A test asked of an RSE what its capabilities deny: the test is wrong, not the RSE."""


class Rse(ABC):
    """One RSE with its connector. Its two people write in `space`, which the connector may write in too."""

    name: ClassVar[str]
    configured: ClassVar[Instance]  # an instance whose RSE does not run: for the reading half, which needs none
    sample: ClassVar[Sample]
    edits: ClassVar[bool] = True  # whether its API can change what was written
    nests: ClassVar[bool] = True  # whether an answer to an answer stands under it, and not beside it
    nowhere: ClassVar[str]  # a native id that nothing bears
    unknown_space: ClassVar[str]
    people: ClassVar[tuple[str, str]]  # the names of who posts and of who replies

    instance: Instance
    client: RseClient
    sink: Heard
    space: str
    open_space: str
    restricted_space: str

    @classmethod
    def platform(cls) -> Platform:
        """The connector as the program knows it."""
        return platform(cls.name)

    @classmethod
    @abstractmethod
    def open(cls, folder: Path) -> AbstractAsyncContextManager[Self]:
        """Start the twin; it runs as long as the context."""

    # --- people ---------------------------------------------------------------------------------------------------

    @abstractmethod
    async def post(self, text: str) -> str:
        """The first person writes; the message's native id."""

    @abstractmethod
    async def reply(self, answered: str, text: str) -> str:
        """The second person answers; the answer's native id."""

    @abstractmethod
    async def edit(self, native_id: str, text: str) -> None:
        """Its author changes a message."""

    @abstractmethod
    async def delete(self, native_id: str) -> None:
        """Its author takes a message away."""

    @abstractmethod
    async def shown(self) -> list[Shown]:
        """What people see in the space, oldest first."""

    @abstractmethod
    async def traces(self) -> str:
        """All words that readers may find there by looking closely: in titles, histories, quotations, events that no client shows."""

    # --- what people set on messages; only asked of an RSE whose capabilities say that it can be read --------------------

    heart: ClassVar[str]  # the emoji that its people react with here

    @abstractmethod
    async def react(self, native_id: str) -> str:
        """The second person sets a heart on a message; what names her reaction for `unreact`."""

    @abstractmethod
    async def unreact(self, reaction: str) -> None:
        """She takes it back."""

    async def accept(self, answer: str) -> None:
        """The first person, who asked, accepts an answer."""
        raise NotOffered(type(self).__name__, answer)

    async def unaccept(self, answer: str) -> None:
        """She accepts it no longer."""
        raise NotOffered(type(self).__name__, answer)

    @abstractmethod
    async def reactions(self) -> list[Reacted]:
        """What people see set on the space's messages, the marks of answers left out."""

    @abstractmethod
    async def accepted_answers(self) -> list[str]:
        """The messages that people see marked as accepted answers."""

    # --- who takes part; only asked of an RSE whose capabilities say that it can be read ---------------------------------

    members_space: str  # a space whose members are told; the first person is in it already

    async def enter(self) -> None:
        """The second person becomes a member of that space."""
        raise NotOffered(type(self).__name__)

    async def leave(self) -> None:
        """She is one no longer."""
        raise NotOffered(type(self).__name__)

    # --- faults of the connector's next writes, until `heal` ---------------------------------------------------------

    @abstractmethod
    async def lose_answers(self) -> None:
        """Do what is asked and break the connection before answering."""

    @abstractmethod
    async def refuse(self, status: int, after: float | None = None) -> None:
        """Do nothing and answer a status, with the RSE's wish in seconds."""

    @abstractmethod
    async def set_clock(self, seconds: float) -> None:
        """Let its clock be so far ahead of the true time from now on."""

    @abstractmethod
    async def stall(self) -> None:
        """Answer later than a hasty connector waits."""

    @abstractmethod
    async def heal(self) -> None:
        """Be well again."""

    @abstractmethod
    def hasty(self) -> RseClient:
        """A connector that waits less long than a stalled RSE takes."""

    # --- what is heard --------------------------------------------------------------------------------------------------

    async def change(self, act: Act, native_id: str) -> Change:
        """What the connector understood, once it has come; with the name that only the RSE can tell, as the gateway asks it."""
        found: Any = await named(self.client, await self.sink.change(act, native_id))
        return found  # type: ignore[no-any-return]  # `named` gives back what it took


class Pushing(Rse):
    """An RSE that sends webhooks to a door."""

    signature: ClassVar[str]  # the header by which the platform proves itself
    error_members: ClassVar[frozenset[str]]  # what this platform's errors bear beside RFC 9457's members
    accepted: ClassVar[bytes]  # what it wants to read in our 2xx

    sink: Sink
    session: aiohttp.ClientSession
    door: str  # where its webhooks go

    async def knock(self, request: UnverifiedRequest) -> tuple[int, Mapping[str, str], bytes]:
        """Bring a request to the door over HTTP: status, headers and body of the answer."""
        url = f"{self.door}/{request.path}".rstrip("/")
        async with self.session.request(
            request.method, url, data=request.body, headers=request.headers, skip_auto_headers=["content-type"]
        ) as answer:
            return answer.status, answer.headers, await answer.read()
