"""One activity into one inbox: signed at the moment of sending, by the signature that the peer takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from hub.federation.delivery import Gone, Later, Never, Nowhere, Scheme, Taken, judge, judge_asking, judge_unheralded
from hub.federation.outgoing import CONTENT_TYPE
from schemas.agent import AgentSilent
from schemas.wire.destinations import Absence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hub.federation.delivery import Outcome, Standing
    from hub.federation.parcel import Parcel
    from hub.ports import Clock

    Meaning = Callable[[int, float | None, Scheme], Outcome]

ASKED: Final = 3
"""How many of those behind an inbox are asked for, until one shows it: the first may have left."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What an inbox answered; `retry_after` in seconds, where it wished some."""

    status: int
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Location:
    """Where the registry lets a peer stand: private address ranges, and the port of its own, where it has one."""

    networks: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()


class Absent(Exception):
    """Nobody answered, or nobody may be asked there for now; `reason` is machine-readable."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Barred(Exception):
    """A rule of ours forbids what is asked, or what was answered: the same will be said as long as both are as they are."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Post(Protocol):
    """The guarded client."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], location: Location) -> Reply:
        """Bring a body; raises Absent or Barred."""
        ...


class Directory(Protocol):
    """Where actors elsewhere are asked for."""

    async def inbox_of(self, actor: str, location: Location) -> str | Reply:
        """An actor's inbox, as its own server says, or what else that answered; raises Absent or Barred."""
        ...

    async def shows(self, actor: str, inbox: str, location: Location) -> bool:
        """Whether an actor's own document, as its server shows it now, names this inbox."""
        ...


class Hand(Protocol):
    """One of our pairs."""

    def fields(self, scheme: Scheme, actor: str, url: str, content_type: str, body: bytes) -> dict[str, str]:
        """The fields that sign a POST in the name of an actor of ours."""
        ...


class Signatures(Protocol):
    """Our pairs."""

    def hands(self) -> Sequence[Hand]:
        """The one that signs, then those by which a server may still know us."""
        ...

    def unheralded(self) -> bool:
        """Whether the one that signs took another's place lately, and no other vouches for it: a server that keeps keys may not know it yet."""
        ...


class Posting:
    """Delivers by the best signature that a peer takes."""

    def __init__(self, post: Post, directory: Directory, signatures: Signatures, clock: Clock) -> None:
        self._post, self._directory, self._signatures, self._clock = post, directory, signatures, clock

    async def deliver(self, parcel: Parcel, inboxes: Sequence[str], standing: Standing, location: Location) -> tuple[str, Outcome]:
        """Bring an activity to all of a peer's inboxes, in turn; the first that does not take it, or the last, and what it said.

        An inbox that took it before another one failed gets it once more: its id makes that harmless.
        """
        *before, last = inboxes
        for inbox in before:
            outcome = await self._knock(parcel, inbox, standing, location)
            match outcome:
                case Taken(scheme=scheme):
                    standing = standing.took(standing.position - 1, scheme, self._clock())
                case Later() | Never() | Gone() | Nowhere():
                    return inbox, outcome
        return last, await self._knock(parcel, last, standing, location)

    async def stands(self, inbox: str, actors: Sequence[str], location: Location) -> bool:
        """Whether an inbox that says « not found » is there: one of those behind it shows it at this moment."""
        for actor in actors[:ASKED]:
            if await self._directory.shows(actor, inbox, location):
                return True
        return False

    async def _knock(self, parcel: Parcel, inbox: str, standing: Standing, location: Location) -> Outcome:
        """Try signatures in turn while it is the signature that may be at fault: by our former pair too, while that is believed.

        A server that keeps keys for a day, and does not read them again when one fails, would lose a day of what is said here.
        """
        outcome: Outcome | None = None
        silent = False
        now, hands = self._clock(), self._signatures.hands()
        meaning = judge_unheralded if standing.scheme is not None and self._signatures.unheralded() else judge
        there = inbox or await self._inbox_of(parcel.to, location, meaning)
        if not isinstance(there, str):
            return there
        for scheme in standing.ladder(now):
            reply = Reply(0)
            for hand in hands:
                try:
                    reply = await self._send(hand, scheme, parcel, there, location)
                except Absent as absent:
                    return Later(absent.reason)
                except Barred as barred:
                    return Never(barred.reason)
                except AgentSilent:
                    silent = silent or (hand is hands[0] and standing.may_need(scheme, now))
                    continue  # another pair, or the other half of this one, may lie elsewhere
                outcome = meaning(reply.status, reply.retry_after, scheme)
                if not standing.may_blame_signature(reply.status):
                    return outcome
            if outcome is not None and reply.status not in {0, 401} and standing.knows(scheme, now):
                return outcome
        return Later(Absence.OUR_KEY) if silent or outcome is None else outcome

    async def _inbox_of(self, actor: str, location: Location, meaning: Meaning) -> str | Outcome:
        """Her inbox, or why it is not known: that she is not there is said of her alone, all else of her server."""
        try:
            found = await self._directory.inbox_of(actor, location)
        except Absent as absent:
            return Later(absent.reason)
        except Barred as barred:
            return Nowhere(barred.reason)
        if isinstance(found, str):
            return found
        return judge_asking(found.status, meaning(found.status, found.retry_after, Scheme.ED25519))

    async def _send(self, hand: Hand, scheme: Scheme, parcel: Parcel, inbox: str, location: Location) -> Reply:
        headers = hand.fields(scheme, parcel.actor, inbox, CONTENT_TYPE, parcel.body)
        return await self._post.post(inbox, parcel.body, headers, location)
