"""One look at a polled space: told once, remembered after the ack, deleted only by its own word."""

from __future__ import annotations

import gc
import weakref
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from adapters import set_back
from adapters.looks import MISSING_AT_ONCE, RE_READ, Looked, View
from adapters.port import Act, Change, Later, Never, Reading
from adapters.telling import NotKeptError
from adapters.watch import LeaseLost
from tests.fakes_polled import PolledSink, view_of
from tests.fakes_polled_rse import PolledRse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from adapters.port import Same, Sighting
    from adapters.watch import Row


class Room:
    """A space, the looks at it and what they told."""

    def __init__(self) -> None:
        self.rse, self.sink = PolledRse(), PolledSink()
        self.view = view_of("salon")
        self.looker = self.sink.looker(self.rse)

    async def look(self) -> Looked | Later | Never:
        return await self.looker.look(self.view)

    def restart(self) -> None:
        """Another process, which has the ledger alone."""
        self.view, self.looker = View(self.view.poll, self.sink.watch.cursors.get("salon")), self.sink.looker(self.rse)

    @property
    def told(self) -> list[tuple[str, str, str]]:
        changes = [one for one in self.sink.outcomes if isinstance(one, Change)]
        return [(one.act.value, one.native_id, one.content.text if one.content else "") for one in changes]


async def test_a_message_and_its_replies_are_told_once_parents_first() -> None:
    room = Room()
    room.rse.say("a", "Bonjour")
    room.rse.say("b", "Merci", under="a")
    assert await room.look() == Looked(changed=True)
    assert await room.look() == Looked(changed=False)
    assert room.told == [("posted", "a", "Bonjour"), ("posted", "b", "Merci")]


async def test_a_restart_tells_nothing_again_and_goes_on_at_the_cursor() -> None:
    room = Room()
    room.rse.say("a", "Bonjour")
    room.rse.say("b", "Merci", under="a")
    await room.look()
    before = room.told
    room.restart()
    assert await room.look() == Looked(changed=False)
    assert room.told == before
    assert room.view.cursor is not None


async def test_what_the_window_showed_is_let_go_of_before_threads_are_read() -> None:
    """Several spaces of several RSEs are looked at at once: held to the end, their windows would stand in memory together."""
    shown: list[weakref.ref[Sighting]] = []
    stand: list[bool] = []

    class Rse(PolledRse):
        async def window(
            self, space: str, since: datetime, most: int, unless: str, head: tuple[object, ...] = ()
        ) -> Reading | Same | Later | Never:
            reading = await super().window(space, since, most, unless, head)
            shown.extend(map(weakref.ref, reading.sightings if isinstance(reading, Reading) else ()))
            return reading

        async def replies(self, space: str, root: str, unless: str) -> Reading | Same | Later | Never:
            gc.collect()
            stand.extend(one() is not None for one in shown)
            return await super().replies(space, root, unless)

    rse, sink = Rse(), PolledSink()
    rse.say("a", "Bonjour")
    rse.say("b", "Merci", under="a")
    await sink.looker(rse).look(view_of("salon"))
    assert (stand, len(sink.outcomes)) == ([False], 2)


async def test_what_has_not_changed_is_not_read_again() -> None:
    room, read = Room(), list[str]()
    for name in ("a", "b"):
        room.rse.say(name, "Bonjour")
    room.rse.reads = read.append
    await room.look()
    room.rse.said["b"].text = "Bonsoir"
    assert (await room.look(), read) == (Looked(changed=True), ["a", "b", "b"])


async def test_an_edit_made_while_nobody_looked_is_seen_of_roots_and_of_replies() -> None:
    room = Room()
    room.rse.say("a", "Bonjour")
    room.rse.say("b", "Merci", under="a")
    await room.look()
    room.rse.said["a"].text, room.rse.said["b"].text = "Bonsoir", "Merci bien"
    room.restart()
    await room.look()
    assert room.told[2:] == [("edited", "a", "Bonsoir"), ("edited", "b", "Merci bien")]


async def test_a_reply_whose_edit_announces_itself_nowhere_is_found_in_turn() -> None:
    room = Room()
    for number in range(2 * RE_READ):
        room.rse.say(f"a{number}", "Bonjour")
        room.rse.say(f"b{number}", "Merci", under=f"a{number}")
    await room.look()
    room.rse.said["b4"].text = "Merci bien"
    room.rse.asked.clear()
    for _ in range(3):
        await room.look()
    assert room.told[-1] == ("edited", "b4", "Merci bien")
    assert sum(question.startswith("replies") for question in room.rse.asked) == 3 * RE_READ


async def test_nothing_is_remembered_before_it_is_stored_and_all_of_it_comes_again() -> None:
    room = Room()
    room.rse.say("a", "Bonjour")
    room.sink.refusing = "spool_full"
    with pytest.raises(NotKeptError):
        await room.look()
    assert room.sink.watch.cursors == {}
    assert room.view.cursor is None
    room.sink.refusing = ""
    await room.look()
    assert room.told == [("posted", "a", "Bonjour")]
    assert list(room.sink.watch.cursors) == ["salon"]


async def test_more_than_the_spool_could_take_is_told_in_portions_that_it_takes() -> None:
    room = Room()
    for number in range(5):
        room.rse.say(f"a{number}", "Bonjour")
    room.sink.room = 2
    assert await room.look() == Looked(changed=True)
    assert [native_id for _, native_id, _ in room.told] == ["a0", "a1", "a2", "a3", "a4"]
    assert await room.look() == Looked(changed=False)


async def test_what_was_stored_before_the_spool_was_full_is_remembered_and_the_rest_comes_again() -> None:
    room = Room()
    for number in range(5):
        room.rse.say(f"a{number}", "Bonjour")
    room.sink.room, room.sink.most = 2, 3
    with pytest.raises(NotKeptError):
        await room.look()
    assert (room.sink.watch.cursors, room.view.cursor) == ({}, None)
    room.sink.most = 1_000
    await room.look()
    assert [native_id for _, native_id, _ in room.told] == ["a0", "a1", "a2", "a3", "a4"]


@pytest.mark.parametrize("killed", ["a", "b"])
async def test_what_was_told_and_not_noted_before_the_process_ended_is_deleted_too(killed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room()
    room.rse.say("a", "Bonjour")
    if killed == "b":
        await room.look()
        room.rse.say("b", "Merci", under="a")
        room.rse.say("c", "De rien", under="a")
    keep = room.sink.watch.keep

    async def cut_off(space: str, rows: Sequence[Row], now: datetime, cursor: str | None) -> None:
        if any(row.revision for row in rows if row.native_id == killed):
            raise LeaseLost(space)
        await keep(space, rows, now, cursor)

    monkeypatch.setattr(room.sink.watch, "keep", cut_off)
    with pytest.raises(LeaseLost):
        await room.look()
    monkeypatch.undo()
    del room.rse.said[killed]
    room.restart()
    await room.look()
    await room.look()
    assert room.told.count(("deleted", killed, "")) == 1


async def test_absence_from_a_page_is_no_deletion() -> None:
    room = Room()
    room.rse.say("a", "Bonjour")
    await room.look()
    room.rse.hidden.add("a")
    assert await room.look() == Looked(changed=False)
    assert "gone a" in room.rse.asked
    assert room.told == [("posted", "a", "Bonjour")]


@pytest.mark.parametrize("reason", ["status_500", "timeout", "space_unreadable"])
async def test_an_object_that_does_not_say_404_is_not_deleted_and_is_asked_again(reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(set_back, "FIRST_SECONDS", 0.0)
    room = Room()
    room.rse.say("a", "Bonjour")
    await room.look()
    del room.rse.said["a"]
    room.rse.refusing["gone a"] = Later(reason)
    await room.look()
    await room.look()
    assert room.told == [("posted", "a", "Bonjour")]
    assert room.rse.asked.count("gone a") > 1
    room.rse.refusing.clear()
    await room.look()
    assert room.told[-1] == ("deleted", "a", "")


async def test_a_404_deletes_once_with_what_stood_under_it_and_is_not_asked_again() -> None:
    room = Room()
    room.rse.say("a", "Bonjour")
    room.rse.say("b", "Merci", under="a")
    await room.look()
    room.rse.said.clear()
    await room.look()
    room.restart()
    await room.look()
    assert room.told[2:] == [("deleted", "b", ""), ("deleted", "a", "")]
    assert room.rse.asked.count("gone a") == 1


async def test_however_many_are_deleted_at_once_all_are_told_in_a_few_looks_though_nothing_else_happens() -> None:
    room = Room()
    for number in range(2 * MISSING_AT_ONCE + 5):
        room.rse.say(f"a{number}", "Bonjour")
        room.rse.say(f"b{number}", "Merci", under="a0")
    await room.look()
    for name in [name for name in room.rse.said if name not in {"a0", "a1"}]:
        del room.rse.said[name]
    for _ in range(6):
        await room.look()
    assert sum(act == "deleted" for act, _, _ in room.told) == 2 * (2 * MISSING_AT_ONCE + 5) - 2


async def test_replies_that_went_with_a_copy_which_we_deleted_are_not_told_as_deleted_by_their_authors() -> None:
    room = Room()
    room.rse.say("a", "Bonjour")
    room.rse.say("b", "Merci", under="a")
    await room.look()
    room.sink.watch.ours_deleted.add("a")
    room.rse.said.clear()
    await room.look()
    room.restart()
    await room.look()
    assert room.told[2:] == [("deleted", "a", "")]


async def test_a_reply_that_is_asked_for_before_its_root_went_with_it_too() -> None:
    """What left the window is asked for in any order, and an older eXo shows comments in it."""
    room = Room()
    room.rse.say("a", "Bonjour")
    room.rse.say("b", "Merci", under="a")
    await room.look()
    kept = room.sink.watch.kept
    kept["a"] = kept.pop("a")
    room.view.departed.add("b")
    room.sink.watch.ours_deleted.add("a")
    room.rse.said.clear()
    await room.look()
    assert room.told[2:] == [("deleted", "a", "")]


async def test_a_reply_that_its_author_deletes_under_what_we_took_away_and_brought_back_is_deleted() -> None:
    room = Room()
    room.rse.say("a", "Bonjour")
    room.rse.say("b", "Merci", under="a")
    await room.look()
    room.sink.watch.ours_deleted.add("a")
    del room.rse.said["b"]
    await room.look()
    assert room.told[2:] == [("deleted", "b", "")]


async def test_a_reply_that_is_gone_while_its_root_stays_is_deleted_alone() -> None:
    room = Room()
    room.rse.say("a", "Bonjour")
    room.rse.say("b", "Merci", under="a")
    room.rse.say("c", "De rien", under="a")
    await room.look()
    del room.rse.said["b"]
    await room.look()
    assert room.told[3:] == [("deleted", "b", "")]


async def test_a_reply_that_did_not_say_that_it_is_gone_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(set_back, "FIRST_SECONDS", 0.0)
    room = Room()
    room.rse.say("a", "Bonjour")
    room.rse.say("b", "Merci", under="a")
    room.rse.say("c", "De rien", under="a")
    await room.look()
    del room.rse.said["b"]
    room.rse.refusing["gone b"] = Later("status_500")
    await room.look()
    assert room.told[3:] == []
    room.rse.refusing.clear()
    await room.look()
    assert room.told[3:] == [("deleted", "b", "")]


async def test_the_last_reply_of_a_root_is_deleted_too() -> None:
    room = Room()
    room.rse.say("a", "Bonjour")
    room.rse.say("b", "Merci", under="a")
    await room.look()
    del room.rse.said["b"]
    await room.look()
    assert room.told[2:] == [("deleted", "b", "")]


async def test_what_was_said_before_the_tie_stays_there_until_it_is_edited() -> None:
    room = Room()
    room.rse.say("old", "Entre nous", ago=timedelta(hours=2))
    room.rse.say("new", "Pour tous")
    await room.look()
    assert room.told == [("posted", "new", "Pour tous")]


async def test_replies_that_cannot_be_read_now_are_read_at_the_next_look() -> None:
    room = Room()
    room.rse.say("a", "Bonjour")
    room.rse.say("b", "Merci", under="a")
    room.rse.refusing["replies a"] = Later("rate_limited", 7.0)
    assert await room.look() == Later("rate_limited", 7.0)
    room.rse.refusing.clear()
    await room.look()
    assert room.told == [("posted", "a", "Bonjour"), ("posted", "b", "Merci")]


@pytest.mark.parametrize("question", ["newer", "window"])
async def test_a_space_that_cannot_be_read_tells_nothing(question: str) -> None:
    room = Room()
    room.rse.say("a", "Bonjour")
    room.rse.refusing[question] = Never("forbidden")
    assert await room.look() == Never("forbidden")
    assert room.told == []


async def test_replies_that_can_never_be_read_hold_up_nothing_else() -> None:
    room = Room()
    for name in "abcde":
        room.rse.say(name, "Bonjour")
        room.rse.say(f"{name}1", "Merci", under=name)
    room.rse.refusing["replies b"] = Later("status_500")
    for _ in range(6):
        await room.look()
    assert {name for _, name, _ in room.told} == {*"abcde", "a1", "c1", "d1", "e1"}
    del room.rse.said["d"]
    for _ in range(3):
        await room.look()
    assert ("deleted", "d", "") in room.told


async def test_a_look_that_lost_its_lease_remembers_nothing() -> None:
    room = Room()
    room.rse.say("a", "Bonjour")
    room.sink.watch.lost = True
    with pytest.raises(LeaseLost):
        await room.look()
    assert room.told == []
    assert room.sink.watch.kept == {}


async def test_a_page_that_has_not_changed_is_not_read_again() -> None:
    room = Room()
    room.rse.say("a", "Bonjour")
    await room.look()
    mark = room.view.mark
    await room.look()
    assert room.view.mark == mark != ""
    assert [one.act for one in room.sink.outcomes if isinstance(one, Change)] == [Act.POSTED]
