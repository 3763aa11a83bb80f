"""What is set on messages in a homeserver: reactions under ghosts, accepted answers, threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapters.port import (
    UNSUPPORTED,
    Act,
    Never,
)
from tests.fakes_matrix import posting
from tests.fakes_matrix_twin import BOT, House, closed_room, written

if TYPE_CHECKING:
    from adapters.port import Order


def reacting(message: str, room: str, key: str = "r1", **changes: Any) -> Order:
    return posting(key, space=room, act=Act.REACTED, content=None, emoji="👍", target=message, **changes)


async def test_a_reaction_stands_under_the_ghost_of_who_reacted(house: House) -> None:
    claire, room = await closed_room(house)
    hers = await claire.say(room, "À moi")
    await house.client.write(reacting(hers, room))
    (shown,) = await house.visible(room)
    assert [(one["key"], one["name"]) for one in shown["reactions"]] == [("👍", "Léa Martin (Finances)")]


async def test_two_people_of_one_name_in_one_ministry_are_one_ghost_and_the_second_reaction_says_so(house: House) -> None:
    claire, room = await closed_room(house)
    hers = await claire.say(room, "À moi")
    await house.client.write(reacting(hers, room))
    assert await house.client.write(reacting(hers, room, "r2")) == Never(UNSUPPORTED, "same_name_reacted")


async def test_a_reaction_that_somebody_here_made_is_never_taken_back_by_us(house: House) -> None:
    claire, room = await closed_room(house)
    hers = await claire.react(room, await claire.say(room, "À moi"), "👍")
    order = posting("r2", space=room, act=Act.UNREACTED, content=None, native_id=hers)
    assert await house.client.write(order) == Never("copy_not_ours")
    assert len((await house.visible(room))[0]["reactions"]) == 1


async def test_the_mark_of_an_accepted_answer_says_in_words_what_it_is_and_whose(house: House) -> None:
    claire, room = await closed_room(house)
    hers = await claire.say(room, "Voici comment faire.")
    await house.client.write(posting("a1", space=room, act=Act.ACCEPTED, content=None, target=hers))
    (shown,) = await house.visible(room)
    assert [(one["key"], one["sender"]) for one in shown["reactions"]] == [("✅ Réponse retenue", BOT)]


async def test_an_answer_follows_what_it_answers_into_its_thread_and_stays_out_of_it_elsewhere(house: House) -> None:
    claire, room = await closed_room(house)
    root = await claire.say(room, "Le sujet")
    within = await claire.say_in_thread(room, root, root, "Dans le fil")
    inside = await written(house, "k1", "Moi aussi", room, parent=within)
    deeper = await written(house, "k2", "Et moi", room, parent=inside.native_id)
    outside = await written(house, "k3", "À côté", room, parent=root)
    shown = {one["event_id"]: (one["reply_to"], one["thread"]) for one in await house.visible(room)}
    assert shown == {
        root: (None, None),
        within: (None, root),
        inside.native_id: (within, root),
        deeper.native_id: (inside.native_id, root),
        outside.native_id: (root, None),
    }


async def test_the_thread_of_what_is_gone_is_nowhere(house: House) -> None:
    claire, room = await closed_room(house)
    root = await claire.say(room, "Le sujet")
    within = await claire.say_in_thread(room, root, root, "Dans le fil")
    await claire.redact(room, within)
    await written(house, "k1", "Trop tard", room, parent=within)
    await written(house, "k2", "Jamais là", room, parent="$never")
    assert [one["thread"] for one in await house.visible(room)] == [None, None, None]
