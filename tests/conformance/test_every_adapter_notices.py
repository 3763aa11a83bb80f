"""The notice in a tied space, whatever the RSE: shown once, found again, changed in place, told to nobody else."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from adapters.capabilities import Feature
from adapters.markup import words
from adapters.offers import Announces, Notice
from adapters.port import Act, Later, Never, Written
from schemas.facts.message import Content
from tests.fakes_discourse_twin import forum
from tests.fakes_exo import V1
from tests.fakes_exo_twin import SOCIAL, portal
from tests.fakes_matrix_twin import BOT, House

if TYPE_CHECKING:
    from pathlib import Path

    from tests.rses.rse import Rse, Shown

HTML = '<p>Cet espace est relié à d’autres ministères : <strong>Éducation</strong>.</p><p><a href="https://hub.example/comprendre">En savoir plus</a></p>'


def notice(space: str, html: str = HTML, native_id: str | None = None, *, pinned: bool = True) -> Notice:
    title = "Espace relié à d’autres ministères : Futurs Publics"
    return Notice(space, "tdu-avis-0123456789abcdef01234567", title, Content(html=html, text=words(html)), pinned, native_id)


async def written(rse: Rse, given: Notice) -> Written:
    assert isinstance(rse.client, Announces)
    outcome = await rse.client.show(given)
    assert isinstance(outcome, Written), outcome
    return outcome


async def standing(rse: Rse) -> list[Shown]:
    return [one for one in await rse.shown() if "relié" in one.text]


def test_its_capabilities_say_so(rse: Rse) -> None:
    capabilities = rse.platform().capabilities
    assert capabilities.writes(Feature.NOTICE)
    assert not capabilities.reads(Feature.NOTICE)


async def test_a_notice_stands_once_however_often_it_is_shown_and_whatever_was_remembered_of_it(rse: Rse) -> None:
    first = await written(rse, notice(rse.space))
    again = await written(rse, notice(rse.space))  # as after a crash between the answer and the ledger
    known = await written(rse, notice(rse.space, native_id=first.native_id))
    (shown,) = await standing(rse)
    if rse.edits:
        assert {first.native_id, again.native_id, known.native_id} == {shown.native_id}


async def test_a_notice_whose_answer_was_lost_is_found_and_not_written_twice(rse: Rse) -> None:
    assert isinstance(rse.client, Announces)
    await rse.lose_answers()
    assert isinstance(await rse.client.show(notice(rse.space)), Later)
    await rse.heal()
    await written(rse, notice(rse.space))
    assert len(await standing(rse)) == 1


async def test_a_notice_is_changed_in_place(rse: Rse) -> None:
    first = await written(rse, notice(rse.space))
    changed = HTML.replace("Éducation", "Finances")
    after = await written(rse, notice(rse.space, changed, first.native_id))
    (shown,) = await standing(rse)
    assert "Finances" in shown.text
    assert after.native_id == shown.native_id
    if rse.edits:
        assert after.native_id == first.native_id


async def test_the_connector_hears_its_own_notice_as_its_own(rse: Rse) -> None:
    first = await written(rse, notice(rse.space))
    assert (await rse.change(Act.POSTED, first.native_id)).by_us
    if rse.edits:
        await written(rse, notice(rse.space, HTML.replace("Éducation", "Finances"), first.native_id))
        assert (await rse.change(Act.EDITED, first.native_id)).by_us


async def test_a_space_that_is_not_there_is_refused_by_name_and_an_rse_that_is_down_is_waited_for(rse: Rse) -> None:
    assert isinstance(rse.client, Announces)
    outcome = await rse.client.show(notice(rse.unknown_space))
    assert isinstance(outcome, Never), outcome
    await rse.refuse(503, 7)
    assert isinstance(await rse.client.show(notice(rse.space)), Later)


# --- pins, which each platform gives to some accounts ---------------------------------------------------------------


@pytest.mark.parametrize("pinned", [True, False])
async def test_in_discourse_it_is_closed_and_pinned_while_it_is_true(tmp_path: Path, pinned: bool) -> None:  # noqa: FBT001 - a case
    async with forum(tmp_path) as rse:
        first = await rse.client.show(notice("97"))
        assert isinstance(first, Written)
        await rse.client.show(notice("97", native_id=first.native_id, pinned=pinned))
        topic = (await rse.posts())[0]["topic"]
        _, shown = await rse.call("GET", f"/t/{topic}.json")
        assert (shown["closed"], shown["pinned"]) == (True, pinned)
        status, _ = await rse.call("POST", "/posts.json", "camille", topic_id=topic, raw="Une réponse à cet avis, pour voir.")
        assert status == 403


async def test_in_discourse_two_communities_of_one_title_have_a_notice_each(tmp_path: Path) -> None:
    async with forum(tmp_path) as rse:
        assert isinstance(await rse.client.show(notice("97")), Written)
        assert isinstance(
            await rse.client.show(replace(notice("98", HTML.replace("Éducation", "Finances")), key="tdu-avis-autre")), Written
        )
        assert len(await rse.posts()) == 2


async def test_in_discourse_a_notice_that_was_deleted_comes_back_with_the_next_news(tmp_path: Path) -> None:
    async with forum(tmp_path) as rse:
        first = await rse.client.show(notice("97"))
        assert isinstance(first, Written)
        await rse.call("DELETE", f"/posts/{first.native_id.removeprefix('post:')}.json", "system")
        second = await rse.client.show(notice("97", HTML.replace("Éducation", "Finances"), first.native_id))
        assert isinstance(second, Written)
        assert second.native_id != first.native_id
        assert [post["deleted"] for post in await rse.posts()] == [True, False]


@pytest.mark.parametrize("power", [0, 50])
async def test_in_matrix_it_is_pinned_beside_what_is_pinned_where_the_room_lets_the_bot(tmp_path: Path, power: int) -> None:
    async with AsyncExitStack() as stack:
        house = House(tmp_path, stack)
        await house.open()
        claire = await house.person()
        room = await claire.create_room("Futurs Publics", invite=[BOT])
        levels = {"users": {claire.user_id: 100, BOT: power}, "users_default": 0}
        await claire.call("PUT", f"rooms/{room}/state/m.room.power_levels", levels)
        await claire.call("PUT", f"rooms/{room}/state/m.room.pinned_events", {"pinned": ["$ordre_du_jour"]})
        first = await house.client.show(notice(room))
        assert isinstance(first, Written)
        pinned = (await claire.call("GET", f"rooms/{room}/state/m.room.pinned_events"))["pinned"]
        assert pinned == ["$ordre_du_jour", *([first.native_id] if power else [])]
        await house.client.show(notice(room, native_id=first.native_id, pinned=False))
        assert (await claire.call("GET", f"rooms/{room}/state/m.room.pinned_events"))["pinned"] == ["$ordre_du_jour"]


async def test_in_matrix_it_rings_in_no_pocket_and_nothing_is_said_in_clear_in_a_room_that_was_encrypted(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        house = House(tmp_path, stack)
        await house.open()
        claire = await house.person()
        room = await claire.create_room("Futurs Publics", invite=[BOT])
        first = await house.client.show(notice(room))
        assert isinstance(first, Written)
        (shown,) = await house.visible(room)
        assert (shown["content"]["msgtype"], shown["content"]["m.mentions"]) == ("m.notice", {})
        await claire.call("PUT", f"rooms/{room}/state/m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
        outcome = await house.client.show(notice(room, HTML.replace("Éducation", "Finances"), first.native_id))
        assert outcome == Never("space_encrypted")


@pytest.mark.parametrize("managers", [(), ("traitdunion",)])
async def test_in_meeds_it_is_pinned_where_the_account_manages_the_space(tmp_path: Path, managers: tuple[str, ...]) -> None:
    async with portal(tmp_path, V1, managers=managers) as rse:
        first = await rse.client.show(notice("12"))
        assert isinstance(first, Written)
        assert [item["pinned"] for item in await rse.items()] == [bool(managers)]
        await rse.client.show(notice("12", native_id=first.native_id, pinned=False))
        status, shown = await rse.call("GET", f"{SOCIAL}/activities/{first.native_id.removeprefix('activity:')}")
        assert (status, shown["pinned"]) == (200, False)
