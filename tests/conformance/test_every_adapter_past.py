"""What a space held before its tie, whatever the RSE: named a part at a time, told as its own webhook or poll would, written silently."""

from __future__ import annotations

import secrets
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from adapters.capabilities import Feature
from adapters.gateway import named
from adapters.offers import Held, Recalls, Recounted, Survey
from adapters.port import UNSUPPORTED, Act, Change, Later, Never, Order, Unused, Written
from schemas.envelope import event_id
from schemas.facts.message import Author, Content
from tests.fakes_discourse_twin import forum
from tests.fakes_matrix_twin import BOT, House

if TYPE_CHECKING:
    from pathlib import Path

    from tests.rses.rse import Rse

LONG_AGO = datetime(2026, 1, 5, 8, 30, tzinfo=UTC)
EVER = datetime(2020, 1, 1, tzinfo=UTC)


def history(space: str, **changes: object) -> Order:
    order = Order(
        act=Act.POSTED, key=secrets.token_hex(16), subject=secrets.token_hex(16), space=space,
        author=Author(name="Léo Martin", organisation="Éducation nationale"),
        content=Content(html="<p>Voici un compte rendu de janvier.</p>", text="Voici un compte rendu de janvier."),
        link="https://tchap.example/m/1", occurred_at=LONG_AGO, history=True,
    )  # fmt: skip
    return replace(order, **changes)  # type: ignore[arg-type]  # a test's own words


async def surveyed(rse: Rse, since: datetime = EVER) -> list[Held]:
    """All of it, part by part."""
    assert isinstance(rse.client, Recalls)
    found: dict[str, Held] = {}
    cursor = None
    for _ in range(20):
        page = await rse.client.survey(rse.space, since, cursor)
        assert isinstance(page, Survey), page
        found |= {one.native_id: one for one in page.items}
        cursor = page.cursor
        if cursor is None:
            return sorted(found.values(), key=lambda one: one.created_at)
    raise AssertionError("the survey does not end")


async def recounted(rse: Rse, native_id: str) -> Change:
    assert isinstance(rse.client, Recalls)
    recounted = await rse.client.recount(rse.space, native_id)
    assert isinstance(recounted, Recounted), recounted
    told = await named(rse.client, recounted.message)
    assert isinstance(told, Change)
    return told


def test_its_capabilities_say_that_it_is_read(rse: Rse) -> None:
    assert rse.platform().capabilities.reads(Feature.HISTORY)
    assert isinstance(rse.client, Recalls)


@pytest.mark.parametrize("seconds", [-72_000.0, 72_000.0])
async def test_an_rse_whose_clock_is_wrong_is_asked_by_our_time(rse: Rse, seconds: float) -> None:
    await rse.set_clock(seconds)
    said, now = await rse.post("Bonjour à tous, voici les nouvelles."), datetime.now(UTC)
    (held,) = await surveyed(rse, now - timedelta(hours=1))
    assert held.native_id == said
    assert abs(held.created_at - now) < timedelta(minutes=5)
    assert await surveyed(rse, now + timedelta(hours=1)) == []


async def test_what_was_found_is_named_as_its_answers_name_it(rse: Rse) -> None:
    await rse.post("Bonjour à tous, voici les nouvelles.")
    (held,) = await surveyed(rse)
    assert held.locator == (await recounted(rse, held.native_id)).locator


async def test_what_people_wrote_is_named_in_the_order_of_its_writing(rse: Rse) -> None:
    first = await rse.post("Bonjour à tous, voici les nouvelles.")
    reply = await rse.reply(first, "Merci beaucoup pour ces nouvelles !")
    second = await rse.post("Bonjour encore, voici la suite des nouvelles.")
    held = await surveyed(rse)
    assert [one.native_id for one in held] == [first, reply, second]
    assert all(datetime.now(UTC) - one.created_at < timedelta(minutes=1) for one in held)


async def test_neither_what_we_wrote_nor_what_is_gone_nor_what_is_older_is_named(rse: Rse) -> None:
    kept = await rse.post("Bonjour à tous, voici les nouvelles.")
    gone = await rse.post("Bonjour encore, voici la suite des nouvelles.")
    await rse.delete(gone)
    ours = await rse.client.write(history(rse.space, history=False))
    assert isinstance(ours, Written)
    assert [one.native_id for one in await surveyed(rse)] == [kept]
    assert not await surveyed(rse, datetime.now(UTC) + timedelta(minutes=1))


async def test_a_message_is_told_as_its_webhook_told_it_so_that_its_double_dies_by_its_id(rse: Rse) -> None:
    first = await rse.post("Bonjour à tous, voici les nouvelles.")
    reply = await rse.reply(first, "Merci beaucoup pour ces nouvelles !")
    for native_id in (first, reply):
        live, told = await rse.change(Act.POSTED, native_id), await recounted(rse, native_id)
        ids = [event_id("n", "fr.gouv.rse.message.posted.v1", one.native_id, one.marker) for one in (live, told)]
        assert ids[0] == ids[1]
        assert told == live


async def test_a_message_that_was_edited_is_told_in_its_last_words(rse: Rse) -> None:
    first = await rse.post("Bonjour à tous, voici les nouvelles.")
    await rse.edit(first, "Bonjour à tous, voici les nouvelles corrigées.")
    told = await recounted(rse, first)
    assert (told.act, told.native_id) == (Act.POSTED, first)
    assert told.content is not None
    assert "corrigées" in told.content.text


async def test_what_is_gone_meanwhile_is_no_message(rse: Rse) -> None:
    first = await rse.post("Bonjour à tous, voici les nouvelles.")
    await rse.delete(first)
    assert isinstance(rse.client, Recalls)
    told = await rse.client.recount(rse.space, first)
    assert isinstance(told, Unused) or (isinstance(told, Recounted) and told.message.act is Act.DELETED)
    assert isinstance(await rse.client.recount(rse.space, rse.nowhere), Unused)


async def test_a_space_that_is_not_there_is_refused_and_an_rse_that_is_down_is_waited_for(rse: Rse) -> None:
    assert isinstance(rse.client, Recalls)
    assert isinstance(await rse.client.survey(rse.unknown_space, EVER, None), Never)
    unreachable = type(rse.client)(rse.instance.model_copy(update={"url": "http://127.0.0.1:1"}))  # type: ignore[call-arg]  # every client is made so
    assert isinstance(unreachable, Recalls)
    try:
        assert isinstance(await unreachable.survey(rse.space, EVER, None), Later)
        assert isinstance(await unreachable.recount(rse.space, rse.nowhere), Later)
    finally:
        await unreachable.close()


async def test_history_is_written_once_and_found_again_or_refused_by_the_platforms_reason(rse: Rse) -> None:
    order = history(rse.space)
    outcome = await rse.client.write(order)
    if not rse.platform().capabilities.writes(Feature.HISTORY):
        assert outcome == Never(UNSUPPORTED, "history_would_notify")
        assert not await rse.shown()
        return
    assert isinstance(outcome, Written)
    assert await rse.client.find(order) == outcome
    (shown,) = await rse.shown()
    assert "compte rendu de janvier" in shown.text


# --- nobody is notified, and the date is the original's -------------------------------------------------------------


async def test_in_discourse_history_has_its_date_and_alerts_nobody(tmp_path: Path) -> None:
    async with forum(tmp_path) as rse:
        first = await rse.client.write(history("97"))
        assert isinstance(first, Written)
        reply = await rse.client.write(history("97", parent=first.locator, occurred_at=LONG_AGO + timedelta(hours=1)))
        assert isinstance(reply, Written)
        posts = await rse.posts()
        assert [post["created_at"] for post in posts] == ["2026-01-05T08:30:00.000Z", "2026-01-05T09:30:00.000Z"]
        assert [post["alerted"] for post in posts] == [False, False]
        await rse.client.write(history("97", history=False, content=Content(html="<p>Ceci est tout nouveau, lui.</p>", text="")))
        await rse.sink.wait(1)
        assert [(await rse.posts())[-1]["alerted"], len({one.body for one in rse.sink.seen}) > 0] == [True, True]


async def test_in_discourse_a_topic_of_many_pages_is_read_back_no_further_than_asked(tmp_path: Path) -> None:
    async with forum(tmp_path) as rse:
        opened = {"title": "Un fil très long de notre atelier", "category": 97, "import_mode": True}
        _, first = await rse.call("POST", "/posts.json", raw="Le premier message du fil.", created_at="2026-01-01T00:00:00.000Z", **opened)
        for number in range(1, 50):
            at = (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)).isoformat()
            body = {"topic_id": first["topic_id"], "raw": f"Le message de ce fil, numéro {number}.", "created_at": at, "import_mode": True}
            await rse.call("POST", "/posts.json", **body)
        page = await rse.client.survey("97", datetime(2026, 2, 10, tzinfo=UTC), None)
        assert isinstance(page, Survey)
        assert page.cursor is not None
        posts = await rse.client.survey("97", datetime(2026, 2, 10, tzinfo=UTC), page.cursor)
        assert isinstance(posts, Survey)
        assert len(posts.items) == 10


async def test_in_discourse_a_topic_that_moves_while_the_category_is_read_is_read_again(tmp_path: Path) -> None:
    async with forum(tmp_path) as rse:
        for number in range(2):
            title = f"Un sujet de notre atelier, numéro {number}"
            await rse.call("POST", "/posts.json", title=title, raw="Bonjour à tous, voici les nouvelles.", category=97)
        topics = {post["topic"] for post in await rse.posts()}
        page = await rse.client.survey("97", EVER, None)
        for _ in topics:
            assert isinstance(page, Survey)
            page = await rse.client.survey("97", EVER, page.cursor)
        _, moved = await rse.call("POST", "/posts.json", "leo", topic_id=min(topics), raw="Une réponse entre deux pages.")
        found: list[str] = []
        while isinstance(page, Survey) and page.cursor is not None:
            page = await rse.client.survey("97", EVER, page.cursor)
            found += [one.native_id for one in page.items] if isinstance(page, Survey) else []
        assert f"post:{moved['id']}" in found
        assert len(found) == 2  # of the topic that moved alone


async def test_in_discourse_a_subject_of_another_category_and_a_private_message_are_not_read(tmp_path: Path) -> None:
    async with forum(tmp_path) as rse:
        await rse.call("POST", "/posts.json", title="Un sujet réservé à quelques-uns", raw="Ceci est réservé à quelques-uns.", category=98)
        private = {"archetype": "private_message", "target_recipients": "leo"}
        await rse.call("POST", "/posts.json", title="Un mot pour toi seulement", raw="Ceci est pour toi seulement, Léo.", **private)
        page = await rse.client.survey("97", EVER, None)
        assert isinstance(page, Survey)
        again = await rse.client.survey("97", EVER, page.cursor)
        assert again == Survey((), None)


async def test_in_matrix_history_is_a_notice_without_mentions_at_its_date_and_says_so(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        house = House(tmp_path, stack)
        await house.open()
        claire = await house.person()
        room = await claire.create_room("Futurs Publics", invite=[BOT])
        assert isinstance(await house.client.write(history(room)), Written)
        (shown,) = await house.visible(room)
        assert (shown["content"]["msgtype"], shown["content"]["m.mentions"]) == ("m.notice", {})
        assert shown["ts"] == int(LONG_AGO.timestamp() * 1000)
        assert shown["body"].startswith("Message du 5 janvier 2026")
        assert shown["name"] == "Léo Martin (Éducation nationale)"


async def test_in_matrix_encrypted_and_system_events_are_not_read_and_a_room_of_many_pages_is_read_whole(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        house = House(tmp_path, stack)
        await house.open()
        claire = await house.person()
        room = await claire.create_room("Futurs Publics", invite=[BOT])
        said = [await claire.say(room, f"Message {number}") for number in range(150)]
        house.twin_rooms.send(room, claire.user_id, "m.room.encrypted", {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x"})
        found: list[str] = []
        cursor: str | None = None
        pages = 0
        while pages == 0 or cursor is not None:
            page = await house.client.survey(room, EVER, cursor)
            assert isinstance(page, Survey)
            found, cursor, pages = [one.native_id for one in page.items] + found, page.cursor, pages + 1
        assert (sorted(found), pages) == (sorted(said), 3)  # the last of them is empty, as a real one ends


@pytest.mark.parametrize("sender", ["claire", "paul"])
async def test_in_matrix_only_the_authors_own_edit_counts(tmp_path: Path, sender: str) -> None:
    async with AsyncExitStack() as stack:
        house = House(tmp_path, stack)
        await house.open()
        claire, paul = await house.person(), await house.person("paul", "Paul Petit")
        room = await claire.create_room("Futurs Publics", invite=[BOT, paul.user_id])
        await paul.join(room)
        first = await claire.say(room, "Bonjour")
        await (claire if sender == "claire" else paul).edit(room, first, "Bonsoir")
        told = await house.client.recount(room, first)
        assert isinstance(told, Recounted)
        assert told.message.content is not None
        assert told.message.content.text == ("Bonsoir" if sender == "claire" else "Bonjour")
