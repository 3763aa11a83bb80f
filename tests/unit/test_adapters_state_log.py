"""What the log is told of a door that opens and closes: its state within a minute, and how often, never a line for each time."""

from __future__ import annotations

from structlog.testing import capture_logs

from adapters.state_log import EVERY, StateLog


class Watched:
    """A door's log under a clock that a test turns."""

    def __init__(self) -> None:
        self.now = 0.0
        self.log = StateLog("door_open", "door_closed", lambda: self.now, node="wifip")

    def toggles(self, times: int) -> None:
        for _ in range(times):
            self.log.closed("door_busy")
            self.log.opened()
            self.now += 0.1


def test_a_door_that_opens_and_closes_at_every_request_is_two_lines_a_minute() -> None:
    door = Watched()
    with capture_logs() as lines:
        door.log.opened()
        door.toggles(300)
        door.now = EVERY + 1
        door.toggles(1)
    assert [(one["event"], one.get("closings")) for one in lines] == [
        ("door_open", None), ("door_closed", 1), ("door_open", None), ("door_closed", 300), ("door_open", None),
    ]  # fmt: skip


def test_a_door_that_stays_closed_is_told_within_the_minute_and_once() -> None:
    door = Watched()
    with capture_logs() as lines:
        door.log.opened()
        door.toggles(5)
        door.log.closed("node_suspended")
        for _ in range(200):
            door.now += 1.0
            door.log.stays_closed()
        door.log.opened()
    assert [one["event"] for one in lines] == ["door_open", "door_closed", "door_open", "door_closed", "door_open"]
    assert lines[3]["reason"] == "node_suspended"
    assert lines[3]["closings"] == 5


def test_another_reason_is_told_though_the_door_never_opened() -> None:
    door = Watched()
    with capture_logs() as lines:
        door.log.closed("ClientConnectorError")
        for _ in range(200):
            door.now += 1.0
            door.log.closed("key_revoked")
    assert [(one["event"], one["reason"]) for one in lines] == [("door_closed", "ClientConnectorError"), ("door_closed", "key_revoked")]


def test_a_door_that_was_never_open_is_not_said_to_have_closed() -> None:
    door = Watched()
    with capture_logs() as lines:
        door.log.stays_closed()
    assert lines == []


def test_what_was_open_before_is_not_said_to_have_opened() -> None:
    with capture_logs() as lines:
        spool = StateLog("spool_has_room", "spool_full", open_before=True, instance="wifip")
        spool.opened()
        spool.closed("parked")
        spool.opened()
    assert [one["event"] for one in lines] == ["spool_full", "spool_has_room"]
