"""Copies that repeat words of what they answer: rewritten when those words change, and without them once they are taken back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from adapters.applied import Requoted
from adapters.port import WITHDRAWN, Act, Never, Order, RseClient, Written
from adapters.stand_in import is_of_ours
from schemas.facts.message import MessageDeleted, MessageEdited
from schemas.facts.moderation import CopyRestored, MessageModerated, MessageRestored
from schemas.words import Verdict

if TYPE_CHECKING:
    from adapters.bench import Bench
    from adapters.last_door import Passed
    from adapters.memory import KnownObject
    from adapters.orders import Verdicted
    from adapters.port import WriteOutcome

DONE: Final = frozenset({Verdict.WRITTEN, Verdict.CONFIRMED, Verdict.SKIPPED})
KEPT: Final = "quotation_kept"


@runtime_checkable
class Quotes(RseClient, Protocol):
    """An RSE too shallow for threads, whose copies begin with words of what they answer."""

    async def requote(self, copy: str, answered: str | None) -> WriteOutcome:
        """Let a copy repeat the words of `answered` as they stand now; none where that is gone. Done twice it is as done once."""
        ...


@dataclass(frozen=True, slots=True)
class _Changed:
    """What became of a message: its native id here, None where nobody is to read it here any more."""

    subject: str
    native_id: str | None


class Quotations:
    """Follows what is done to messages through the copies of one instance that repeat their words."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._client = bench.client if isinstance(bench.client, Quotes) else None

    async def follow(self, said: Verdicted, passed: Passed) -> Verdicted:
        """The same verdict with the quotations that were rewritten for it; refused where the RSE lets one stand."""
        changed = self._changed(said, passed) if said.verdict in DONE else None
        if self._client is None or changed is None:
            return said
        keys, requoted, kept = list(said.keys), [], False
        for copy in await self._bench.applied.quoting(changed.subject):
            attempt = Attempt(self._bench, self._client, _order(passed, changed, copy), changed.native_id)
            keys.append(attempt.order.key)
            match await self._bench.pause.through(attempt):
                case Written(version=version):
                    requoted.append(Requoted(copy.native_id, version))
                case Never(reason=reason):
                    kept = kept or reason != WITHDRAWN
        said = replace(said, keys=tuple(keys), requoted=tuple(requoted))
        return replace(said, verdict=Verdict.REFUSED, reason=KEPT) if kept else said

    def _changed(self, said: Verdicted, passed: Passed) -> _Changed | None:
        """What was said in another RSE has changed once its copy has; what was said here, when the hub has numbered it."""
        envelope, fact = passed.verified.event.envelope, passed.verified.fact
        if is_of_ours(passed, self._bench.instance.node, self._bench.door.hub):
            return _Changed(envelope.subject, envelope.nativeid)  # whether it still stands is read in the RSE
        match fact:
            case MessageDeleted() | MessageModerated():
                return _Changed(envelope.subject, None)
            case MessageRestored() | CopyRestored() if said.verdict is Verdict.WRITTEN:
                return _Changed(envelope.subject, said.native_id)
            case MessageEdited() if envelope.source == self._bench.instance.node:
                return _Changed(envelope.subject, envelope.nativeid)
            case MessageEdited() if said.verdict is Verdict.WRITTEN:
                return _Changed(envelope.subject, said.native_id)
            case MessageEdited() if said.reason == WITHDRAWN:  # people here took its copy away: there is nothing to repeat
                return _Changed(envelope.subject, None)
            case _:
                return None


def _order(passed: Passed, changed: _Changed, copy: KnownObject) -> Order:
    """By which the RSE's limits and the ledger's intents know the write: no change of the copy is a person's while it is under way."""
    key = f"{passed.verified.event.envelope.id}.{copy.native_id}"
    return Order(Act.EDITED, key, changed.subject, copy.space, native_id=copy.native_id)


@dataclass
class Attempt:
    """One quotation's attempts: each intends, and reads before it writes."""

    bench: Bench
    client: Quotes
    order: Order
    answered: str | None

    async def __call__(self) -> WriteOutcome:
        """One attempt; raises LedgerUnavailable."""
        await self.client.turn(self.order)
        await self.bench.applied.intend(self.order, self.bench.clock())
        return await self.client.requote(self.order.native_id or "", self.answered)
