"""What people said before their space was tied, whatever the RSE that pushes: it knows its own order, and the clock that it had then is nothing to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from adapters.before import SAID_BEFORE
from adapters.decisions import Desk
from adapters.gateway import answered
from adapters.memory import Known
from adapters.offers import Ordered
from adapters.port import Act, Change, Incomplete, Never, Placed, Unused
from adapters.ties import Tie, TieState
from adapters.verdicts import Doubt, Drop, Publish
from schemas.words import Audience
from tests.fakes_discourse_twin import forum
from tests.fakes_matrix_twin import closed_room

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.verdicts import Decision
    from tests.fakes_matrix_twin import House
    from tests.rses.rse import Pushing

NEWS = "Voici des nouvelles qui ne regardent que nous, pour l’instant."
HOUR = timedelta(hours=1)


async def end_of(rse: Pushing) -> str:
    assert isinstance(rse.client, Ordered)
    behind = await rse.client.end_of(rse.space)
    assert isinstance(behind, str)
    return behind


async def decided(rse: Pushing, desk: Desk, change: Change) -> Decision:
    """What becomes of it, once the RSE was asked for what is in doubt."""
    now = datetime.now(UTC)
    decision = desk.decide(change, Known(), now, now)
    if isinstance(decision, Doubt):
        found = await answered(rse.client, decision.incomplete)
        assert isinstance(found, Change), found
        decision = desk.decide(found, Known(), now, now)
    return decision


def tied(rse: Pushing, behind: str, begun_at: datetime) -> Desk:
    tie = Tie(
        rse.space, "c", "C", Audience.MEMBERS, Audience.MEMBERS, externals=False, state=TieState.CONFIRMED, renewed_at=begun_at,
        begun_at=begun_at, behind=behind,
    )  # fmt: skip
    return Desk(rse.instance, {rse.space: tie}.get)


@pytest.mark.parametrize("wrong", [timedelta(), HOUR, 24 * HOUR], ids=["right", "an hour", "a day"])
async def test_the_rse_s_own_order_tells_what_was_said_before_from_what_was_said_since_by_a_clock_that_was_set_back(
    pushing: Pushing, wrong: timedelta
) -> None:
    first = await pushing.post(NEWS)
    last = await pushing.reply(first, f"Une réponse. {NEWS}")
    desk = tied(pushing, await end_of(pushing), datetime.now(UTC) + wrong)
    since = await pushing.post(f"Et la suite. {NEWS}")
    for native_id in (first, last):
        assert await decided(pushing, desk, await pushing.sink.change(Act.POSTED, native_id)) == Drop(SAID_BEFORE)
    told = await decided(pushing, desk, await pushing.sink.change(Act.POSTED, since))
    assert isinstance(told, Publish), told


async def test_a_forum_that_shows_its_account_no_post_has_not_said_where_it_ends(tmp_path: Path) -> None:
    """The last fifty may all stand where that account may not read."""
    async with forum(tmp_path) as rse:
        assert await rse.client.end_of("97") == "1"  # its own welcome
        assert (await rse.call("DELETE", "/t/1.json", "system"))[0] == 200
        assert await rse.client.end_of("97") == Never("order_not_told")
        status, post = await rse.call("POST", "/posts.json", title="Des nouvelles de la semaine", raw=NEWS, category=98)
        assert status == 200, post
        assert await rse.client.end_of("97") == str(post["id"])
        private = {"archetype": "private_message", "target_recipients": "camille"}
        written = rse.call("POST", "/posts.json", title="Entre nous deux seulement", raw=f"{NEWS} Bis.", **private)
        assert (await written)[0] == 200
        assert await rse.client.end_of("97") == str(post["id"])


async def test_a_homeserver_places_a_message_by_tokens_of_then_and_an_edit_by_its_own_event(house: House) -> None:
    claire, room = await closed_room(house)
    await house.client.report_space(room)
    first = await claire.say(room, "Avant")
    behind = await house.client.end_of(room)
    assert isinstance(behind, str)
    other = await claire.say(room, "Après")
    await claire.edit(room, first, "Avant, corrigé après")

    async def placed(native_id: str, act: Act = Act.POSTED, behind: str = behind) -> Placed | None:
        found = await house.client.complete(Incomplete(native_id, act, space=room, behind=behind))
        assert isinstance(found, Change), found
        return found.placed

    assert (await placed(first), await placed(other), await placed(first, Act.EDITED)) == (Placed.BEFORE, Placed.SINCE, Placed.SINCE)
    assert await placed(first, behind="ailleurs") is Placed.UNTOLD  # tokens of another database
    proved = replace(await house.sink.change(Act.POSTED, first), placed=Placed.UNTOLD)
    await claire.redact(room, other)
    gone = await house.client.complete(Incomplete(other, Act.POSTED, space=room, behind=behind, otherwise=proved))
    assert gone == Unused("m.room.message.redacted")
    nowhere = replace(proved, native_id="$nulle-part", version="$nulle-part")
    assert await house.client.complete(Incomplete("$nulle-part", Act.POSTED, space=room, behind=behind, otherwise=nowhere)) == nowhere
