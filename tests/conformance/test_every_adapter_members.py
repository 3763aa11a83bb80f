"""Who takes part, for every connector: the whole roster of a space, its changes, and what the platform denies with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapters.capabilities import Feature, No, Yes
from adapters.pacing import Paces
from adapters.people import Ghosted, Rostered
from adapters.port import UNSUPPORTED, Act, Later, Never, RosterAltered
from schemas.facts.message import Author
from tests.rses.exo import OldExoRse

if TYPE_CHECKING:
    from adapters.port import RseClient
    from tests.rses.rse import Pushing, Rse

LEO = Author(name="Léo Martin", organisation="Éducation nationale")


async def people(client: RseClient, space: str) -> dict[str, str]:
    """Name → actor."""
    assert isinstance(client, Rostered)
    found = await client.members(space)
    assert isinstance(found, tuple), found
    return {member.name: member.actor for member in found}


def can_tell(rse: Rse) -> None:
    ability = rse.platform().capabilities.features[Feature.MEMBERS].read
    if isinstance(ability, No) or isinstance(rse, OldExoRse):
        pytest.skip(str(ability))


async def test_arrivals_and_departures_show_in_the_roster_and_none_of_ours_does(rse: Rse) -> None:
    can_tell(rse)
    first, second = rse.people
    assert list(await people(rse.client, rse.members_space)) == [first]
    await rse.enter()
    assert sorted(await people(rse.client, rse.members_space)) == sorted([first, second])
    await rse.leave()
    assert list(await people(rse.client, rse.members_space)) == [first]


async def test_who_takes_part_bears_the_same_name_of_an_actor_as_who_writes(rse: Rse) -> None:
    can_tell(rse)
    posted = await rse.sink.change(Act.POSTED, await rse.post("Bonjour à tous, voici les nouvelles."))
    assert (await people(rse.client, rse.members_space))[rse.people[0]] == posted.actor


async def test_what_comes_and_goes_is_hinted_at_where_the_platform_pushes(pushing: Pushing) -> None:
    def hints(outcomes: list[object]) -> list[RosterAltered]:
        touched = (outcome for outcome in outcomes if isinstance(outcome, RosterAltered))
        return [one for one in touched if one.space in {"", pushing.members_space}]

    before = len(hints([*pushing.sink.outcomes]))
    await pushing.enter()
    await pushing.sink.until(lambda outcomes: len(hints([*outcomes])) > before)
    entered = len(hints([*pushing.sink.outcomes]))
    await pushing.leave()
    await pushing.sink.until(lambda outcomes: len(hints([*outcomes])) > entered)


async def test_a_space_that_nobody_knows_has_no_roster_and_is_no_reason_to_wait(rse: Rse) -> None:
    can_tell(rse)
    assert isinstance(rse.client, Rostered)
    assert isinstance(await rse.client.members(rse.unknown_space), Never)


async def test_a_generation_that_lists_nobody_says_so_and_is_not_taken_for_an_empty_space(rse: Rse) -> None:
    if not isinstance(rse, OldExoRse):
        pytest.skip("this one lists its members")
    assert isinstance(rse.client, Rostered)
    assert await rse.client.members(rse.space) == Never(UNSUPPORTED, "no_list_of_members")


async def test_an_rse_that_does_not_answer_is_asked_later(rse: Rse) -> None:
    can_tell(rse)
    client = rse.platform().client(rse.instance.model_copy(update={"url": "http://127.0.0.1:1"}), Paces("rse"))
    assert isinstance(client, Rostered)
    try:
        assert isinstance(await client.members(rse.members_space), Later)
    finally:
        await client.close()


async def test_people_of_other_ministries_are_taken_out_where_they_stood_and_the_table_says_so(rse: Rse) -> None:
    ability = rse.platform().capabilities.features[Feature.MEMBERS].write
    assert isinstance(rse.client, Ghosted) is isinstance(ability, Yes)
    if isinstance(rse.client, Ghosted):
        assert await rse.client.depart(LEO, rse.space) is False  # she never came
