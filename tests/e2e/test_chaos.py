"""A short run of faults, of one seed: everything of ours is killed, nothing is lost, doubled or out of order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos import faults
from tests.chaos.report import tell
from tests.chaos.schedule import Fault, Limits
from tests.chaos.session import Options, run
from tests.fakes_demo import NOT_INSTALLED

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.long, pytest.mark.skipif(NOT_INSTALLED is not None, reason=str(NOT_INSTALLED))]

BROKEN = (
    Fault.KAFKA_RESTARTED, Fault.POSTGRES_KILLED, Fault.LEDGER_FULL, Fault.RSE_KILLED, Fault.RSE_STOPPED, Fault.RSE_5XX, Fault.RSE_429, Fault.RSE_SLOW,
    Fault.RSE_ANSWER_LOST, Fault.CLOCK_AHEAD, Fault.WEBHOOK_TWICE, Fault.WEBHOOK_LATE, Fault.PEER_AWAY, Fault.PEER_5XX, Fault.PEER_ANSWER_LOST,
)  # fmt: skip
"""What is always there to be broken."""
KILLED = (*faults.KILLED, Fault.CONNECTOR_KILLED)
"""One that finds nobody to kill, since that process is just coming back, is none."""
SHORT = Options(
    seed=56997, seconds=24.0, twins=4, communities=1, rate=4.0, every=0.85, retry_unit=1 / 240, settle=90.0,
    limits=Limits(outage=1.5, slow=1.0, most=2, faults=(*BROKEN, *KILLED)),
)  # fmt: skip
"""In this seed's plan each comes once; the clock that moves is of an RSE whose time may be wrong, and what comes twice or late is of RSEs that send webhooks."""


async def test_a_short_run_of_faults_loses_doubles_and_disorders_nothing(tmp_path: Path) -> None:
    outcome = await run(SHORT, tmp_path)
    tell(outcome)
    assert outcome.faults.keys() >= set(BROKEN)
    assert len(outcome.faults.keys() & set(KILLED)) >= 6
    assert outcome.book.done.total() >= 45
    assert outcome.findings == []
