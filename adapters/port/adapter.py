"""The adapter itself: its reading half, which is pure, and its writing half, which speaks HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from adapters.port.incoming import AuthenticRequest, Change, Incomplete, Nonsense, Outcome, Strange, Unused, UnverifiedRequest
    from adapters.port.outgoing import Closed, Later, Never, Order, SpaceReport, WriteOutcome, Written
    from adapters.port.seen import Losses, Ours, Reading, Same
    from adapters.settings import Instance
    from schemas.problem import Problem


@dataclass(frozen=True, slots=True)
class Ask:
    """A platform's question that needs an answer of its own shape and no event (a ping, a user query)."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Adapter(Protocol):
    """A kind of RSE. Its reading half is pure: no I/O, never raises on any bytes; its writing half speaks HTTP."""

    platform: str
    body_limit: int
    space_field: str
    """The name under which this platform's payloads tell their space: `category_id`, `room_id`."""

    def authenticate(self, unverified: UnverifiedRequest, instance: Instance) -> AuthenticRequest | Ask | Problem:
        """Prove in constant time, on the raw bytes, that this instance of the platform sent the request."""
        ...

    def translate(self, authentic: AuthenticRequest, instance: Instance) -> Sequence[Outcome]:
        """Read an authentic body: zero, one or many outcomes, in the platform's order."""
        ...

    def strange(self, authentic: AuthenticRequest) -> Iterable[Strange]:
        """What an authentic body holds that the platform's models do not know; never raises, whatever it holds."""
        ...

    def accepted(self, outcomes: Sequence[Outcome]) -> tuple[bytes, str]:
        """The body and content type of the 2xx that this platform expects."""
        ...

    def problem(self, problem: Problem) -> Problem:
        """The error answer in the platform's own shape (members beside RFC 9457's)."""
        ...

    def signed_request(self, payload: bytes, instance: Instance, event: str | None) -> UnverifiedRequest:
        """The request by which the platform would send this payload: its path, headers and signature (`connector feed`)."""
        ...


class RseClient(Protocol):
    """The writing half, bound to one instance; one open HTTP session."""

    async def turn(self, order: Order) -> None:
        """Wait until the RSE's limits let the order begin."""
        ...

    async def write(self, order: Order) -> WriteOutcome:
        """Carry an order out once."""
        ...

    async def divided(self, order: Order) -> Sequence[Order]:
        """The orders that carry this one out in a row, where it is longer than the RSE takes: parts of it, never less than all."""
        ...

    async def find(self, order: Order) -> Written | Later | None:
        """Look, after a crash or a lost answer, whether the order was carried out already (idempotency key or marker)."""
        ...

    async def complete(self, incomplete: Incomplete) -> Change | Unused | Nonsense | Later:
        """Ask the RSE for what a webhook left out."""
        ...

    async def display_name(self, actor: str) -> str | None:
        """The name under which the RSE shows a person whose webhooks do not tell it; None where they do, or where she has none."""
        ...

    async def report_space(self, space: str) -> SpaceReport | Closed | Later | Never:
        """Ask the RSE who can read a space."""
        ...

    async def close(self) -> None:
        """Close the session."""
        ...


@runtime_checkable
class Polled(RseClient, Protocol):
    """An RSE that sends nothing and must be asked: a client whose platform has this half is polled (`adapters.poller`)."""

    async def newer(self, space: str, cursor: str | None) -> Reading | Later | Never:
        """All that came since `cursor`, however much; without a cursor, the newest page alone."""
        ...

    async def window(
        self, space: str, since: datetime, most: int, unless: str, head: tuple[object, ...] = ()
    ) -> Reading | Same | Later | Never:
        """The last `most` roots, none of them older than `since`, as they stand now; Same where their mark is still `unless`.

        `head` is what `newer` has just read of them. Its cursor is where `deeper` begins, None where nothing lies beyond.
        """
        ...

    async def deeper(self, space: str, place: str, unless: str) -> Reading | Same | Later | Never:
        """A page of what lies beyond the window, from a `cursor` of the window or of such a page; its own is None after the last."""
        ...

    async def replies(self, space: str, root: str, unless: str) -> Reading | Same | Later | Never:
        """All that stands under a root, never a part of it; Same where its mark is still `unless`."""
        ...

    async def gone(self, space: str, native_id: str) -> bool | Later:
        """Ask the object itself: True for a 404 while its space can be read; anything less is no deletion."""
        ...


@runtime_checkable
class Reminding(RseClient, Protocol):
    """An RSE that pushes, gives up, and tells what it gave up: a client with this half is asked from time to time (`adapters.losses`)."""

    async def lost(self, space: str, cursor: str | None, since: datetime, ours: Ours) -> Losses | Later | Never:
        """What was tried in vain after `cursor`, of a space; without a cursor, what people did there since a moment.

        Nothing is asked about what is `ours`: the most of what a platform tells of a busy space.
        """
        ...
