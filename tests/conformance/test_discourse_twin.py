"""The Discourse connector against the Discourse twin, over HTTP: what it writes, finds again, and hears back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from adapters.discourse.http import Answer
from adapters.port import Act, Change, Incomplete, Later, Never, SpaceReport, Written
from schemas.facts.message import Author, Content
from schemas.words import Audience
from tests.fakes_discourse import order
from tests.fakes_discourse_twin import Forum, forum

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from adapters.port import Order

OTHER = "ffffc9a5e7d1b4c2880e6aa10b3f4d5c"
EDITED = Content(html="<p>Voici le compte rendu <strong>corrigé</strong>.</p>", text="")


@pytest.fixture
async def rse(tmp_path: Path) -> AsyncIterator[Forum]:
    async with forum(tmp_path) as found:
        yield found


async def written(rse: Forum, given: Order) -> Written:
    outcome = await rse.client.write(given)
    assert isinstance(outcome, Written), outcome
    return outcome


async def topic_of_camille(rse: Forum, title: str = "Des nouvelles de notre atelier") -> dict[str, int]:
    status, post = await rse.call("POST", "/posts.json", title=title, raw="Bonjour à tous, voici les nouvelles.", category=97)
    assert status == 200, post
    return {"id": post["id"], "topic": post["topic_id"]}


# --- writing -----------------------------------------------------------------------------------------------------


async def test_a_message_becomes_a_topic_signed_with_its_authors_name(rse: Forum) -> None:
    found = await written(rse, order(title="Compte rendu de mars"))
    (post,) = await rse.posts()
    assert (post["title"], post["category"], post["username"]) == ("Compte rendu de mars", 97, "traitdunion")
    assert post["cooked"].startswith("<p><strong>Léo Martin (Éducation nationale)</strong> a écrit :</p>")
    assert "traitdunion:" not in post["cooked"]
    assert (found.native_id, found.locator) == (f"post:{post['id']}", f"topic:{post['topic']}/1")


async def test_a_reply_to_the_first_message_joins_its_topic(rse: Forum) -> None:
    first = await topic_of_camille(rse)
    assert (await written(rse, order(parent=f"topic:{first['topic']}/1"))).locator == f"topic:{first['topic']}/2"


@pytest.mark.parametrize("given", [{"parent_missing": True}, {"parent": "post:999"}])
async def test_a_reply_to_something_unknown_stands_alone_and_says_so(rse: Forum, given: dict[str, Any]) -> None:
    found = await written(rse, order(**given))
    assert (found.locator or "").endswith("/1")
    assert "un message qui n’est pas dans cet espace" in (await rse.posts())[0]["raw"]


async def test_two_messages_of_the_same_title_both_arrive(rse: Forum) -> None:
    for subject in ("a" * 32, "b" * 32, "c" * 32):
        await written(rse, order(subject=subject, title="Compte rendu de mars"))
    titles = [post["title"] for post in await rse.posts()]
    assert len(set(titles)) == 3
    assert all(title.startswith("Compte rendu de mars") for title in titles)


async def test_a_very_short_message_without_title_arrives(rse: Forum) -> None:
    await written(rse, order(content=Content(html="<p>ok</p>", text="ok"), author=Author(name="A", organisation="B"), link=None))
    (post,) = await rse.posts()
    assert len(post["title"]) >= 15


async def test_a_message_of_one_endless_word_is_called_by_its_authors_name(rse: Forum) -> None:
    await written(rse, order(content=Content(html=f"<p>{'a' * 60}</p>", text="")))
    assert (await rse.posts())[0]["title"].startswith("Message de Léo Martin")


async def test_a_sites_own_limits_are_asked_and_kept(tmp_path: Path) -> None:
    async with forum(tmp_path, min_post_length=300, max_post_length=2_000) as rse:
        await written(rse, order(content=Content(html="<p>Merci !</p>", text="")))
        parts = await rse.client.divided(order(content=Content(html="<p>" + "mot " * 1_000 + "</p>", text=""), subject="b" * 32))
        for part in parts:
            await written(rse, part)
        assert len(parts) > 2
        assert "Merci !" in (await rse.posts())[0]["raw"]


@pytest.mark.parametrize("reason", ["", "Message retiré par la modération : hors sujet"])
async def test_a_site_that_wants_long_posts_takes_the_words_that_stand_in_place_of_a_deleted_message(tmp_path: Path, reason: str) -> None:
    async with forum(tmp_path, min_post_length=300) as rse:
        first = await written(rse, order())
        topic = int((first.locator or "").removeprefix("topic:").partition("/")[0])
        await rse.call("POST", "/posts.json", topic_id=topic, raw="Merci pour ce compte rendu ! " * 20)
        await written(rse, order(Act.DELETED, native_id=first.native_id, content=None, reason=reason))
        assert "compte rendu de mars" not in (await rse.posts())[0]["raw"]


async def test_an_edit_changes_the_copy_and_its_title(rse: Forum) -> None:
    first = await written(rse, order(title="Compte rendu de mars"))
    edited = await written(rse, order(Act.EDITED, native_id=first.native_id, content=EDITED, title="Compte rendu d’avril"))
    (post,) = await rse.posts()
    assert "<strong>corrigé</strong>" in post["cooked"]
    assert (post["title"], edited.version) == ("Compte rendu d’avril", post["updated_at"])
    assert edited.version > first.version


async def test_an_edit_whose_title_is_taken_still_changes_the_text(rse: Forum) -> None:
    await topic_of_camille(rse, "Compte rendu d’avril")
    first = await written(rse, order(title="Compte rendu de mars"))
    await written(rse, order(Act.EDITED, native_id=first.native_id, content=EDITED, title="Compte rendu d’avril"))
    assert "corrigé" in (await rse.posts())[-1]["raw"]


async def test_a_reply_is_deleted(rse: Forum) -> None:
    first = await topic_of_camille(rse)
    reply = await written(rse, order(parent=f"topic:{first['topic']}/1"))
    await written(rse, order(Act.DELETED, native_id=reply.native_id, content=None))
    assert [post["deleted"] for post in await rse.posts()] == [False, True]


async def test_a_first_message_that_others_answered_is_emptied_and_its_topic_stays(rse: Forum) -> None:
    first = await written(rse, order())
    topic = int((first.locator or "").removeprefix("topic:").partition("/")[0])
    await rse.call("POST", "/posts.json", topic_id=topic, raw="Merci pour ce compte rendu !")
    given = order(Act.DELETED, native_id=first.native_id, content=None)
    assert await rse.client.find(given) is None
    deleted = await written(rse, given)
    posts = await rse.posts()
    assert [post["deleted"] for post in posts] == [False, False]
    assert "compte rendu de mars" not in posts[0]["cooked"]
    assert await rse.client.find(given) is None  # its history may not be hidden yet: it is emptied again, which changes nothing
    assert (await written(rse, given)).native_id == deleted.native_id
    assert [post["raw"] for post in await rse.posts()] == [post["raw"] for post in posts]


async def test_a_history_that_the_account_may_not_hide_is_refused_by_a_name_that_says_what_to_mend(
    rse: Forum, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await written(rse, order())
    topic = int((first.locator or "").removeprefix("topic:").partition("/")[0])
    await rse.call("POST", "/posts.json", topic_id=topic, raw="Merci pour ce compte rendu !")
    api = rse.client._api
    send = api.send

    async def without_rights(method: str, path: str, body: dict[str, object] | None = None) -> Answer | Later:
        return Answer(403, {}) if path.endswith("/hide") else await send(method, path, body)

    monkeypatch.setattr(api, "send", without_rights)
    assert await rse.client.write(order(Act.DELETED, native_id=first.native_id, content=None)) == Never("history_kept")
    assert "compte rendu de mars" not in (await rse.posts())[0]["cooked"]


async def test_a_first_message_alone_goes_with_its_topic(rse: Forum) -> None:
    first = await written(rse, order())
    await written(rse, order(Act.DELETED, native_id=first.native_id, content=None))
    assert (await rse.posts())[0]["deleted"]


async def test_a_message_restored_at_its_origin_comes_back(rse: Forum) -> None:
    first = await written(rse, order())
    await written(rse, order(Act.DELETED, native_id=first.native_id, content=None))
    await written(rse, order(Act.EDITED, native_id=first.native_id, content=EDITED))
    (post,) = await rse.posts()
    assert (post["deleted"], "corrigé" in post["raw"]) == (False, True)


async def test_a_message_that_shall_come_back_with_its_text_is_not_taken_to_be_back_already(rse: Forum) -> None:
    first = await written(rse, order())
    await written(rse, order(Act.DELETED, native_id=first.native_id, content=None))
    assert await rse.client.find(order(Act.EDITED, native_id=first.native_id)) is None


async def test_a_copy_withdrawn_here_by_somebody_is_not_brought_back_by_an_edit(rse: Forum) -> None:
    first = await written(rse, order())
    await rse.call("DELETE", f"/posts/{first.native_id.removeprefix('post:')}.json", "system")
    assert await rse.client.write(order(Act.EDITED, native_id=first.native_id, content=EDITED)) == Written(
        first.native_id, (await rse.posts())[0]["updated_at"], first.locator
    )
    assert (await rse.posts())[0]["deleted"]


async def test_who_brings_a_copy_back_finds_its_authors_words_of_now_and_nothing_that_she_deleted(rse: Forum) -> None:
    edited, deleted = await written(rse, order()), await written(rse, order(key="k2", subject="1" * 32, title="Un autre compte rendu"))
    for copy in (edited, deleted):
        await rse.call("DELETE", f"/posts/{copy.native_id.removeprefix('post:')}.json", "system")
    await written(rse, order(Act.EDITED, native_id=edited.native_id, content=EDITED))
    await written(rse, order(Act.DELETED, native_id=deleted.native_id, content=None))
    for copy in (edited, deleted):
        await rse.call("PUT", f"/posts/{copy.native_id.removeprefix('post:')}/recover.json", "system")
    first, second = await rse.posts()
    assert EDITED.text in first["raw"]
    assert "Voici le compte rendu" not in second["raw"]
    assert not first["deleted"]


async def test_a_reply_whose_topic_went_since_stands_alone_and_is_found_there(rse: Forum) -> None:
    first = await written(rse, order())
    await rse.call("DELETE", f"/posts/{first.native_id.removeprefix('post:')}.json", "system")
    reply = order(key="k2", subject="1" * 32, parent=first.locator, content=EDITED)
    alone = await written(rse, reply)
    assert await rse.client.find(reply) == alone
    assert (await rse.posts())[-1]["number"] == 1
    assert "qui n’est pas dans cet espace" in (await rse.posts())[-1]["raw"]


# --- refusals and faults -----------------------------------------------------------------------------------------


async def test_an_answer_that_cannot_heal_is_never(rse: Forum) -> None:
    assert await rse.client.write(order(space="5")) == Never("validation_refused", "1 error(s)")
    assert await rse.client.write(order(space="salon")) == Never("space_malformed")
    assert await rse.client.write(order(Act.EDITED, native_id="post:999")) == Never("not_found")
    assert await rse.client.write(order(Act.EDITED, native_id="$matrix")) == Never("native_id_malformed")


async def test_a_topic_that_is_closed_to_us_is_forbidden_and_a_refused_key_waits_for_an_operator(rse: Forum) -> None:
    await rse.fault(kind="status", status=403)
    assert await rse.client.write(order()) == Never("forbidden")
    stranger = rse.instance.model_copy(update={"api_secret": type(rse.instance.api_secret)("autre")})
    client = type(rse.client)(stranger)
    assert await client.write(order()) == Later("credentials_refused")
    await client.close()


@pytest.mark.parametrize(("status", "reason"), [(429, "rate_limited"), (503, "status_503"), (500, "status_500")])
async def test_a_passing_refusal_is_later_with_the_rses_own_wish(rse: Forum, status: int, reason: str) -> None:
    await rse.fault(kind="status", status=status, retry_after=0.2)
    assert await rse.client.write(order()) == Later(reason, 0.2)
    assert await rse.posts() == []
    await written(rse, order())


async def test_the_admin_api_rate_limit_is_later(tmp_path: Path) -> None:
    async with forum(tmp_path, rate=4) as rse:  # one of them asks for the site's limits
        outcomes = [await rse.client.write(order(subject=str(number) * 32, title=f"Compte rendu numéro {number}")) for number in range(4)]
    assert [type(outcome) for outcome in outcomes] == [Written, Written, Written, Later]
    assert isinstance(outcomes[3], Later)
    assert 0 < (outcomes[3].after or 0) <= 61


async def test_a_new_topic_is_found_after_a_lost_answer_and_never_written_twice(rse: Forum) -> None:
    given = order()
    assert await rse.client.find(given) is None
    await rse.fault(kind="lost_answer")
    assert await rse.client.write(given) == Later("unreachable")
    found = await rse.client.find(given)
    (post,) = await rse.posts()
    assert found == Written(f"post:{post['id']}", post["updated_at"], f"topic:{post['topic']}/1")
    assert await rse.client.write(given) == found
    assert len(await rse.posts()) == 1


async def test_a_reply_is_found_after_a_lost_answer_far_down_a_long_topic(rse: Forum) -> None:
    first = await topic_of_camille(rse)
    given = order(parent=f"topic:{first['topic']}/1")
    await rse.fault(kind="lost_answer")
    assert await rse.client.write(given) == Later("unreachable")
    for number in range(45):
        await rse.call("POST", "/posts.json", topic_id=first["topic"], raw=f"Une réponse de plus, la numéro {number}.")
    found = await rse.client.find(given)
    assert isinstance(found, Written)
    assert found.locator == f"topic:{first['topic']}/2"
    assert await rse.client.find(order(parent=f"topic:{first['topic']}/1", subject=OTHER)) is None


async def test_a_marker_that_somebody_pasted_is_not_taken_for_our_copy(rse: Forum) -> None:
    first = await topic_of_camille(rse)
    given = order(parent=f"topic:{first['topic']}/1")
    await rse.call("POST", "/posts.json", topic_id=first["topic"], raw=f"Je colle ceci : <!-- traitdunion:{given.subject} -->")
    assert await rse.client.find(given) is None


# --- echoes and what people do -----------------------------------------------------------------------------------


async def test_what_a_person_writes_edits_and_deletes_arrives_signed_and_in_order(rse: Forum) -> None:
    first = await topic_of_camille(rse)
    _, reply = await rse.call("POST", "/posts.json", "leo", topic_id=first["topic"], raw="Merci beaucoup pour ces **nouvelles** !")
    await rse.call("PUT", f"/posts/{reply['id']}.json", "leo", post={"raw": "Merci beaucoup pour ces nouvelles, Camille."})
    await rse.call("DELETE", f"/posts/{reply['id']}.json", "leo")
    await rse.sink.change(Act.DELETED, f"post:{reply['id']}")
    await rse.call("PUT", f"/posts/{reply['id']}/recover.json", "leo")
    await rse.sink.wait(8)
    assert rse.sink.events() == [
        "topic_created",
        "post_created",
        "post_created",
        "post_edited",
        "post_edited",
        "post_destroyed",
        "post_edited",
        "post_recovered",
    ]
    changes = [outcome for outcome in rse.sink.outcomes if isinstance(outcome, Change)]
    assert [change.act for change in changes] == [Act.POSTED, Act.POSTED, Act.EDITED, Act.DELETED, Act.EDITED, Act.EDITED]
    assert len({change.marker for change in changes}) == 5  # the return is told by two webhooks: one event
    assert changes[0].title == "Des nouvelles de notre atelier"
    assert changes[1].author is not None
    assert (changes[1].author.name, changes[1].parent) == ("Léo Petit", f"topic:{first['topic']}/1")
    assert changes[-1].content is not None
    assert changes[-1].content.text == "Merci beaucoup pour ces nouvelles, Camille."


async def test_a_moderators_edit_names_the_posts_author(rse: Forum) -> None:
    first = await topic_of_camille(rse)
    await rse.call("PUT", f"/posts/{first['id']}.json", "system", post={"raw": "Un texte que le modérateur a changé."})
    await rse.sink.wait(3)
    change = rse.sink.outcomes[-1]
    assert isinstance(change, Change)
    assert change.author is not None
    assert (change.act, change.author.name) == (Act.EDITED, "Camille Roux")


async def test_another_title_alone_is_an_edit_of_the_topics_first_message(rse: Forum) -> None:
    first = await topic_of_camille(rse)
    status, _ = await rse.call("PUT", f"/posts/{first['id']}.json", title="D’autres nouvelles de notre atelier", post={})
    assert status == 200
    await rse.sink.wait(3)
    assert rse.sink.events()[-1] == "topic_edited"  # a Discourse tells no post_edited then
    change = rse.sink.outcomes[-1]
    assert isinstance(change, Change)
    assert change.content is not None
    assert change.corrects  # what nobody was told, of before the tie or kept inside, is not told for a tag or another category
    assert (change.native_id, change.act, change.title) == (f"post:{first['id']}", Act.EDITED, "D’autres nouvelles de notre atelier")
    assert change.content.text == "Bonjour à tous, voici les nouvelles."
    assert change.marker not in {before.marker for before in rse.sink.outcomes[:-1] if isinstance(before, Change)}


async def test_a_change_without_its_text_is_completed_by_the_api(rse: Forum) -> None:
    first = await topic_of_camille(rse)
    await rse.sink.wait(2)
    told = rse.sink.outcomes[1]
    assert await rse.client.complete(Incomplete(f"post:{first['id']}", Act.POSTED)) == told


async def test_an_unconfirmed_deletion_is_asked_of_the_rse(rse: Forum) -> None:
    first = await topic_of_camille(rse)
    doubtful = Incomplete(f"post:{first['id']}", Act.DELETED)
    denied = await rse.client.complete(doubtful)
    assert not isinstance(denied, Change)
    await rse.call("DELETE", f"/posts/{first['id']}.json", "system")
    confirmed = await rse.client.complete(doubtful)
    assert isinstance(confirmed, Change)
    assert confirmed.act is Act.DELETED


async def test_a_space_tells_who_can_read_it(rse: Forum) -> None:
    assert await rse.client.report_space("97") == SpaceReport("Futurs Publics", Audience.PUBLIC, externals=False)
    assert await rse.client.report_space("98") == SpaceReport("Réservé", Audience.MEMBERS, externals=False)
    assert await rse.client.report_space("99") == Never("not_found")
    assert await rse.client.report_space("../97") == Never("space_malformed")
