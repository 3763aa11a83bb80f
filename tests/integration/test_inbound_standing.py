"""Who may speak and who is told, through the worker's batch on a real PostgreSQL: nodes by their grade, spaces by their tie."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from hub.registry.model import GradeRefused
from hub.registry.service import TieKnownError, propose_tie
from schemas.envelope import object_id
from schemas.facts.message import Author, Content, MessagePosted
from schemas.keys import SigningKey
from schemas.words import Audience
from tests import fakes_federation
from tests.hub_world import COMMUNITY, NODES, World

CONTENT = Content(html="<p>vol</p>", text="vol")


async def test_a_community_to_which_the_node_is_not_tied_is_refused_by_name(database_url: str) -> None:
    world = await World.make(database_url)
    await world.tie("wifip")
    await world.hear(world.posted("education", "$1"))
    assert world.dead_letters.reasons == ["not_tied"]
    await world.tie("education")
    await world.hear(world.posted("education", "$1"))
    assert object_id("education", "$1") in await world.messages()
    await world.close()


async def test_a_node_lowered_to_observer_reads_on_takes_back_what_it_said_and_speaks_no_more(world: World) -> None:
    await world.hear(world.posted("education", "$1"))
    await world.work(partial(fakes_federation.lower, "node/education"))
    await world.hear(world.posted("education", "$2"), world.edited("education", "$1", "Autre"), world.posted("wifip", "post:1"))
    assert world.dead_letters.reasons == ["node_observes"] * 2
    await world.hear(world.deleted("education", "$1"))
    (row, before) = await world.rows("SELECT targets FROM hub.outbox WHERE sequence IS NOT NULL ORDER BY id DESC LIMIT 2")
    assert "education" in row["targets"]
    assert "education" in before["targets"]
    assert (await world.messages())[object_id("education", "$1")]["state"] == "deleted"
    await world.work(partial(fakes_federation.approve, "node/education"))
    await world.hear(world.posted("education", "$3"))
    assert object_id("education", "$3") in await world.messages()


async def test_past_its_manifests_end_a_node_reads_on_and_what_it_says_is_set_aside_until_another_is_accepted(world: World) -> None:
    end = world.clock() + timedelta(hours=1)
    await world.work(partial(fakes_federation.expire, "node/education", end))
    early = world.posted("education", "$1")
    world.clock.moved += timedelta(hours=1)
    late = [world.posted("education", f"$late{number}") for number in range(7)]
    await world.hear(early, *late, world.posted("wifip", "post:1"))  # what the broker admitted in time is judged by that time
    assert world.dead_letters.reasons == ["manifest_expired"] * 7
    assert set(await world.messages()) == {object_id("education", "$1"), object_id("wifip", "post:1")}
    (row,) = await world.rows("SELECT targets FROM hub.outbox WHERE sequence IS NOT NULL ORDER BY id DESC LIMIT 1")
    assert "education" in row["targets"]
    await world.hear(world.deleted("education", "$1"))
    assert (await world.messages())[object_id("education", "$1")]["state"] == "deleted"
    assert await world.rows("SELECT * FROM hub.nodes WHERE quarantined_at IS NOT NULL") == []  # seven refusals, of a limit of five
    await world.work(partial(fakes_federation.expire, "node/education", world.clock() + timedelta(days=1)))
    again = [replace(record, timestamp=world.clock()) for record in late]  # as a release has them read again
    await world.hear(*again)
    assert object_id("education", "$late6") in await world.messages()


async def test_what_an_agent_of_a_suspended_node_deletes_is_deleted_everywhere(world: World) -> None:
    await world.hear(world.posted("education", "$1"))
    await world.work(partial(fakes_federation.suspend, "node/education"))
    await world.hear(world.deleted("education", "$1"))
    assert world.dead_letters.reasons == []
    assert (await world.messages())[object_id("education", "$1")]["state"] == "deleted"


async def test_a_suspended_node_speaks_no_more_and_receives_no_more(world: World) -> None:
    await world.work(partial(fakes_federation.suspend, "node/education"))
    await world.hear(world.posted("education", "$1"), world.posted("wifip", "post:1"))
    assert world.dead_letters.reasons == ["node_not_admitted"]
    row = (await world.rows("SELECT targets FROM hub.outbox ORDER BY id DESC LIMIT 1"))[0]
    assert "education" not in row["targets"]


async def test_only_an_admitted_node_is_suspended(world: World) -> None:
    await world.work(partial(fakes_federation.apply, SigningKey.generate("recherche")))
    with pytest.raises(GradeRefused):
        await world.work(partial(fakes_federation.suspend, "node/recherche"))


async def test_a_space_wider_than_the_community_is_refused_and_told(database_url: str) -> None:
    world = await World.make(database_url)
    await world.tie("wifip", audience=Audience.PUBLIC)
    assert (await world.rows("SELECT state, reason FROM hub.ties"))[0] == {"state": "refused", "reason": "space_wider_than_community"}
    told = await world.rows("SELECT topic FROM hub.outbox WHERE topic = 'node.wifip.outbound.v1' ORDER BY id")
    assert len(told) == 2
    await world.close()


async def test_a_space_that_widens_later_receives_no_more(world: World) -> None:
    await world.hear(world.accepted("education", Audience.PUBLIC, marker="wider"))
    await world.hear(world.posted("wifip", "post:1"))
    row = (
        await world.rows("SELECT targets FROM hub.outbox WHERE community IS NOT NULL AND sequence IS NOT NULL ORDER BY id DESC LIMIT 1")
    )[0]
    assert set(row["targets"]) == {"wifip", "diplomatie"}


async def test_what_its_author_takes_back_is_told_wherever_it_may_lie(world: World) -> None:
    await world.hear(world.posted("education", "$1"), world.posted("wifip", "post:1"))
    await world.hear(world.accepted("education", Audience.PUBLIC, marker="wider"))
    await world.work(partial(fakes_federation.suspend, "node/diplomatie"))
    await world.hear(world.deleted("education", "$1"), world.deleted("wifip", "post:1"))
    assert world.dead_letters.reasons == []
    told = await world.rows("SELECT targets FROM hub.outbox WHERE sequence IS NOT NULL ORDER BY id DESC LIMIT 2")
    assert [set(row["targets"]) for row in told] == [set(NODES)] * 2


async def test_a_tie_that_nobody_renews_lets_nobody_speak_but_keeps_its_numbers(world: World) -> None:
    world.clock.moved += timedelta(hours=49)
    await world.hear(world.accepted("wifip", marker="day 3"))
    await world.hear(world.posted("wifip", "post:1"), world.posted("education", "$1"))
    assert world.dead_letters.reasons == ["not_tied"]
    row = (await world.rows("SELECT targets FROM hub.outbox WHERE sequence IS NOT NULL ORDER BY id DESC LIMIT 1"))[0]
    assert "education" in row["targets"]


async def test_a_backlog_is_judged_by_the_attestations_of_its_own_time(world: World) -> None:
    backlog = [world.posted("wifip", f"post:{number}") for number in range(8)]
    world.clock.moved += timedelta(hours=72)
    await world.hear(*backlog)
    assert world.dead_letters.reasons == []
    assert len(await world.messages()) == 8


async def test_a_space_that_was_never_tied_does_not_speak_under_another_ones_tie(world: World) -> None:
    fact = MessagePosted(space="98", author=Author(organisation="Y"), content=CONTENT)
    await world.hear(world.record("wifip", fact, "post:1", marker="m"))
    assert world.dead_letters.reasons == ["not_tied"]


async def test_asking_again_for_a_living_tie_changes_nothing_and_another_space_is_refused(world: World) -> None:
    await world.work(lambda work: propose_tie("wifip", "97", COMMUNITY, work))
    await world.hear(world.posted("wifip", "post:1"))
    assert world.dead_letters.reasons == []
    with pytest.raises(TieKnownError):
        await world.work(lambda work: propose_tie("wifip", "98", COMMUNITY, work))
