"""Asking the hub for what was missed: before what waits in the spool, and again at once where it was not sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from adapters.asking_again import AGAIN_AFTER, Asking
from adapters.ledger import LedgerUnavailable
from adapters.resyncs import Lost, Resyncs
from adapters.spool import SpoolFull
from adapters.ties import Tie, TieState
from schemas.keys import SigningKey
from schemas.words import Audience
from tests.fakes_adapters import NoLedger
from tests.fakes_plain import SPACE, an_instance

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from adapters.spool import Record

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TIE = Tie(SPACE, "futurs", "Futurs", Audience.MEMBERS, Audience.MEMBERS, externals=False, state=TieState.CONFIRMED, renewed_at=NOW)


@dataclass
class Out:
    """A way to the hub that fails as often as it shall; only what goes ahead of the spool goes at all."""

    faults: list[Exception]
    ready: bool = True
    sent: list[Record] = field(default_factory=list)

    async def put_ahead(self, records: Sequence[Record]) -> list[None]:
        if self.faults:
            raise self.faults.pop()
        self.sent += records
        return [None] * len(records)


@pytest.mark.parametrize("fault", [SpoolFull(), LedgerUnavailable()])
async def test_what_could_not_be_sent_is_asked_at_the_next_look(fault: Exception, tmp_path: Path) -> None:
    now, out, instance = [NOW], Out([fault]), an_instance(tmp_path)
    ledger: Any = NoLedger()
    resyncs = Resyncs(ledger, "rse")
    ties: Any = SimpleNamespace(all=lambda: [TIE])
    applied: Any = SimpleNamespace(numbers=lambda _: None)
    key, outgoing = SigningKey.generate(instance.node), out
    asking = Asking("rse", instance, key, ties, applied, resyncs, outgoing, lambda: now[0], print)  # type: ignore[arg-type]  # fakes
    await asking.missed(Lost.EXPIRED)
    with pytest.raises(type(fault)):
        await asking.ask_due()
    await asking.ask_due()
    await asking.ask_due()
    assert len(out.sent) == 1
    now[0] += AGAIN_AFTER + timedelta(seconds=1)
    await asking.ask_due()
    assert len(out.sent) == 2
