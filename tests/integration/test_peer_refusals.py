"""What a peer says and is refused: it may be heard later, it leaves its trace, and only an offence counts against the server."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hub.federation.following import follow_group
from tests.fakes_abroad import HERE
from tests.fakes_peer_town import ALICE, COMMUNITY, FORUM, MEMBER, Town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from hub.ports import Record


@pytest.fixture
async def town(database_url: str) -> AsyncIterator[Town]:
    made = await Town.make(database_url)
    yield made
    await made.world.close()


def announced(number: int = 1) -> tuple[Any, dict[str, Any]]:
    return FORUM, FORUM.does("Announce", MEMBER.note(f"post/{number}"), f"a/{number}")


async def strikes(town: Town) -> int:
    return len(await town.world.rows("SELECT * FROM hub.strikes"))


# --- what was refused was not heard ------------------------------------------------------------------------------------------


async def test_what_was_refused_is_heard_when_it_is_brought_again_and_nothing_stands_against_it(town: Town) -> None:
    records = await town.records(announced())
    await town.take(records)
    assert (town.reasons, await town.messages()) == (["group_not_followed"], [])
    await town.follow()
    await town.take(records)
    assert len(await town.messages()) == 1
    await town.take(records)
    assert (len(await town.messages()), town.reasons) == (1, ["group_not_followed"])


async def test_what_is_heard_at_last_in_the_batch_in_which_it_was_refused_is_remembered(town: Town) -> None:
    await town.run(lambda work: follow_group(COMMUNITY, FORUM.id, work, HERE))
    asked = json.loads((await town.outgoing())[-1]["value"])
    first = await town.records(announced())
    answer = await town.records((FORUM, FORUM.does("Accept", asked, "acts/accept")))
    await town.take([*first, *answer, *first])
    await town.take(first)
    assert (len(await town.messages()), town.reasons) == (1, ["group_not_followed"])


async def test_a_worker_that_is_killed_before_its_dead_letters_are_sent_leaves_their_trace_when_it_is_back(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = await town.records((ALICE, ALICE.does("Accept", "https://social.example/f/1", "acts/1")))

    async def killed(refused: Sequence[tuple[Record, str, str]], attempts: int = 1) -> None:
        del refused, attempts
        raise ConnectionError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(town.world.dead_letters, "send", killed)
        with pytest.raises(ConnectionError):
            await town.take(records)
    await town.take(records)
    assert town.reasons == ["follow_unknown"]
    assert await strikes(town) == 1  # one record, however often it was read


async def test_what_is_refused_again_and_again_counts_each_time_that_it_is_brought(town: Town) -> None:
    for _ in range(3):
        await town.take(await brought(town))
    assert town.reasons == ["follow_unknown"] * 3
    assert await strikes(town) == 3


async def brought(town: Town) -> list[Record]:
    """The same activity, signed anew."""
    town.world.clock.moved += timedelta(seconds=1)
    return await town.records((ALICE, ALICE.does("Accept", "https://social.example/f/1", "acts/1")))
