"""Whatever people do in three RSEs, and however webhooks, polls and connectors go wrong: all end in what the hub's numbers define."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import HealthCheck, given, settings

from adapters.ledger import Ledger
from tests.converge.discourse import Discourse
from tests.converge.exo import Exo, OldExo
from tests.converge.matrix import Matrix
from tests.converge.story import (
    Deed,
    Do,
    Enter,
    How,
    Law,
    Leave,
    Mail,
    Miss,
    Number,
    Post,
    Recover,
    Remove,
    Restart,
    Restore,
    Rewrite,
    Settle,
    Silence,
    Step,
    Wait,
    Write,
    laws,
    pasts,
    stories,
)
from tests.converge.town import Town, town
from tests.converge.verdict import said, verdict
from tests.hub_world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from tests.converge.rse import Rse

    Generations = Mapping[str, Mapping[str, Rse]]

pytestmark = pytest.mark.long

EXAMPLES: Final = max(1, int(os.environ.get("EXAMPLES", "40")) // 4)  # a story takes seconds, where another property takes milliseconds
DISCOURSE, MATRIX, EXO = "wifip", "education", "diplomatie"
numbers = itertools.count(1)


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    world = await World.make(database_url)
    yield world
    await world.close()


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    ledger = await Ledger.open(database_url)
    yield ledger
    await ledger.close()


@pytest.fixture
async def rses(tmp_path: Path) -> AsyncIterator[Mapping[str, Rse]]:
    found: Sequence[Rse] = (await Discourse.start(tmp_path), await Matrix.start(tmp_path), await Exo.start(tmp_path))
    yield {rse.node: rse for rse in found}
    for rse in found:
        await rse.close()


@pytest.fixture
def generations(rses: Mapping[str, Rse]) -> Generations:
    """The three, by which API of eXo its connector knows."""
    newer = rses[EXO]
    assert isinstance(newer, Exo)
    return {Exo.generation: rses, OldExo.generation: {**rses, EXO: OldExo.beside(newer)}}


async def tell(place: Town, story: Sequence[Step]) -> list[str]:
    """Lead a story through, let all arrive, and judge."""
    for step in story:
        await place.take(step)
    await place.settle()
    return verdict(place)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(story=stories, past=pasts, law=laws)
async def test_every_rse_ends_in_the_state_that_the_numbers_define(
    world: World, ledger: Ledger, rses: Mapping[str, Rse], story: list[Step], past: Sequence[str], law: Law
) -> None:
    async with town(world, ledger, rses, next(numbers), past, law) as place:
        assert not await tell(place, story)


ONCE_KILLED: Final[Sequence[Step]] = (
    *(Mail(node, 0, again=False) for node in (EXO, MATRIX, DISCOURSE)), Number(), Write(EXO, How.KILLED_AFTER), Write(EXO, How.KILLED_BEFORE),
    Write(EXO, How.ANSWER_LOST), Settle(),
)  # fmt: skip
"""What was done is written into the eXo by a connector that does not live to note it."""
STORIES: Final[Mapping[str, Sequence[Step]]] = {
    "an author deletes a message whose copy a moderator took away and brought back": [
        Post(MATRIX), Settle(), Do(Deed.MODERATE, DISCOURSE, 0), Settle(), Recover(DISCOURSE, 0), Settle(), Do(Deed.DELETE, MATRIX, 0),
    ],
    "an author edits a message whose copy a moderator took away and brought back": [
        Post(MATRIX), Settle(), Do(Deed.MODERATE, DISCOURSE, 0), Settle(), Recover(DISCOURSE, 0), Settle(), Do(Deed.EDIT, MATRIX, 0),
    ],
    "an author edits, then deletes, what a moderator elsewhere takes away and brings back": [
        Post(MATRIX), Settle(), Do(Deed.MODERATE, DISCOURSE, 0), Settle(), Do(Deed.EDIT, MATRIX, 0), Settle(), Do(Deed.DELETE, MATRIX, 0),
        Settle(), Recover(DISCOURSE, 0),
    ],
    "a deletion is told after the return that followed it": [
        Post(DISCOURSE), Settle(), Do(Deed.MODERATE, DISCOURSE, 0), Recover(DISCOURSE, 0), Mail(DISCOURSE, 3, again=False),
        Mail(DISCOURSE, 0, again=False),
    ],
    "the second deletion is told after the second return": [
        Post(DISCOURSE), Settle(), Do(Deed.MODERATE, DISCOURSE, 0), Settle(), Recover(DISCOURSE, 0), Settle(),
        Do(Deed.MODERATE, DISCOURSE, 0), Recover(DISCOURSE, 0), Mail(DISCOURSE, 3, again=False), Mail(DISCOURSE, 1, again=False),
        Mail(DISCOURSE, 1, again=False), Mail(DISCOURSE, 0, again=False),
    ],
    "a reply arrives in a Discourse where what it answers went unheard": [
        Post(DISCOURSE), Settle(), Do(Deed.REPLY, MATRIX, 0), Do(Deed.MODERATE, DISCOURSE, 0), Mail(MATRIX, 0, again=False), Number(),
        Write(DISCOURSE, How.KILLED_AFTER),
    ],
    "a reply arrives in an eXo where what it answers went unheard": [
        Post(EXO), Settle(), Do(Deed.REPLY, MATRIX, 0), Do(Deed.MODERATE, EXO, 0), Mail(MATRIX, 0, again=False), Number(),
        Write(EXO, How.KILLED_AFTER),
    ],
    "an answered comment is deleted elsewhere, and the answers of this RSE stay": [
        Post(EXO), Settle(), Do(Deed.REPLY, MATRIX, 0), Settle(), Do(Deed.REPLY, EXO, 1), Settle(), Do(Deed.DELETE, MATRIX, 1),
    ],
    "the words of an eXo that an answer repeats are changed, then taken back": [
        Post(EXO), Settle(), Do(Deed.REPLY, EXO, 0), Settle(), Do(Deed.REPLY, EXO, 1), Settle(), Do(Deed.REPLY, MATRIX, 2), Settle(),
        Do(Deed.EDIT, EXO, 2), Settle(), Do(Deed.DELETE, EXO, 2), Do(Deed.EDIT, MATRIX, 3), *ONCE_KILLED,
    ],
    "the words of elsewhere that an answer repeats are changed, taken back and said again, while the connector is killed": [
        Post(EXO), Settle(), Do(Deed.REPLY, MATRIX, 0), Settle(), Do(Deed.REPLY, DISCOURSE, 1), Settle(), Do(Deed.REPLY, MATRIX, 2), Settle(),
        Do(Deed.EDIT, DISCOURSE, 2), *ONCE_KILLED, Do(Deed.DELETE, DISCOURSE, 2), *ONCE_KILLED, Recover(DISCOURSE, 0), *ONCE_KILLED,
    ],
    "people of an eXo take away the copy whose words another copy repeats": [
        Post(EXO), Settle(), Do(Deed.REPLY, MATRIX, 0), Settle(), Do(Deed.REPLY, DISCOURSE, 1), Settle(), Do(Deed.REPLY, MATRIX, 2), Settle(),
        Do(Deed.MODERATE, EXO, 2), Settle(), Do(Deed.EDIT, DISCOURSE, 2),
    ],
    "a member of a room sends edits of what others wrote": [
        Post(MATRIX), Post(DISCOURSE), Settle(), Do(Deed.MEDDLE, MATRIX, 0), Do(Deed.MEDDLE, MATRIX, 1),
    ],
    "what comes back to life is written once though its writers are killed": [
        Post(DISCOURSE), Settle(), Do(Deed.MODERATE, DISCOURSE, 0), Settle(), Recover(DISCOURSE, 0), Mail(DISCOURSE, 0, again=False),
        Mail(DISCOURSE, 0, again=True), Number(), Write(EXO, How.KILLED_AFTER), Write(MATRIX, How.KILLED_AFTER),
    ],
    "an edit comes to a Discourse where a moderator took the copy away unheard": [
        Post(MATRIX), Settle(), Do(Deed.MODERATE, DISCOURSE, 0), Do(Deed.EDIT, MATRIX, 0), Mail(MATRIX, 0, again=False), Number(),
        Write(DISCOURSE, How.WELL),
    ],
    "an edit comes to a room where a moderator took the copy away unheard": [
        Post(DISCOURSE), Settle(), Do(Deed.MODERATE, MATRIX, 0), Do(Deed.EDIT, DISCOURSE, 0), Mail(DISCOURSE, 0, again=False), Number(),
        Write(MATRIX, How.WELL),
    ],
    "an edit comes to an eXo where a manager took the copy away unheard": [
        Post(DISCOURSE), Settle(), Do(Deed.MODERATE, EXO, 0), Do(Deed.EDIT, DISCOURSE, 0), Mail(DISCOURSE, 0, again=False), Number(),
        Write(EXO, How.WELL),
    ],
    "a Discourse and a room that were away for too long are sent what they missed": [
        Post(EXO), Post(MATRIX), Post(DISCOURSE), Settle(), Do(Deed.EDIT, EXO, 0), Do(Deed.DELETE, MATRIX, 1), Do(Deed.REPLY, EXO, 0),
        Do(Deed.REACT, EXO, 2), Post(DISCOURSE), Do(Deed.REPLY, DISCOURSE, 2), *(Mail(node, 0, again=False) for node in (EXO, MATRIX, DISCOURSE) * 6),
        Number(), Miss(DISCOURSE), Miss(MATRIX), Do(Deed.REPLY, EXO, 0), Do(Deed.EDIT, EXO, 0), Mail(EXO, 0, again=False), Number(), Settle(),
        Do(Deed.EDIT, EXO, 0), Do(Deed.REPLY, MATRIX, 1),
    ],
    "long texts are shortened, lengthened and taken back, while connectors are killed": [
        *(Post(node, long=True) for node in (MATRIX, DISCOURSE, EXO)), Settle(), Do(Deed.EDIT, MATRIX, 0), Do(Deed.EDIT, DISCOURSE, 1), *ONCE_KILLED,
        Do(Deed.EDIT, MATRIX, 0), Do(Deed.EDIT, DISCOURSE, 1), Do(Deed.REPLY, DISCOURSE, 0), *ONCE_KILLED, Do(Deed.DELETE, MATRIX, 0), *ONCE_KILLED,
    ],
    "a long text is taken away and brought back at once, in the same words": [
        Post(EXO, long=True), Settle(), Remove(0), Settle(), Restore(0), Settle(),
    ],
    "a long text is taken away while it is being written, and brought back": [
        Post(EXO, long=True), Mail(EXO, 0, again=False), Number(), Write(DISCOURSE, How.WELL, (Remove(1), Rewrite(0))), Post(DISCOURSE), Restore(3),
        Rewrite(1),
    ],
    "members come and go in all three, while a connector is killed and Kafka is silent": [
        *(Enter(node) for node in (MATRIX, DISCOURSE, EXO)), Mail(MATRIX, 0, again=True), Mail(DISCOURSE, 0, again=True), Silence(on=True),
        Settle(), Leave(MATRIX), Restart(MATRIX), Leave(EXO), Silence(on=True), Wait(61), Leave(DISCOURSE), Settle(), Enter(MATRIX), Enter(EXO),
    ],
}  # fmt: skip
"""Stories that went wrong once."""
MODERATED: Final[Mapping[str, Sequence[Step]]] = {
    "an author edits what a moderator elsewhere takes away before the edit was heard": [
        *(Post(node) for node in (DISCOURSE, MATRIX, EXO)), Settle(), Do(Deed.EDIT, DISCOURSE, 0), Remove(0), Number(), Write(DISCOURSE, How.WELL),
        Settle(), Restore(0),
    ],
    "an author edits an answered post that is emptied before the edit was heard": [
        Post(DISCOURSE), Settle(), Do(Deed.REPLY, MATRIX, 0), Settle(), Do(Deed.EDIT, DISCOURSE, 0), Remove(0), Number(), Write(DISCOURSE, How.WELL),
        Settle(), Restore(0), Settle(), Remove(0), Settle(), Restore(0),
    ],
    "authors delete what is taken away before their deletions were heard": [
        *(Post(node) for node in (DISCOURSE, MATRIX, EXO)), Settle(), *(Do(Deed.DELETE, node, pick) for node, pick in ((DISCOURSE, 0), (MATRIX, 1), (EXO, 2))),
        *(Remove(0) for _ in range(3)), Number(), *(Write(node, How.WELL) for node in (DISCOURSE, MATRIX, EXO) for _ in range(3)), Settle(),
        *(Restore(0) for _ in range(3)),
    ],
    "what stood under a message that our hand took away for ever was deleted by nobody": [
        Post(EXO), Settle(), Do(Deed.REPLY, EXO, 0), Do(Deed.REPLY, MATRIX, 0), Settle(), Remove(0), Settle(), Do(Deed.EDIT, MATRIX, 1), Settle(), Restore(0),
    ],
    "a moderator withdraws her copy, and another's that was just taken away": [
        *(Post(node) for node in (DISCOURSE, EXO)), Settle(), Do(Deed.MODERATE, MATRIX, 0), Do(Deed.MODERATE, MATRIX, 0), Remove(1), Settle(), Restore(0),
        Settle(), Restore(0), Settle(), Rewrite(0), Rewrite(0),
    ],
    "staff of a forum bring back a copy that they had taken away before it was moderated": [
        Post(MATRIX), Settle(), Do(Deed.MODERATE, DISCOURSE, 0), Settle(), Restore(0), Settle(), Do(Deed.EDIT, MATRIX, 0), Settle(),
        Do(Deed.MODERATE, DISCOURSE, 0), Remove(0), Settle(), Recover(DISCOURSE, 0), Settle(),
    ],
    "a moderator of a forum takes a copy away everywhere, undeletes it herself, and a person of the federation brings it back": [
        Post(MATRIX), Post(EXO), Settle(), Do(Deed.MODERATE, DISCOURSE, 0), Settle(), Recover(DISCOURSE, 0), Settle(), Restore(0), Settle(),
        Do(Deed.EDIT, MATRIX, 0),
    ],
}  # fmt: skip
"""Stories with moderators that went wrong once, or would have."""


@pytest.mark.parametrize(
    ("told", "law", "generation"),
    [
        (stories, law, generation)
        for generation in (Exo.generation, OldExo.generation)
        for stories, law in ((STORIES, Law()), (MODERATED, Law(entrusted=True)))
    ],
    ids=["ordinary", "moderated", "older eXo", "older eXo, moderated"],
)
async def test_stories_that_went_wrong_once_end_well(
    world: World, ledger: Ledger, generations: Generations, told: Mapping[str, Sequence[Step]], law: Law, generation: str
) -> None:
    found = {}
    for name, story in told.items():
        async with town(world, ledger, generations[generation], next(numbers), (), law) as place:
            found[name] = await tell(place, story)
    assert not {name: faults for name, faults in found.items() if faults}


async def test_edit_like_solved_and_two_deletions_and_returns_of_one_post_are_an_event_each(
    world: World, ledger: Ledger, rses: Mapping[str, Rse]
) -> None:
    away, back = Do(Deed.MODERATE, DISCOURSE, 1), Recover(DISCOURSE, 0)
    acts = [Do(deed, DISCOURSE, 1) for deed in (Deed.EDIT, Deed.REACT, Deed.ACCEPT)]
    story: list[Step] = [Post(DISCOURSE), Do(Deed.REPLY, DISCOURSE, 0), *acts, away, back, away, back]
    async with town(world, ledger, rses, next(numbers)) as place:
        for step in story:
            await place.take(step)
            await place.settle()
        await place.take(Mail(DISCOURSE, 0, again=False))
        assert not verdict(place)
        kinds = [event.kind.removesuffix(".v1") for event in said(place)]
    assert [kind for kind in kinds if not kind.startswith(("tie.", "membership."))] == [
        "message.posted", "message.posted", "message.edited", "reaction.added", "answer.accepted", "message.deleted", "answer.withdrawn",
        "message.edited", "message.deleted", "message.edited",
    ]  # fmt: skip


async def test_what_a_space_held_before_its_tie_comes_in_the_middle_of_what_people_do_to_it(
    world: World, ledger: Ledger, rses: Mapping[str, Rse]
) -> None:
    mail: list[Step] = [Mail(DISCOURSE, 0, again=False), Number(), Write(MATRIX, How.KILLED_AFTER)]
    story: list[Step] = [
        Do(Deed.EDIT, DISCOURSE, 0), *mail, Restart(DISCOURSE), Post(MATRIX), *mail, Silence(on=True), *mail, Settle(),
        Do(Deed.REPLY, MATRIX, 0), Do(Deed.EDIT, DISCOURSE, 2), Settle(), Do(Deed.DELETE, DISCOURSE, 1), Do(Deed.DELETE, DISCOURSE, 1),
    ]  # fmt: skip
    async with town(world, ledger, rses, next(numbers), (DISCOURSE,)) as place:
        assert not await tell(place, story)
        marked = [headers for record in place.hub.said if "ce_history" in (headers := dict(record.headers))]
    assert len(marked) == 2


async def test_what_is_set_on_the_past_before_it_was_surveyed_comes_with_it(world: World, ledger: Ledger, rses: Mapping[str, Rse]) -> None:
    story: list[Step] = [
        Do(Deed.ACCEPT, DISCOURSE, 1),
        Do(Deed.REACT, MATRIX, 0),
        Mail(DISCOURSE, 0, again=False),
        Mail(MATRIX, 0, again=False),
    ]
    async with town(world, ledger, rses, next(numbers), (DISCOURSE, MATRIX)) as place:
        assert not await tell(place, story)
        kinds = {event.kind for event in said(place)}
    assert kinds >= {"answer.accepted.v1", "reaction.added.v1"}


async def test_a_reply_that_is_told_before_what_it_answers_keeps_its_thread_with_all_that_happens_meanwhile(
    world: World, ledger: Ledger, rses: Mapping[str, Rse]
) -> None:
    story: list[Step] = [
        Post(DISCOURSE), Do(Deed.REPLY, DISCOURSE, 0), Mail(DISCOURSE, -1, again=False), Do(Deed.REACT, DISCOURSE, 1), Mail(DISCOURSE, -1, again=False),
        Do(Deed.EDIT, DISCOURSE, 1), Mail(DISCOURSE, -1, again=False), Do(Deed.REPLY, DISCOURSE, 1), Mail(DISCOURSE, -1, again=False), Restart(DISCOURSE),
        Do(Deed.ACCEPT, DISCOURSE, 1), Mail(DISCOURSE, -1, again=False),
    ]  # fmt: skip
    async with town(world, ledger, rses, next(numbers)) as place:
        assert not await tell(place, story)
        facts = [{name: (raw or b"").decode() for name, raw in record.headers} for record in place.hub.said]
        kinds = {event.kind for event in said(place)}
    told = sorted(
        (one for one in facts if one["ce_type"].endswith("message.posted.v1")), key=lambda one: int(one["ce_nativeid"].partition(":")[2])
    )
    assert [one.get("ce_parent") for one in told] == [None, told[0]["ce_subject"], told[1]["ce_subject"]]
    assert kinds >= {"reaction.added.v1", "answer.accepted.v1", "message.edited.v1"}
