"""What we owe other Trait d'union: a word on each activity that one of their groups announced to us, until nothing more becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, select

from hub.federation.work import DOUBLE, OWN
from hub.storage.receipt_tables import receipts_owed
from hub.storage.rows import Rows, renewing
from schemas.peer_receipt import Fate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.federation.verification import VerifiedActivity
    from hub.registry.peers import Peer

FOLLOWED: Final = frozenset({"sequenced", "held"})
"""Outcomes that go on: the event itself is looked at from now on."""
KNOWN: Final = frozenset({DOUBLE, OWN, "superseded"})
KEY: Final = ("peer", "activity")
NEW: Final = Rows(
    receipts_owed,
    then=renewing(KEY, ["event", "fate", "reason", "looks", "due_at"]) + f" WHERE receipts_owed.fate = '{Fate.REFUSED}'",
)
"""The first word stands, of the bytes that came first, unless it was a refusal: what was refused may be heard after all, or refused by another name."""
LOOKED_AT: Final = Rows(receipts_owed, then=renewing(KEY, ["told", "looks", "due_at"]))


@dataclass(frozen=True, slots=True)
class Owed:
    """One activity of a peer's: `event` is what it became here and is asked for its fate, where `fate` is not known for good.

    `told` is what was said of it last, empty where nothing was; it is looked at again when it is due, None where all is said.
    """

    peer: str
    activity: str
    digest: str
    inbox: str
    event: str | None
    fate: str | None
    reason: str | None
    at: datetime
    due_at: datetime | None
    told: str = ""
    looks: int = 0


def owed(activity: VerifiedActivity, peer: Peer | None, event: str | None, outcome: str, reason: str | None, now: datetime) -> Owed | None:
    """What is owed for an activity of this outcome; None where no word is expected: by others' servers, and for what no group announced."""
    group = activity.told.via and activity.provenance.named(activity.told.via)
    if not group or peer is None or not peer.acknowledges:
        return None
    followed = outcome in FOLLOWED and event is not None
    return Owed(
        activity.peer, activity.id, activity.provenance.digest, group.shared_inbox or group.inbox, event if followed else None,
        None if followed else _fate(outcome).value, reason, now, now,
    )  # fmt: skip


def _fate(outcome: str) -> Fate:
    if outcome == Fate.REFUSED:
        return Fate.REFUSED
    return Fate.KNOWN if outcome in KNOWN else Fate.NOTED


class SqlOwed:
    """Receipts owed, gathered in memory and written with the transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._new: dict[tuple[str, str], Owed] = {}
        self._looked_at: list[Owed] = []

    def add(self, one: Owed) -> None:
        """Owe a receipt."""
        self._new[one.peer, one.activity] = one

    def look(self, one: Owed) -> None:
        """Remember what was said, and when to look again."""
        self._looked_at.append(one)

    async def due(self, limit: int, now: datetime) -> Sequence[Owed]:
        """Those to look at, locked until the transaction ends; another worker takes others."""
        waiting = select(receipts_owed).where(receipts_owed.c.due_at <= now).order_by(receipts_owed.c.due_at)
        rows = await self._connection.execute(waiting.limit(limit).with_for_update(skip_locked=True))
        return [Owed(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's documented way to a row as a mapping

    async def flush(self) -> None:
        """Write what is new and what was looked at."""
        await NEW.write(self._connection, [_row(one) for one in self._new.values()])
        await LOOKED_AT.write(self._connection, [_row(one) for one in self._looked_at])
        self._new, self._looked_at = {}, []


async def forget_owed(connection: AsyncConnection, before: datetime) -> None:
    """Forget what is so old that its sender has forgotten it too."""
    await connection.execute(delete(receipts_owed).where(receipts_owed.c.at < before))


def _row(one: Owed) -> dict[str, Any]:
    return {column.name: getattr(one, column.name) for column in receipts_owed.columns}
