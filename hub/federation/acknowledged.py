"""What other Trait d'union told us became of what we brought them: taken where it was really sent, the last word of each kept."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, select

from hub.federation.acknowledgements import Fault, opened
from hub.federation.parcel import Form
from hub.federation.work import DONE
from hub.ports import RefusedError
from hub.storage.courier_tables import peer_activities
from hub.storage.receipt_tables import peer_receipts
from hub.storage.rows import Rows, among, renewing
from hub.storage.tables import outbox
from schemas.sequence import PEERS
from schemas.topics import HUB_FACTS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.federation.addresses import Addresses
    from hub.federation.verification import VerifiedActivity
    from hub.federation.work import Work
    from schemas.peer_receipt import Acknowledged

CHANGING: Final = ("digest", "fate", "reason", "community", "sequence", "nodes", "issued", "receipt", "at")
RECEIPTS: Final = Rows(peer_receipts, then=renewing(("peer", "event"), CHANGING) + " WHERE excluded.issued >= peer_receipts.issued")


@dataclass(frozen=True, slots=True)
class Sent:
    """An event as peers were told it: to which, in which bytes; neither is known while the courier is about to write it down."""

    peers: frozenset[str] | None = None
    digests: frozenset[str] = frozenset()

    def fault(self, peer: str, one: Acknowledged) -> Fault | None:
        """Why a peer has no word to say on it."""
        if self.peers is None:
            return None  # its receipt has overtaken our own note; who reads it compares them again
        if peer not in self.peers:
            return Fault.UNSENT
        return None if one.digest in self.digests else Fault.OTHER_BYTES


@dataclass(frozen=True, slots=True)
class PeerWord:
    """A peer's last word on an event: `nodes` with the verdict of each, `receipt` the activity by which it came."""

    peer: str
    event: str
    digest: str
    fate: str
    reason: str | None
    community: str | None
    sequence: int | None
    nodes: Mapping[str, str]
    issued: datetime
    receipt: str
    at: datetime


async def on_receipt(activity: VerifiedActivity, work: Work, here: Addresses) -> str:
    """Another Trait d'union tells what became of activities of ours; what of it was never sent there is left, and all of it refused by name."""
    peer = await work.peer(activity.peer)
    receipt = opened(activity.told, peer, here, activity.provenance.received)
    if isinstance(receipt, Fault):
        raise RefusedError(receipt)
    events = {here.event_of(one.activity) or "": one for one in receipt.deliveries}
    sent = await work.acknowledged.sent(events)
    faults = {event: sent[event].fault(activity.peer, one) if event in sent else Fault.UNSENT for event, one in events.items()}
    for event, one in events.items():
        if faults[event] is None:
            said = (one.digest, one.fate.value, one.reason, one.community, one.sequence, one.nodes)
            work.acknowledged.save(PeerWord(activity.peer, event, *said, receipt.issued, activity.id, work.clock()))
    refused = [fault for fault in faults.values() if fault is not None]
    if len(refused) == len(faults):
        raise RefusedError(refused[0])
    work.acknowledged.refuse(activity.peer, refused)
    return DONE


class SqlAcknowledged:
    """Receipts of others, gathered in memory and written with the transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._words: dict[tuple[str, str], PeerWord] = {}
        self.counted: Counter[tuple[str, str]] = Counter()
        """How many words of each peer said what, refused ones by their reason."""

    async def sent(self, events: Collection[str]) -> dict[str, Sent]:
        """Those of the events that peers were told, or are just being told."""
        told = select(peer_activities).where(among(peer_activities.c.event, events), peer_activities.c.form == Form.ANNOUNCED.value)
        found: dict[str, Sent] = {}
        for row in await self._connection.execute(told):
            known = found.get(row.event, Sent(frozenset()))
            found[row.event] = Sent((known.peers or frozenset()) | set(row.peers), known.digests | {row.digest})
        if missing := set(events) - set(found):
            numbered = select(outbox.c.event).where(
                among(outbox.c.event, missing), outbox.c.topic == HUB_FACTS.name, outbox.c.targets.has_key(PEERS)
            )
            found |= dict.fromkeys(await self._connection.scalars(numbered), Sent())
        return found

    def save(self, word: PeerWord) -> None:
        """Keep a word, unless a later one is kept."""
        known = self._words.get((word.peer, word.event))
        if known is None or known.issued <= word.issued:
            self._words[word.peer, word.event] = word
        self.counted[word.peer, word.fate] += 1

    def refuse(self, peer: str, faults: Collection[Fault]) -> None:
        """Count the words of a receipt that are not believed, beside others that are."""
        self.counted.update((peer, fault.value) for fault in faults)

    async def flush(self) -> None:
        """Write them in one statement."""
        await RECEIPTS.write(self._connection, [_row(one) for one in self._words.values()])
        self._words = {}


async def forget_words(connection: AsyncConnection, before: datetime) -> None:
    """Forget what the topic has forgotten too."""
    await connection.execute(delete(peer_receipts).where(peer_receipts.c.at < before))


def _row(one: PeerWord) -> dict[str, Any]:
    return {column.name: getattr(one, column.name) for column in peer_receipts.columns}
