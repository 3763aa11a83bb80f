"""One look at what a platform could not tell: told first, then noted; what was not stored is asked again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from prometheus_client import REGISTRY

from adapters.looks import Looked
from adapters.losses import LossLooker
from adapters.memory import Known, KnownObject
from adapters.port import Act, Change, Claim, Later, Loss, Losses, Never
from adapters.telling import NotKeptError
from adapters.watch import LeaseLost
from schemas.facts.message import Author, Content
from tests.fakes_plain import PlainRse
from tests.fakes_polled import PolledSink, view_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from adapters.port.seen import Ours

GONE = Change(Act.DELETED, "post:1", "2", "m", "97", "u1", datetime(2026, 3, 1, tzinfo=UTC))


@dataclass
class ForgetfulRse(PlainRse):
    """Answers what it gave up telling."""

    losses: Losses | Later | Never = field(default_factory=lambda: Losses((Loss(GONE, "6"),), "7"))
    after: list[str | None] = field(default_factory=list)
    claims: Sequence[Claim] = ()
    ours: frozenset[Claim] = frozenset()

    async def lost(self, space: str, cursor: str | None, since: datetime, ours: Ours) -> Losses | Later | Never:
        del space, since
        self.after.append(cursor)
        self.ours = await ours(self.claims)
        return self.losses


async def nothing_known(references: Iterable[str], actors: Iterable[str]) -> Known:
    del references, actors
    return Known()


def looker(rse: ForgetfulRse, sink: PolledSink) -> LossLooker:
    return LossLooker("losses", rse, sink.watch, nothing_known, sink.admit, lambda: sink.room, lambda: datetime.now(UTC))


async def test_what_was_lost_is_told_and_then_noted() -> None:
    rse, sink, view = ForgetfulRse(), PolledSink(), view_of("97")
    assert await looker(rse, sink).look(view) == Looked(changed=False)
    assert (sink.outcomes, sink.watch.cursors) == ([GONE], {"97": "7"})
    await looker(rse, sink).look(view)
    assert rse.after == [None, "7"]


async def test_a_lost_message_leaves_with_names_and_no_handles() -> None:
    html = '<p><span data-mention="0">@claire.m</span></p>'
    author, content = Author(name="Léo", organisation="Finances"), Content(html=html, text="@claire.m")
    lost = replace(GONE, act=Act.POSTED, author=author, content=content, called=("username:claire.m",))
    rse, sink = ForgetfulRse(losses=Losses((Loss(lost, "6"),), "7"), names={"username:claire.m": "Claire Moreau"}), PolledSink()
    await looker(rse, sink).look(view_of("97"))
    (told,) = sink.outcomes
    assert isinstance(told, Change)
    assert told.content == Content(html='<p><span data-mention="0">@Claire Moreau</span></p>', text="@Claire Moreau")


async def test_what_could_not_be_stored_is_asked_again() -> None:
    rse, sink, view = ForgetfulRse(), PolledSink(refusing="spool_full"), view_of("97")
    with pytest.raises(NotKeptError):
        await looker(rse, sink).look(view)
    assert (sink.watch.cursors, view.cursor) == ({}, None)


def five_losses() -> Losses:
    return Losses(tuple(Loss(replace(GONE, native_id=f"post:{number}"), str(10 * number)) for number in range(1, 6)), "99")


def told_to(sink: PolledSink) -> list[str]:
    return [one.native_id for one in sink.outcomes if isinstance(one, Change)]


async def test_more_than_the_spool_could_take_is_told_in_portions_that_it_takes() -> None:
    rse, sink, view = ForgetfulRse(losses=five_losses()), PolledSink(room=2), view_of("97")
    assert await looker(rse, sink).look(view) == Looked(changed=False)
    assert told_to(sink) == ["post:1", "post:2", "post:3", "post:4", "post:5"]
    assert (sink.watch.cursors, view.cursor) == ({"97": "99"}, "99")


async def test_what_was_stored_before_the_spool_was_full_is_not_asked_again() -> None:
    rse, sink, view = ForgetfulRse(losses=five_losses()), PolledSink(room=2, most=3), view_of("97")
    with pytest.raises(NotKeptError):
        await looker(rse, sink).look(view)
    assert told_to(sink) == ["post:1", "post:2", "post:3"]
    assert (sink.watch.cursors, view.cursor) == ({"97": "40"}, "40")


async def test_one_is_told_where_there_is_no_room_at_all_since_kafka_may_take_it() -> None:
    rse, sink = ForgetfulRse(losses=five_losses()), PolledSink()
    refused = LossLooker("losses", rse, sink.watch, nothing_known, sink.admit, lambda: 0, lambda: datetime.now(UTC))
    assert await refused.look(view_of("97")) == Looked(changed=False)
    assert len(sink.outcomes) == 5


async def test_a_look_that_lost_its_lease_notes_nothing() -> None:
    rse, sink, view = ForgetfulRse(), PolledSink(), view_of("97")
    sink.watch.lost = True
    with pytest.raises(LeaseLost):
        await looker(rse, sink).look(view)
    assert view.cursor is None


@pytest.mark.parametrize("refused", [Later("rate_limited", 9.0), Never("not_an_administrator")])
async def test_an_rse_that_does_not_tell_is_believed(refused: Later | Never) -> None:
    sink = PolledSink()
    assert await looker(ForgetfulRse(losses=refused), sink).look(view_of("97")) == refused
    assert sink.outcomes == []


async def test_more_to_come_is_asked_for_soon() -> None:
    rse = ForgetfulRse(losses=Losses((), "7", waiting=3))
    looks = looker(rse, PolledSink())
    assert await looks.look(view_of("97")) == Looked(changed=True)
    rse.losses = Losses((), "7", waiting=4)
    await looks.look(view_of("98"))
    assert REGISTRY.get_sample_value("traitdunion_losses_waiting", {"instance": "losses"}) == 7.0
    rse.losses = Losses((), "7")
    assert await looks.look(view_of("97")) == Looked(changed=False)
    assert REGISTRY.get_sample_value("traitdunion_losses_waiting", {"instance": "losses"}) == 4.0
    looks.left("98")
    assert REGISTRY.get_sample_value("traitdunion_losses_waiting", {"instance": "losses"}) == 0.0


async def test_what_was_found_is_counted_by_what_became_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = PolledSink()

    async def admit(*_: object) -> object:
        from adapters.sorting import Stored  # noqa: PLC0415 - for this one

        return Stored(("event=abc@0:1",))

    monkeypatch.setattr(sink, "admit", admit)
    await looker(ForgetfulRse(), sink).look(view_of("97"))
    assert REGISTRY.get_sample_value("traitdunion_recovered_total", {"instance": "losses", "outcome": "event"}) == 1.0


async def test_an_rse_is_told_what_is_our_own_write() -> None:
    at, later = "2026-03-01T11:00:00.000Z", "2026-03-01T12:00:00.000Z"
    copy = KnownObject("post:1", "s", "copy", None, (at,), "97", "futurs")
    known = [
        copy, replace(copy, native_id="post:2", withdrawn=True), replace(copy, native_id="post:3", origin="own"),
        replace(copy, native_id="post:4", deleted=True),
    ]  # fmt: skip

    async def recall(references: Iterable[str], actors: Iterable[str]) -> Known:
        assert not actors
        return Known({one.native_id: one for one in known if one.native_id in references})

    every = [
        Claim(f"post:{number}", act, version) for number in range(1, 6) for act in (Act.POSTED, Act.DELETED) for version in (at, later)
    ]
    rse, sink = ForgetfulRse(claims=every), PolledSink()
    asked = LossLooker("losses", rse, sink.watch, recall, sink.admit, lambda: 9, lambda: datetime.now(UTC))
    await asked.look(view_of("97"))
    assert rse.ours == {
        Claim("post:1", Act.POSTED, at), Claim("post:4", Act.POSTED, at), Claim("post:4", Act.DELETED, at), Claim("post:4", Act.DELETED, later),
    }  # fmt: skip
