"""What a peer did not take, sent again by a person of the federation: as it was told, and only what the state demands."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from hub.communities import animation
from hub.operations import sending_again
from hub.operations.peers import REFUSED, TRANSMITTED, WAITING, peer_state, transmissions
from hub.ports import RefusedError
from hub.registry.admission_work import NodeNotFound, ReasonMissing
from schemas.envelope import object_id
from schemas.words import Ground
from tests.fakes_abroad import HERE
from tests.fakes_federation import present
from tests.fakes_peer_town import Town
from tests.fakes_set_aside import BOTH, PEER, Carrying, attested

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hub.unit_of_work import UnitOfWork

POST = object_id("wifip", "post:1")


@pytest.fixture
async def carrying(database_url: str) -> AsyncIterator[Carrying]:
    town = await Town.make(database_url)
    made = Carrying(town)
    await made.follow()
    yield made
    await town.world.close()


async def moderate(carrying: Carrying, *, away: bool) -> None:
    async def act(work: UnitOfWork) -> bool:
        presence = await present(work)
        if away:
            return await animation.take_away(POST, Ground.OFF_TOPIC, "Hors sujet.", presence, work)
        return await animation.bring_back(POST, presence, work) is not None

    assert await carrying.town.world.work(act)


async def refused_by(carrying: Carrying, reason: str, name: str | None = None) -> None:
    """Nothing goes, for this reason, and what was set aside stays so."""
    before = await carrying.listed()
    with pytest.raises(RefusedError, match=f"^{reason}$"):
        await carrying.resend(name)
    assert (await carrying.listed(), await carrying.asked()) == (before, [])


async def test_what_was_set_aside_goes_again_once_in_somebodys_name(carrying: Carrying) -> None:
    world = carrying.town.world
    await world.hear(world.posted("wifip", "post:1"), world.posted("wifip", "post:2"))
    assert await carrying.tell(refused=BOTH) == [0, 1, 2, 3]
    address = HERE.announce(carrying.told[0].event)
    done = await carrying.resend(address)
    assert (done.activities, done.along, dict(done.refused), done.waiting) == (2, 0, {}, 2)
    assert (await carrying.asked(), await carrying.listed()) == ([0, 1], [(2, None), (3, None)])
    await refused_by_name(carrying, "activity_not_set_aside", address)
    done = await carrying.resend()
    assert (done.activities, await carrying.asked(), await carrying.listed()) == (2, [0, 1, 2, 3], [])
    await refused_by_name(carrying, "nothing_set_aside", None)
    acts = await world.rows("SELECT * FROM hub.acts WHERE kind = 'activities_resent' ORDER BY id")
    assert [(row["subject"], row["person"], row["reason"]) for row in acts] == [(f"peer/{PEER}", "anne", "Réparé chez eux.")] * 2
    assert attested(acts[0])["by"]["id"] == "anne"


async def refused_by_name(carrying: Carrying, reason: str, name: str | None) -> None:
    with pytest.raises(RefusedError, match=f"^{reason}$"):
        await carrying.resend(name)


async def test_who_asks_names_a_peer_and_says_why(carrying: Carrying) -> None:
    world = carrying.town.world
    await world.hear(world.posted("wifip", "post:1"))
    await carrying.tell(refused=BOTH)
    with pytest.raises(ReasonMissing):
        await carrying.resend(reason=" ")

    async def of_nobody(work: UnitOfWork) -> None:
        await sending_again.resend("nobody.example", None, "Réparé.", await present(work), work)

    with pytest.raises(NodeNotFound):
        await world.work(of_nobody)
    await refused_by(carrying, "activity_not_set_aside", "e-of-nobody")


async def test_what_the_peer_has_in_its_other_form_is_not_set_aside(carrying: Carrying) -> None:
    world = carrying.town.world
    await world.hear(world.posted("wifip", "post:1"))
    await carrying.tell(refused={"plain"})
    assert await carrying.listed() == []
    await refused_by(carrying, "nothing_set_aside")


async def test_what_was_said_of_the_same_message_since_goes_along_so_that_the_last_word_stays_the_last(carrying: Carrying) -> None:
    world = carrying.town.world
    await world.hear(world.posted("wifip", "post:1"))
    await carrying.tell(refused=BOTH)
    await world.hear(world.posted("wifip", "post:2"))
    await carrying.tell()
    await world.hear(world.edited("wifip", "post:1", "Une autre version"))
    assert await carrying.tell() == [4, 5]
    done = await carrying.resend()
    assert (done.activities, done.along, await carrying.asked()) == (2, 2, [0, 1, 4, 5])


async def test_an_edit_that_is_still_on_its_way_is_waited_for(carrying: Carrying) -> None:
    world = carrying.town.world
    await world.hear(world.posted("wifip", "post:1"))
    await carrying.tell(refused=BOTH)
    await world.hear(world.edited("wifip", "post:1", "Une autre version"))
    await refused_by(carrying, "resend_under_way")
    await carrying.tell()
    assert (await carrying.resend()).along == 2


async def test_a_message_that_was_deleted_meanwhile_does_not_come_back(carrying: Carrying) -> None:
    world = carrying.town.world
    await world.hear(world.posted("wifip", "post:1"))
    await carrying.tell(refused=BOTH)
    await world.hear(world.deleted("wifip", "post:1"))
    await refused_by(carrying, "resend_taken_back")  # though its Delete is still on its way
    await carrying.tell()
    await refused_by(carrying, "resend_taken_back")
    assert await carrying.listed() == [(0, "resend_taken_back"), (1, "resend_taken_back")]


async def test_a_deletion_that_was_set_aside_goes_again_unless_its_author_said_it_anew(carrying: Carrying) -> None:
    world = carrying.town.world
    await world.hear(world.posted("wifip", "post:1"), world.posted("wifip", "post:2"))
    await carrying.tell()
    await world.hear(world.deleted("wifip", "post:1"), world.deleted("wifip", "post:2"))
    assert await carrying.tell(refused=BOTH) == [4, 5, 6, 7]
    await world.hear(world.edited("wifip", "post:2", "Revenu", marker="restored"))
    await carrying.tell()
    done = await carrying.resend()
    assert (done.activities, dict(done.refused), await carrying.asked()) == (2, {"resend_overtaken": 2}, [4, 5])


async def test_what_a_moderator_took_away_stays_away_until_it_is_brought_back(carrying: Carrying) -> None:
    world = carrying.town.world
    await world.hear(world.posted("wifip", "post:1"))
    await carrying.tell(refused=BOTH)
    await moderate(carrying, away=True)
    await carrying.tell()
    await refused_by(carrying, "resend_taken_back")
    await moderate(carrying, away=False)
    await carrying.tell()
    assert len(await carrying.listed()) == 2
    assert (await carrying.resend()).activities == 2


async def test_a_like_goes_again_while_it_stands_and_its_end_while_none_does(carrying: Carrying) -> None:
    world = carrying.town.world
    await world.hear(world.posted("wifip", "post:1"))
    await carrying.tell()
    await world.hear(world.reacted("education", "like:1", POST))
    [like] = await carrying.tell(refused=BOTH)
    assert await carrying.listed() == [(like, None)]
    await world.hear(world.unreacted("education", "like:1"))
    [undo] = await carrying.tell(refused=BOTH)
    assert await carrying.listed() == [(like, "resend_taken_back"), (undo, None)]
    await world.hear(world.reacted("education", "like:2", POST))
    [again] = await carrying.tell()
    assert await carrying.listed() == [(like, "resend_taken_back"), (undo, "resend_overtaken")]
    assert again not in dict(await carrying.listed())


async def test_a_colleagues_like_keeps_the_one_that_was_told(carrying: Carrying) -> None:
    world = carrying.town.world
    await world.hear(world.posted("wifip", "post:1"))
    await carrying.tell()
    await world.hear(world.reacted("education", "like:1", POST), world.reacted("education", "like:2", POST, actor="b" * 32))
    [like] = await carrying.tell(refused=BOTH)
    await world.hear(world.unreacted("education", "like:1"))
    assert (await carrying.tell(), await carrying.listed()) == ([], [(like, None)])


async def test_what_was_for_nobody_any_more_an_answer_or_long_forgotten_stays_where_it_is(carrying: Carrying) -> None:
    world = carrying.town.world
    await carrying.answer()
    await refused_by(carrying, "resend_answer")
    await world.hear(world.posted("wifip", "post:1"))
    await carrying.tell(refused=BOTH)
    world.clock.moved += timedelta(days=22)
    assert {why for _, why in await carrying.listed()} == {"resend_answer", "resend_expired"}
    world.clock.moved = timedelta()
    async with world.engine.begin() as connection:
        await connection.execute(text("UPDATE hub.communities SET audience = 'members'"))
    assert dict(await carrying.listed())[1] == "peer_no_longer_follows"
    async with world.engine.begin() as connection:
        await connection.execute(text("UPDATE hub.communities SET audience = 'public'"))
        await connection.execute(text("UPDATE hub.peers SET grade = 'suspended'"))
    assert dict(await carrying.listed())[1] == "peer_not_permitted"
    async with world.engine.begin() as connection:
        await connection.execute(text("UPDATE hub.peers SET grade = 'full'"))
        await connection.execute(text("DELETE FROM hub.followers"))
    assert dict(await carrying.listed())[1] == "peer_no_longer_follows"


async def test_operators_see_that_it_waits_again_and_then_that_it_was_taken(carrying: Carrying) -> None:
    world = carrying.town.world
    await world.hear(world.posted("wifip", "post:1"))
    await carrying.tell(refused=BOTH)
    assert await _seen(carrying) == (REFUSED, 2)
    for taken, state, refused in ((False, REFUSED, 2), (True, TRANSMITTED, 0)):
        await carrying.resend()
        assert (await _seen(carrying))[1] == 0
        again = await carrying.tell_again()
        assert await _seen(carrying) == (WAITING, 0)
        await carrying.judge(again, taken=taken)
        assert await _seen(carrying) == (state, refused)
    assert await carrying.listed() == []


async def test_what_may_go_is_found_behind_however_much_may_not(carrying: Carrying, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending_again, "MOST", 2)
    world = carrying.town.world
    await world.hear(*(world.posted("wifip", f"post:{number}") for number in range(1, 6)))
    await carrying.tell(refused=BOTH)
    await world.hear(world.deleted("wifip", "post:1"), world.deleted("wifip", "post:2"))
    await carrying.tell()
    done = await carrying.resend(carrying.told[9].event)
    assert (done.activities, await carrying.asked()) == (2, [8, 9])
    done = await carrying.resend()
    assert (done.activities, dict(done.refused), done.waiting) == (2, {"resend_taken_back": 4}, 6)
    assert await carrying.asked() == [8, 9, 4, 5]


async def test_what_is_brought_once_more_is_as_old_as_what_was_said_first(carrying: Carrying) -> None:
    world = carrying.town.world
    await world.hear(world.posted("wifip", "post:1"))
    await carrying.tell(refused=BOTH)
    world.clock.moved += timedelta(days=20)
    await carrying.resend()
    await carrying.judge(await carrying.tell_again(), taken=False)
    assert {why for _, why in await carrying.listed()} == {None}
    world.clock.moved += timedelta(days=2)
    assert {why for _, why in await carrying.listed()} == {"resend_expired"}


async def _seen(carrying: Carrying) -> tuple[str, int]:
    async with carrying.town.world.engine.connect() as connection:
        event, now = carrying.told[0].event, carrying.town.world.clock()
        (one,) = (await transmissions(connection, [event], now))[event]
        state = await peer_state(connection, PEER, now)
    assert state is not None
    return one.state, state.refused
