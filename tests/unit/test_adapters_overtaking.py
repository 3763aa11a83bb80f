"""What leaves a silenced node's spool before the rest: what takes back, without ever being undone by what waits behind it."""

from __future__ import annotations

from datetime import UTC, datetime

from adapters.overtaking import Overtaking
from adapters.spool import Record, Row


def row(position: int, kind: str, subject: str) -> Row:
    headers = [("ce_type", f"fr.gouv.rse.{kind}.v1".encode()), ("ce_subject", subject.encode())]
    return Row(position, b"", Record("rse.inbound.v1", b"", b"", headers), datetime(2026, 11, 22, tzinfo=UTC))


def overtaking(*rows: Row) -> list[tuple[int, list[int]]]:
    read = Overtaking()
    pages = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    return [(one.position, list(void)) for page in pages for one, void in read.of(page)]


def test_a_deletion_does_not_wait_behind_what_may_not_be_said() -> None:
    assert overtaking(row(1, "message.posted", "new"), row(2, "message.deleted", "old"), row(3, "reaction.removed", "like")) == [
        (2, []),
        (3, []),
    ]


def test_an_edit_that_waits_is_void_once_its_message_is_deleted() -> None:
    assert overtaking(row(1, "message.edited", "old"), row(2, "message.edited", "other"), row(3, "message.deleted", "old")) == [(3, [1])]


def test_a_deletion_stays_behind_the_message_that_nobody_heard_of() -> None:
    assert overtaking(row(1, "message.posted", "new"), row(2, "message.edited", "new"), row(3, "message.deleted", "new")) == []


def test_a_message_that_is_restored_after_its_deletion_waits_in_its_turn() -> None:
    rows = (
        row(1, "message.deleted", "old"),
        row(2, "message.edited", "old"),
        row(3, "message.deleted", "old"),
        row(4, "message.edited", "old"),
    )
    assert overtaking(*rows) == [(1, []), (3, [2])]


def test_what_is_no_event_of_a_persons_stays() -> None:
    sealed = Row(1, b"", Record("adapters.dlq.v1", b"", b"", [("node", b"wifip")]), datetime(2026, 11, 22, tzinfo=UTC))
    assert overtaking(sealed, row(2, "copy.withdrawn", "x")) == []
