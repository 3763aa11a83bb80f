"""Attestations: at the start, daily, when readers change; a tie given up, suspended, come back."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from adapters.handshake import ASKED_FOR_ITS_END, FRESH_FOR, PATIENCE, RENEWED_AT_START, Handshake
from adapters.patience import Pause
from adapters.port import Closed, Later, Never, SpaceReport
from adapters.spool import SpoolFull
from adapters.ties import WIDER, Tie, Ties, TieState
from schemas.facts.tie import TieProposed
from schemas.keys import SigningKey
from schemas.words import Audience
from tests.fakes_adapters import COMMUNITY, Mouth, NoLedger
from tests.fakes_plain import SPACE, PlainRse, an_instance

if TYPE_CHECKING:
    from pathlib import Path

START = datetime(2026, 3, 1, tzinfo=UTC)
TIE = Tie(
    SPACE,
    COMMUNITY,
    "Futurs",
    Audience.MEMBERS,
    Audience.MEMBERS,
    externals=False,
    state=TieState.CONFIRMED,
    renewed_at=START,
    space_name="Salon",
)
PROPOSAL = TieProposed(node="wifip", space=SPACE, title="Futurs", audience=Audience.MEMBERS)
NO = Never("space_unreadable")


@dataclass
class Node:
    handshake: Handshake
    rse: PlainRse
    ties: Ties
    mouth: Mouth
    time: dict[str, datetime] = field(default_factory=dict)

    def passes(self, **more: float) -> None:
        self.time["now"] += timedelta(**more)

    @property
    def state(self) -> TieState:
        tie = self.ties.known(SPACE)
        assert tie is not None
        return tie.state


@pytest.fixture
async def node(tmp_path: Path) -> Node:
    instance, rse, mouth, time = an_instance(tmp_path), PlainRse(), Mouth(), {"now": START}
    ties: Any = Ties(NoLedger(), "rse")  # type: ignore[arg-type]  # of the ledger it needs a connection alone
    key = SigningKey.load(instance.node, instance.signing_key)
    pause = Pause("rse", asyncio.sleep, lambda: 0.0)
    outgoing: Any = mouth
    await ties.put(TIE)
    return Node(Handshake(instance, key, rse, ties, outgoing, pause, lambda: time["now"]), rse, ties, mouth, time)


async def begun(node: Node) -> None:
    task = asyncio.create_task(node.handshake.run())
    await asyncio.wait_for(node.handshake.begun.wait(), 60)
    task.cancel()
    await asyncio.wait([task])


async def test_an_attestation_is_renewed_daily_and_not_before(node: Node) -> None:
    node.passes(hours=23, minutes=59)
    await node.handshake.renew()
    assert node.mouth.words() == []
    node.passes(minutes=1)
    await node.handshake.renew()
    await node.handshake.renew()
    assert node.mouth.words() == ["accepted"]


async def test_a_process_that_starts_attests_at_once_what_is_nearly_a_day_old_before_all_else(node: Node) -> None:
    node.passes(seconds=RENEWED_AT_START.total_seconds())
    await begun(node)
    assert len(node.mouth.ahead) == len(node.mouth.said) == 1


async def test_a_process_that_starts_soon_again_says_nothing(node: Node) -> None:
    node.passes(hours=1)
    await begun(node)
    assert node.mouth.said == []


async def test_readers_that_changed_while_the_process_was_away_are_told_in_order_behind_what_was_said_before(node: Node) -> None:
    node.passes(hours=1)
    node.rse.audience = Audience.PUBLIC
    await begun(node)
    assert [json.loads(record.value)["audience"] for record in node.mouth.said] == ["public"]
    assert node.mouth.ahead == []


async def test_a_start_does_not_wait_for_a_silent_rse_for_ever(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.handshake.BEGIN_SECONDS", 0.01)
    node.passes(days=1)
    node.mouth.ready = False
    await begun(node)
    assert node.mouth.said == []


async def test_readers_that_could_not_be_told_are_not_fresh_and_are_told_at_the_next_look(node: Node) -> None:
    node.rse.audience, node.mouth.full = Audience.PRIVATE, True
    with pytest.raises(SpoolFull):
        await node.handshake.renew()
    tie = node.ties.of(SPACE)
    assert tie is not None
    assert not node.handshake.fresh(tie)
    node.mouth.full = False
    await node.handshake.renew()
    assert node.mouth.words() == ["accepted"]


async def test_an_attestation_is_fresh_for_two_days(node: Node) -> None:
    node.passes(seconds=FRESH_FOR.total_seconds() - 1)
    assert node.handshake.fresh(TIE)
    node.passes(seconds=1)
    assert not node.handshake.fresh(TIE)


async def test_a_space_that_we_spoke_for_is_given_up_after_three_refusals_in_a_row_only(node: Node) -> None:
    readable = SpaceReport("Salon", Audience.MEMBERS, externals=False)
    node.rse.reports = [NO, NO, readable, NO, Later("timeout"), NO]
    for _ in range(6):
        await node.handshake.renew()
    assert (node.state, node.mouth.words()) == (TieState.CONFIRMED, [])
    node.rse.reports = [NO]
    await node.handshake.renew()
    assert (PATIENCE, node.state, node.mouth.words()) == (3, TieState.REFUSED, ["refused"])


async def test_a_fresh_proposal_of_an_unreadable_space_is_refused_at_once(node: Node) -> None:
    await node.ties.refuse(SPACE, COMMUNITY, "space_not_offered")
    node.rse.reports = [NO]
    await node.handshake.answer(PROPOSAL, COMMUNITY, "0" * 32)
    assert node.mouth.words() == ["refused"]


async def test_a_proposal_made_again_of_a_living_tie_does_not_end_it_at_one_refusal(node: Node) -> None:
    node.rse.reports = [NO]
    await node.handshake.answer(PROPOSAL, COMMUNITY, "0" * 32)
    assert (node.state, node.mouth.words()) == (TieState.CONFIRMED, [])


async def test_a_space_that_was_too_wide_is_attested_again_when_it_narrows_and_lives_when_the_hub_agrees(node: Node) -> None:
    node.rse.audience = Audience.PUBLIC
    await node.handshake.renew()
    await node.ties.refuse(SPACE, COMMUNITY, WIDER)
    assert (node.state, node.ties.of(SPACE)) == (TieState.SUSPENDED, None)
    await node.handshake.renew()
    node.rse.audience = Audience.MEMBERS
    await node.handshake.renew()
    assert node.state is TieState.SUSPENDED
    await node.ties.confirm(SPACE, COMMUNITY, Audience.MEMBERS, node.time["now"])
    assert node.ties.of(SPACE) is not None
    assert [json.loads(record.value)["audience"] for record in node.mouth.said] == ["public", "members"]


async def test_an_acceptance_of_before_the_suspension_does_not_end_it(node: Node) -> None:
    node.rse.audience = Audience.PUBLIC
    await node.handshake.renew()
    await node.ties.refuse(SPACE, COMMUNITY, WIDER)
    await node.ties.confirm(SPACE, COMMUNITY, Audience.MEMBERS, node.time["now"])
    assert node.state is TieState.SUSPENDED


async def test_a_tie_that_was_refused_while_the_rse_was_asked_stays_refused(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    async def meanwhile(_: str) -> SpaceReport:
        await node.ties.refuse(SPACE, COMMUNITY, "node_suspended")
        return SpaceReport("Salon", Audience.PRIVATE, externals=False)

    monkeypatch.setattr(node.rse, "report_space", meanwhile)
    await node.handshake.renew()
    assert (node.state, node.mouth.said) == (TieState.REFUSED, [])


async def test_a_space_that_is_plainly_closed_ends_its_tie_at_once_by_name(node: Node) -> None:
    node.rse.reports = [Closed("space_encrypted")]
    assert await node.handshake.ask(SPACE)
    assert node.state is TieState.REFUSED
    assert [json.loads(record.value)["reason"] for record in node.mouth.said] == ["space_encrypted"]


async def test_a_closed_space_is_refused_when_it_is_proposed(node: Node) -> None:
    await node.ties.refuse(SPACE, COMMUNITY, "space_unreadable")
    node.rse.reports = [Closed("bot_not_in_space")]
    await node.handshake.answer(PROPOSAL, COMMUNITY, "c" * 32)
    assert node.mouth.words() == ["refused"]
    assert json.loads(node.mouth.said[0].value)["reason"] == "bot_not_in_space"


async def test_asking_of_a_space_that_widened_tells_its_readers_at_once(node: Node) -> None:
    node.rse.reports = [SpaceReport("Salon", Audience.PUBLIC, externals=False)]
    assert await node.handshake.ask(SPACE)
    assert node.mouth.words() == ["accepted"]


async def test_an_rse_that_does_not_answer_is_to_be_asked_again(node: Node) -> None:
    node.rse.reports = [Later("unreachable")]
    assert not await node.handshake.ask(SPACE)
    assert (node.state, node.mouth.said) == (TieState.CONFIRMED, [])


async def test_nobody_is_asked_of_a_space_that_is_not_tied(node: Node) -> None:
    node.rse.reports = [Closed("space_encrypted")]
    assert await node.handshake.ask("ailleurs")
    await node.ties.refuse(SPACE, COMMUNITY, "space_unreadable")
    assert await node.handshake.ask(SPACE)
    assert len(node.rse.reports) == 1


# --- another name ------------------------------------------------------------------------------------------------


def called(name: str, audience: Audience = Audience.MEMBERS) -> SpaceReport:
    return SpaceReport(name, audience, externals=False)


def names(node: Node) -> list[str]:
    return [json.loads(record.value)["space_name"] for record in node.mouth.said]


async def test_another_name_is_told_at_the_next_look_and_remembered(node: Node) -> None:
    node.passes(minutes=2)
    node.rse.reports = [called("Atelier")] * 2
    await node.handshake.renew()
    await node.handshake.renew()
    assert names(node) == ["Atelier"]
    tie = node.ties.known(SPACE)
    assert tie is not None
    assert (tie.space_name, tie.state) == ("Atelier", TieState.CONFIRMED)


async def test_who_plays_with_a_name_is_told_once_a_minute_at_most(node: Node) -> None:
    node.rse.reports = [called(f"Nom {number}") for number in range(240)]
    for _ in range(240):
        node.passes(seconds=1)
        await node.handshake.renew()
    assert len(names(node)) == 4


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [("\u202eSalon\n\n<b>gras</b>\x00", "Salon <b>gras</b>"), ("", ""), ("\u200b\u200b", ""), ("x" * 10_000, "x" * 255)],
    ids=["markup, controls, direction", "empty", "nothing that shows", "very long"],
)
async def test_a_hostile_name_is_one_visible_line(node: Node, hostile: str, shown: str) -> None:
    node.passes(minutes=2)
    node.rse.reports = [called(hostile)]
    await node.handshake.renew()
    assert names(node) == [shown]
    await node.handshake.answer(PROPOSAL, COMMUNITY, "c" * 32)


def begun_at(node: Node) -> datetime:
    tie = node.ties.known(SPACE)
    assert tie is not None
    return tie.begun_at


async def test_a_tie_begins_when_it_is_accepted_and_goes_on_however_often_it_is_proposed_and_attested(node: Node) -> None:
    await node.ties.refuse(SPACE, COMMUNITY, "node_suspended")
    node.passes(hours=1)
    await node.handshake.answer(PROPOSAL, COMMUNITY, "0" * 32)
    accepted = START + timedelta(hours=1)
    assert begun_at(node) == accepted
    node.passes(hours=30)
    await node.ties.confirm(SPACE, COMMUNITY, Audience.MEMBERS, node.time["now"])
    await node.handshake.renew()
    await node.handshake.answer(PROPOSAL, COMMUNITY, "0" * 32)
    assert begun_at(node) == accepted
    await node.handshake.answer(PROPOSAL, "autre", "0" * 32)
    assert begun_at(node) == node.time["now"]


async def test_a_tie_that_was_suspended_begins_anew(node: Node) -> None:
    node.rse.audience = Audience.PUBLIC
    await node.handshake.renew()
    await node.ties.refuse(SPACE, COMMUNITY, WIDER)
    node.passes(hours=1)
    node.rse.audience = Audience.MEMBERS
    await node.handshake.renew()
    node.passes(seconds=5)
    await node.ties.confirm(SPACE, COMMUNITY, Audience.MEMBERS, node.time["now"])
    assert (node.state, begun_at(node)) == (TieState.CONFIRMED, START + timedelta(hours=1, seconds=5))


@dataclass
class OrderedRse(PlainRse):
    """An RSE that says where a space ends, as long as `ends` lasts."""

    ends: list[str | Later | Never] = field(default_factory=list)

    @property
    def ahead(self) -> timedelta:
        return timedelta()

    async def end_of(self, space: str) -> str | Later | Never:
        assert space == SPACE
        return self.ends.pop(0)


def behind(node: Node) -> str | None:
    tie = node.ties.known(SPACE)
    assert tie is not None
    return tie.behind


async def with_ends(node: Node, *ends: str | Later | Never) -> OrderedRse:
    rse = OrderedRse(ends=[*ends])
    node.handshake = replace(node.handshake, client=rse)
    await node.ties.refuse(SPACE, COMMUNITY, "node_suspended")
    return rse


async def test_where_a_space_ends_is_noted_once_when_its_tie_begins(node: Node) -> None:
    rse = await with_ends(node, "40", "41")
    for _ in range(2):
        await node.handshake.answer(PROPOSAL, COMMUNITY, "0" * 32)
        await node.handshake.confirm(SPACE, COMMUNITY, Audience.MEMBERS)
        await node.handshake.renew()
    assert (behind(node), rse.ends) == ("40", ["41"])
    await node.handshake.answer(PROPOSAL, "autre", "0" * 32)
    assert (behind(node), rse.ends) == ("41", [])


async def test_a_tie_that_was_suspended_begins_behind_what_was_said_meanwhile(node: Node) -> None:
    rse = await with_ends(node, "40", "52")
    await node.handshake.answer(PROPOSAL, COMMUNITY, "0" * 32)
    await node.ties.refuse(SPACE, COMMUNITY, WIDER)
    await node.handshake.confirm(SPACE, COMMUNITY, Audience.PUBLIC)  # of other readers
    await node.handshake.confirm(SPACE, "autre", Audience.MEMBERS)
    assert (behind(node), rse.ends) == ("40", ["52"])
    node.passes(hours=1)
    await node.handshake.confirm(SPACE, COMMUNITY, Audience.MEMBERS)
    assert (behind(node), begun_at(node), node.state) == ("52", node.time["now"], TieState.CONFIRMED)


@pytest.mark.parametrize("said", [[NO], [Later("status_500")] * ASKED_FOR_ITS_END], ids=["never", "fails on this alone"])
async def test_a_tie_begins_though_its_rse_cannot_say_where_the_space_ends(
    node: Node, said: list[Later | Never], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.patience.FIRST_SECONDS", 0.0)
    rse = await with_ends(node, *said)
    await node.handshake.answer(PROPOSAL, COMMUNITY, "0" * 32)
    assert (behind(node), rse.ends, node.state) == ("", [], TieState.ACCEPTED)


async def test_an_outage_is_waited_out_before_a_tie_begins(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.patience.FIRST_SECONDS", 0.0)
    await with_ends(node, *[Later("unreachable")] * 9, "40")
    await node.handshake.answer(PROPOSAL, COMMUNITY, "0" * 32)
    assert behind(node) == "40"


async def test_of_an_rse_without_an_order_of_its_own_nothing_is_asked(node: Node) -> None:
    await node.handshake.answer(PROPOSAL, "autre", "0" * 32)
    assert behind(node) is None
