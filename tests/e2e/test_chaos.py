"""A short run of faults, of one seed: everything of ours is killed, nothing is lost, doubled or out of order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.report import tell
from tests.chaos.schedule import Fault, Limits
from tests.chaos.session import Options, run
from tests.fakes_demo import NOT_INSTALLED

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.long, pytest.mark.skipif(NOT_INSTALLED is not None, reason=str(NOT_INSTALLED))]

QUICK = (
    Fault.INBOUND_KILLED, Fault.FANOUT_KILLED, Fault.RECEIPTS_KILLED, Fault.RELAY_KILLED, Fault.DOOR_KILLED, Fault.CONNECTOR_KILLED, Fault.POSTGRES_KILLED,
    Fault.PEERS_KILLED, Fault.PEER_DOOR_KILLED, Fault.COURIER_KILLED, Fault.PEER_5XX, Fault.PEER_ANSWER_LOST, Fault.RSE_KILLED, Fault.RSE_5XX, Fault.RSE_429, Fault.RSE_ANSWER_LOST, Fault.CLOCK_AHEAD, Fault.WEBHOOK_TWICE, Fault.WEBHOOK_LATE,
)  # fmt: skip
SHORT = Options(
    seed=2035, seconds=7.0, twins=4, communities=1, rate=5.0, every=0.5, retry_unit=1 / 240, settle=60.0,
    limits=Limits(outage=1.0, slow=1.0, most=2, faults=QUICK),
)  # fmt: skip


async def test_a_short_run_of_faults_loses_doubles_and_disorders_nothing(tmp_path: Path) -> None:
    outcome = await run(SHORT, tmp_path)
    tell(outcome)
    assert sum(outcome.faults.values()) >= 7  # one that finds nobody to kill, since all are coming back, is none
    assert outcome.book.done.total() >= 15
    assert outcome.findings == []
