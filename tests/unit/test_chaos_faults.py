"""What a chaos run breaks and in what: every process that `traitdunion up` starts, in ten RSEs of every kind."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from hub.__main__ import FEDERATION, GROUPS
from hub.supervisor import hub_children
from tests.chaos.__main__ import read
from tests.chaos.faults import ASKED_OF_TWIN, KILLED
from tests.chaos.kinds import KINDS
from tests.chaos.schedule import Fault

if TYPE_CHECKING:
    import pytest

OTHERWISE = {
    Fault.CONNECTOR_KILLED, Fault.SUPERVISOR_KILLED, Fault.KAFKA_KILLED, Fault.KAFKA_RESTARTED, Fault.POSTGRES_KILLED,
    Fault.POSTGRES_RESTARTED, Fault.SPOOL_FULL, Fault.LEDGER_FULL, Fault.GATEWAY_AWAY, Fault.RSE_KILLED, Fault.RSE_STOPPED,
    Fault.CLOCK_AHEAD, Fault.CLOCK_BEHIND, Fault.PEER_AWAY, Fault.PEER_5XX, Fault.PEER_ANSWER_LOST,
}  # fmt: skip
"""Faults that are made neither by killing one of the hub's processes nor by asking a twin to misbehave."""


def test_every_kind_of_process_of_the_hub_is_killed() -> None:
    started = {tuple(child.command[3:]) for child in hub_children(GROUPS, 0, FEDERATION)}
    assert started == set(KILLED.values())


def test_every_fault_has_one_way_in_which_it_is_made() -> None:
    assert sorted([*KILLED, *ASKED_OF_TWIN, *OTHERWISE]) == sorted(Fault)


def test_a_run_is_of_ten_twins_and_of_all_platforms_and_breaks_everything_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["chaos", "--seed", "1"])
    options = read()
    assert (options.twins, options.arrives, set(options.limits.faults)) == (10, True, set(Fault))
    assert {kind.platform for kind in KINDS} == {"discourse", "matrix", "exo"}
