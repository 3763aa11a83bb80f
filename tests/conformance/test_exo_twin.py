"""eXo's own traps through real HTTP, both generations, against its twin: what the suite of every connector does not ask."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from pydantic import SecretStr

from adapters.exo import ExoClient, http
from adapters.port import REACTIONS, UNSUPPORTED, WITHDRAWN, Act, Change, Incomplete, Later, Never, Order, Reading, Same, Unused, Written
from adapters.settings import OptionRefused
from adapters.troubles import explained
from schemas.facts.message import Author, Content
from tests.fakes_exo import ACCOUNT, ALPHA3, API_KEY, SPACES, V1, exo_instance
from tests.fakes_exo_twin import SOCIAL, Portal, portal
from tests.fakes_polled import view_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

LONG_AGO = datetime.fromtimestamp(0, UTC)


@pytest.fixture(params=[V1, ALPHA3])
async def either(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Portal]:
    async with portal(tmp_path, request.param) as found:
        yield found


@pytest.fixture
async def new(tmp_path: Path) -> AsyncIterator[Portal]:
    async with portal(tmp_path, V1) as found:
        yield found


@pytest.fixture
async def old(tmp_path: Path) -> AsyncIterator[Portal]:
    async with portal(tmp_path, ALPHA3) as found:
        yield found


def space_of(rse: Portal) -> str:
    return SPACES[rse.instance.options["generation"]][0]


def order(rse: Portal, key: str = "k1", **changes: Any) -> Order:
    posted = Order(
        Act.POSTED, key, "s1", space_of(rse), Author(name="Bob Diallo", organisation="Éducation"),
        Content(html="<p>Bonjour d’ailleurs</p>", text="Bonjour d’ailleurs"), link="https://tchap.example/m/1",
    )  # fmt: skip
    return replace(posted, **changes)


async def written(rse: Portal, given: Order) -> Written:
    outcome = await rse.client.write(given)
    assert isinstance(outcome, Written), outcome
    return outcome


async def reading(rse: Portal, cursor: str | None) -> Reading:
    found = await rse.client.newer(space_of(rse), cursor)
    assert isinstance(found, Reading), found
    return found


class Spy:
    """Every request that the connector makes."""

    def __init__(self, rse: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
        self.queries: list[dict[str, str]] = []
        api = rse.client._exo.api
        ask = api._ask

        async def spied(method: str, path: str, **given: Any) -> Any:
            self.queries.append(dict(given.get("query", ())))
            return await ask(method, path, **given)

        monkeypatch.setattr(api, "_ask", spied)


# --- who asks --------------------------------------------------------------------------------------------------------


async def test_a_bearer_token_is_taken_where_the_options_say_so(either: Portal) -> None:
    options = {**either.instance.options, "auth": "bearer"}
    client = ExoClient(either.instance.model_copy(update={"options": options}))
    try:
        assert isinstance(await client.newer(space_of(either), None), Reading)
    finally:
        await client.close()


async def test_a_password_goes_with_the_name_of_the_connectors_account(either: Portal) -> None:
    assert isinstance(await either.client.newer(space_of(either), None), Reading)
    options = {**either.instance.options, "account": "personne"}
    client = ExoClient(either.instance.model_copy(update={"options": options}))
    try:
        assert await client.newer(space_of(either), None) == Later("credentials_refused")
    finally:
        await client.close()


async def test_a_password_that_is_no_longer_accepted_is_not_taken_for_a_space_that_is_closed_to_us(either: Portal) -> None:
    client = ExoClient(either.instance.model_copy(update={"api_secret": SecretStr("ancien")}))
    try:
        assert await client.newer(space_of(either), None) == Later("credentials_refused")
        assert await client.report_space(space_of(either)) == Later("credentials_refused")
    finally:
        await client.close()
    await either.member(is_one=False)
    assert await either.client.newer(space_of(either), None) == Never("forbidden")


@pytest.mark.parametrize(
    ("option", "said", "known"),
    [("generation", "v2", "v1 ou v1-alpha3"), ("auth", "session", "basic ou bearer")],
    ids=["generation", "auth"],
)
def test_an_exo_that_we_do_not_know_how_to_ask_is_refused_at_the_start(option: str, said: str, known: str) -> None:
    instance = exo_instance().model_copy(update={"options": {option: said}})
    with pytest.raises(OptionRefused) as refused:
        ExoClient(instance)
    sentence = explained(refused.value)
    assert sentence is not None
    assert sentence.sentence == f"Instance du nœud « {instance.node} », options.{option} : {known}"


# --- what is new -----------------------------------------------------------------------------------------------------


async def test_nothing_is_new_twice(either: Portal) -> None:
    await either.post("Un")
    cursor = (await reading(either, None)).cursor
    await either.post("Deux")
    second = await reading(either, cursor)
    texts = [one.outcome.content.text for one in second.sightings if isinstance(one.outcome, Change) and one.outcome.content]
    assert texts[-1] == "Deux"
    assert [
        one.native_id for one in (await reading(either, second.cursor)).sightings if one.native_id != second.sightings[-1].native_id
    ] == []


async def test_more_than_a_page_since_the_last_look_is_read_whole_and_in_order(either: Portal) -> None:
    await either.post("Zéro")
    cursor = (await reading(either, None)).cursor
    posted = [await either.post(f"Numéro {number}") for number in range(130 if either.instance.options["generation"] == ALPHA3 else 70)]
    found = [one.native_id for one in (await reading(either, cursor)).sightings]
    assert [name for name in found if name in posted] == posted


async def test_since_id_and_max_id_are_never_asked_together(old: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    await old.post("Zéro")
    cursor = (await reading(old, None)).cursor
    for number in range(105):
        await old.post(f"Numéro {number}")
    spy = Spy(old, monkeypatch)
    await reading(old, cursor)
    await old.client.window(space_of(old), LONG_AGO, 200, "")
    asked = [set(query) & {"since_id", "max_id"} for query in spy.queries]
    assert {"since_id"} in asked
    assert {"max_id"} in asked
    assert all(len(both) <= 1 for both in asked)


async def test_a_cursor_whose_activity_was_deleted_loses_nothing(old: Portal) -> None:
    first = await old.post("Un")
    cursor = (await reading(old, None)).cursor
    await old.delete(first)
    second = await old.post("Deux")
    assert [one.native_id for one in (await reading(old, cursor)).sightings] == [second]


async def test_an_answer_whose_bytes_are_the_same_is_not_read_again(either: Portal) -> None:
    native_id = await either.post("Un")
    await either.comment(native_id, "Deux")
    window = await either.client.window(space_of(either), LONG_AGO, 200, "")
    assert isinstance(window, Reading)
    assert await either.client.window(space_of(either), LONG_AGO, 200, window.mark) == Same()
    replies = await either.client.replies(space_of(either), native_id, "")
    assert isinstance(replies, Reading)
    assert await either.client.replies(space_of(either), native_id, replies.mark) == Same()


async def test_more_comments_than_a_page_holds_are_all_read(either: Portal) -> None:
    root = await either.post("Un")
    comments = [await either.comment(root, f"Numéro {number}") for number in range(105)]
    replies = await either.client.replies(space_of(either), root, "")
    assert isinstance(replies, Reading)
    assert [one.native_id for one in replies.sightings] == comments
    window = await either.client.window(space_of(either), LONG_AGO, 200, "")
    assert isinstance(window, Reading)
    (seen,) = [one for one in window.sightings if one.native_id == root]
    assert (seen.holds, bool(seen.replies)) == (None, True)


async def test_answers_to_comments_are_read_with_what_they_answer(new: Portal) -> None:
    root = await new.post("Un")
    comment = await new.comment(root, "Deux")
    answer = await new.comment(comment, "Trois", "camille")
    replies = await new.client.replies(space_of(new), root, "")
    assert isinstance(replies, Reading)
    parents = {one.native_id: one.outcome.parent for one in replies.sightings if isinstance(one.outcome, Change)}
    assert parents == {comment: root, answer: comment}


async def test_what_exo_writes_by_itself_is_counted_and_not_told(either: Portal) -> None:
    await either.call("POST", "/twin/system", username="camille", space="12", title="a rejoint l’espace")
    (seen,) = (await reading(either, None)).sightings
    assert seen.outcome == Unused("SPACE_ACTIVITY")


async def test_a_name_that_a_page_leaves_out_is_asked_once(either: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    await either.post("Un")
    (seen,) = (await reading(either, None)).sightings
    assert isinstance(seen.outcome, Change)
    spy = Spy(either, monkeypatch)
    assert [await either.client.display_name(seen.outcome.actor) for _ in range(2)] == ["Camille Roux"] * 2
    assert len(spy.queries) == 1


async def test_an_incomplete_object_is_completed_from_the_rse(either: Portal) -> None:
    root = await either.post("Un")
    comment = await either.comment(root, "Deux")
    for native_id, text, parent in ((root, "Un", None), (comment, "Deux", root)):
        change = await either.client.complete(Incomplete(native_id, Act.POSTED))
        assert isinstance(change, Change)
        assert (change.space, change.parent, change.content and change.content.text) == (space_of(either), parent, text)
    assert await either.client.complete(Incomplete("activity:999", Act.POSTED)) == Unused("object_gone")


# --- deletions -------------------------------------------------------------------------------------------------------


async def test_only_a_404_of_the_object_itself_is_a_deletion(either: Portal) -> None:
    root = await either.post("Un")
    comment = await either.comment(root, "Deux")
    space = space_of(either)
    assert [await either.client.gone(space, name) for name in (root, comment)] == [False, False]
    await either.delete(comment)
    assert [await either.client.gone(space, name) for name in (root, comment)] == [False, True]
    await either.comment(root, "Trois")
    await either.delete(root)
    assert [await either.client.gone(space, name) for name in (root, comment)] == [True, True]


async def test_what_could_never_be_read_was_not_deleted_by_anybody(either: Portal) -> None:
    assert await either.client.gone(space_of(either), "unreadable:0123456789abcdef") is False


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
async def test_a_refusal_of_the_object_is_no_deletion(either: Portal, status: int) -> None:
    root = await either.post("Un")
    comment = await either.comment(root, "Deux")
    await either.fault(kind="status", status=status, methods=["GET"], path=root.partition(":")[2], count=50)
    for name in (root, comment):
        said = await either.client.gone(space_of(either), name)
        assert said is False if status < 429 else isinstance(said, Later)


async def test_an_object_that_does_not_answer_in_time_is_not_deleted(either: Portal) -> None:
    root = await either.post("Un")
    await either.fault(kind="delay", seconds=0.8, methods=["GET"], count=50)
    client = ExoClient(either.instance, timeout=0.2)
    try:
        assert await client.gone(space_of(either), root) == Later("timeout")
    finally:
        await client.close()


async def test_an_answer_that_never_ends_is_not_read_to_its_end(either: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    root = await either.post("Un" * 1_000)
    monkeypatch.setattr(aiohttp.ClientResponse, "content_length", property(lambda _: None))  # it comes in pieces, or compressed
    assert await either.client.gone(space_of(either), root) is False
    monkeypatch.setattr(http, "ANSWER_LIMIT", 2_000)
    assert await either.client.gone(space_of(either), root) == Later("answer_too_large")


async def test_being_put_out_of_a_space_deletes_nothing_though_meeds_answers_404(either: Portal) -> None:
    root = await either.post("Un")
    await either.member(is_one=False)
    status, _ = await either.call("GET", f"{SOCIAL}/activities/{root.partition(':')[2]}", ACCOUNT)
    assert status == 404
    assert await either.client.gone(space_of(either), root) == Later("space_unreadable")


async def test_a_401_as_exo_answered_before_meeds_is_no_deletion(tmp_path: Path) -> None:
    async with portal(tmp_path, V1, gone_status=401) as rse:
        root = await rse.post("Un")
        await rse.delete(root)
        assert await rse.client.gone("12", root) is False
        lost = order(rse, act=Act.EDITED, native_id=root)
        assert await rse.client.write(lost) == Never("forbidden")  # and the writer does not wait for it for ever


async def test_what_somebody_else_takes_away_is_seen_as_a_deletion_of_the_copy(either: Portal) -> None:
    copy = await written(either, order(either))
    looker, view = either.sink.looker(either.client), view_of(space_of(either))
    await looker.look(view)
    await either.delete(copy.native_id, "animatrice")
    await looker.look(view)
    assert [one.act for one in either.sink.changes(copy.native_id)] == [Act.POSTED, Act.DELETED]


# --- writing ---------------------------------------------------------------------------------------------------------


async def test_an_answer_to_an_answer_stands_beside_it_since_there_are_two_levels_only(new: Portal) -> None:
    root = await new.post("Un")
    answer = await new.comment(await new.comment(root, "Deux"), "Trois", "camille")
    copy = await written(new, order(new, parent=answer))
    assert (await new.item(copy.native_id))["above"] == (await new.item(answer))["above"]


async def test_an_edit_of_an_answer_repeats_what_it_answers(new: Portal) -> None:
    comment = await new.comment(await new.post("Un"), "Deux")
    posted = order(new, parent=comment)
    copy = await written(new, posted)
    await written(new, replace(posted, act=Act.EDITED, key="k2", native_id=copy.native_id, content=Content(html="Corrigé", text="Corrigé")))
    item = await new.item(copy.native_id)
    assert "Corrigé" in item["title"]
    assert item["above"] == comment.rpartition("/")[2]


async def test_a_copy_that_others_have_commented_is_emptied_and_their_comments_stay(new: Portal) -> None:
    copy = await written(new, order(new))
    comment = await new.comment(copy.native_id, "Merci")
    gone = order(new, "k2", act=Act.DELETED, native_id=copy.native_id, content=None)
    await written(new, gone)
    assert "supprimé par son auteur" in (await new.item(copy.native_id))["title"]
    assert "Bonjour" not in (await new.item(copy.native_id))["title"]
    assert (await new.item(comment))["title"] == "<p>Merci</p>"
    assert isinstance(await new.client.find(gone), Written)


async def test_a_copied_comment_that_others_have_answered_is_emptied_and_their_answers_stay(new: Portal) -> None:
    copy = await written(new, order(new, parent=await new.post("Un")))
    answer = await new.comment(copy.native_id, "Merci")
    gone = order(new, "k2", act=Act.DELETED, native_id=copy.native_id, content=None)
    await written(new, gone)
    assert "supprimé par son auteur" in (await new.item(copy.native_id))["title"]
    assert (await new.item(answer))["title"] == "<p>Merci</p>"
    assert isinstance(await new.client.find(gone), Written)


async def test_a_copied_comment_that_nobody_answered_is_deleted(new: Portal) -> None:
    root = await new.post("Un")
    copy, _ = await written(new, order(new, parent=root)), await new.comment(root, "Merci")
    await written(new, order(new, "k2", act=Act.DELETED, native_id=copy.native_id, content=None))
    assert copy.native_id.rpartition("/")[2] not in [item["id"] for item in await new.items()]


async def test_an_edit_never_brings_back_what_somebody_here_took_away(new: Portal) -> None:
    copy = await written(new, order(new))
    await new.delete(copy.native_id, "animatrice")
    assert await new.client.write(order(new, "k2", act=Act.EDITED, native_id=copy.native_id)) == Never(WITHDRAWN)
    assert await new.items() == []


async def test_an_answer_to_what_went_since_stands_alone_and_is_found_there(either: Portal) -> None:
    gone = await either.post("Bonjour")
    await either.delete(gone)
    answer = order(either, parent=gone)
    alone = await written(either, answer)
    assert alone.native_id.startswith("activity:")
    assert await either.client.find(answer) == alone
    assert "qui n’est pas dans cet espace" in (await either.item(alone.native_id))["title"]


async def test_where_nothing_can_be_edited_a_commented_copy_goes_with_its_comments_and_the_space_is_told_once(
    old: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = await written(old, order(old))
    await old.comment(copy.native_id, "Merci")
    await old.comment(copy.native_id, "De rien")
    gone = order(old, "k2", act=Act.DELETED, native_id=copy.native_id, content=None)
    with monkeypatch.context() as patched:
        patched.setattr(old.client._exo, "remove", cut_short)  # the process ends between the notice and the deletion
        with pytest.raises(ConnectionResetError):
            await old.client.write(gone)
    await written(old, gone)
    (notice,) = await old.items()
    assert "2 réponses sont parties d’ici avec lui" in notice["title"]
    assert "Bonjour" not in notice["title"]


async def cut_short(*_: object) -> None:
    raise ConnectionResetError


async def test_where_nothing_can_be_edited_a_copy_that_nobody_commented_goes_without_a_word(old: Portal) -> None:
    copy = await written(old, order(old))
    await written(old, order(old, "k2", act=Act.DELETED, native_id=copy.native_id, content=None))
    assert await old.items() == []


@pytest.mark.parametrize(("generation", "gone_status"), [(V1, 404), (V1, 401), (ALPHA3, 404)])
async def test_a_copy_that_we_deleted_is_written_anew_when_its_author_brings_it_back(
    tmp_path: Path, generation: str, gone_status: int
) -> None:
    async with portal(tmp_path, generation, gone_status=gone_status) as rse:
        posted = order(rse)
        copy = await written(rse, posted)
        await written(rse, replace(posted, act=Act.DELETED, key="k2", native_id=copy.native_id))
        restored = replace(posted, act=Act.EDITED, key="k3", native_id=copy.native_id, reviving=True)
        assert await rse.client.find(restored) is None
        anew = await written(rse, restored)
        assert anew.native_id != copy.native_id
        assert await rse.client.find(restored) == anew  # where its answer was lost it is not written twice


async def test_a_copy_that_somebody_of_this_rse_took_away_is_not_brought_back(either: Portal) -> None:
    posted = order(either)
    copy = await written(either, posted)
    await either.delete(copy.native_id, "animatrice")
    edited = replace(posted, act=Act.EDITED, key="k2", native_id=copy.native_id)
    assert await either.client.write(edited) == Never("copy_withdrawn")


async def test_a_marker_that_a_person_pasted_is_not_taken_for_our_own_copy(either: Portal) -> None:
    copy = await written(either, order(either))
    title = (await either.item(copy.native_id))["title"]
    await either.delete(copy.native_id, "animatrice")
    await either.call("POST", f"{SOCIAL}/spaces/12/activities", "camille", title=title)
    assert await either.client.find(order(either)) is None


async def test_a_comment_by_somebody_else_does_not_make_our_copy_a_persons(either: Portal) -> None:
    copy = await written(either, order(either))
    looker, view = either.sink.looker(either.client), view_of(space_of(either))
    await looker.look(view)
    await either.comment(copy.native_id, "Merci")
    await either.call("POST", f"{SOCIAL}/activities/{copy.native_id.partition(':')[2]}/likes", "leo")
    await looker.look(view)
    assert [(one.act, one.version) for one in either.sink.changes(copy.native_id)] == [(Act.POSTED, copy.version)]


async def test_everybody_who_likes_a_message_is_told_and_one_who_takes_it_back(either: Portal) -> None:
    root = await either.post("Un")
    looker, view = either.sink.looker(either.client), view_of(space_of(either))
    likes = f"{SOCIAL}/activities/{root.partition(':')[2]}/likes"
    people = [f"personne{number}" for number in range(8)]
    for username in people:
        await either.call("POST", "/twin/people", username=username, name=username.title())
        await either.call("POST", likes, username)
    await looker.look(view)
    await either.call("DELETE", likes, people[0])
    await looker.look(view)
    told = [one for one in either.sink.outcomes if isinstance(one, Change) and one.act in REACTIONS]
    assert sorted(one.author.name for one in told if one.author) == [name.title() for name in people]
    assert [one.act for one in told] == [Act.REACTED] * 8 + [Act.UNREACTED]
    assert told[-1].actor == next(one.actor for one in told if one.author and one.author.name == people[0].title())


async def test_a_like_is_told_after_its_message(either: Portal) -> None:
    root = await either.post("Un")
    await either.call("POST", f"{SOCIAL}/activities/{root.partition(':')[2]}/likes", "leo")
    await either.sink.looker(either.client).look(view_of(space_of(either)))
    told = [one for one in either.sink.outcomes if isinstance(one, Change)]
    assert [(one.act, one.native_id) for one in told] == [(Act.POSTED, root), (Act.REACTED, f"like:{root}/1")]


# --- the twin itself -------------------------------------------------------------------------------------------------


async def test_the_twin_shows_its_spaces_to_people_and_remembers_them(tmp_path: Path) -> None:
    async with portal(tmp_path) as rse:
        root = await rse.post("Un")
        await rse.comment(await rse.comment(root, "Deux"), "Trois", "camille")
    async with portal(tmp_path) as rse:
        status, page = await rse.call("GET", "/")
        assert status == 200
        assert page.index("Un") < page.index("Deux") < page.index("Trois")
        assert (await rse.call("GET", f"{SOCIAL}/activities", "inconnue"))[0] == 401


async def test_a_clock_that_is_wrong_dates_what_is_written_and_loses_nothing(either: Portal) -> None:
    before = await either.post("Un")
    looker, view = either.sink.looker(either.client), view_of(space_of(either), since=datetime.now(UTC) - timedelta(days=2))
    await looker.look(view)
    for seconds in (86_400, -86_400, 0):
        await either.fault(kind="clock", seconds=seconds)
        written_then = await either.post(f"Il est {seconds}")
        ahead = (await either.item(written_then))["created"] - (await either.item(before))["created"]
        assert abs(ahead - 1000 * seconds) < 60_000
        await looker.look(view)
        assert [one.act for one in either.sink.changes(written_then)] == [Act.POSTED]


async def test_a_rate_limit_of_an_operator_is_told_with_its_wish(tmp_path: Path) -> None:
    async with portal(tmp_path, rate=3) as rse:
        found = [await rse.client.newer("12", None) for _ in range(4)]
        assert isinstance(found[-1], Later)
        assert found[-1].reason == "rate_limited"
        assert 0 < (found[-1].after or 0) <= 61


async def test_the_twin_starts_as_a_process_from_its_command_line(tmp_path: Path) -> None:
    from deploy.local.ports import answers, free_port  # noqa: PLC0415 - this test alone starts a process

    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "adapters.exo.twin", "--port", str(port), "--state", str(tmp_path / "s.db"), "--api-key", API_KEY),
        *("--space", "12:futurs_publics:Futurs Publics", "--user", "camille:Camille Roux"),
    )
    try:
        async with asyncio.timeout(90):
            while not answers(port):  # noqa: ASYNC110 - another process tells nobody when it is ready
                await asyncio.sleep(0.05)
    finally:
        process.terminate()
        await process.wait()
    assert process.returncode == 0


# --- one like for all ----------------------------------------------------------------------------------------------------


def reacting(rse: Portal, target: str, act: Act = Act.REACTED, others: int = 0) -> Order:
    given = Order(act, f"r{others}", "s2", space_of(rse), Author(name="Bob Diallo", organisation="Éducation"), emoji="👍", target=target)
    return replace(given, others=others)


async def test_our_like_is_known_among_more_than_exo_writes_out_and_goes_with_the_last_reaction(either: Portal) -> None:
    root = await either.post("Un")
    likes = f"{SOCIAL}/activities/{root.partition(':')[2]}/likes"
    for number in range(8):
        await either.call("POST", "/twin/people", username=f"personne{number}", name=f"Personne {number}")
        await either.call("POST", likes, f"personne{number}")
    await written(either, reacting(either, root))
    assert isinstance(await either.client.find(reacting(either, root)), Written)
    await written(either, reacting(either, root, Act.UNREACTED, others=1))
    assert ACCOUNT in (await either.item(root))["likes"]
    await written(either, reacting(either, root, Act.UNREACTED))
    assert ACCOUNT not in (await either.item(root))["likes"]
    assert len((await either.item(root))["likes"]) == 8


async def test_a_comment_is_liked_where_it_has_an_address(either: Portal) -> None:
    root = await either.post("Un")
    comment = await either.comment(root, "Deux")
    outcome = await either.client.write(reacting(either, comment))
    if either.instance.options["generation"] == V1:
        assert isinstance(outcome, Written)
    else:
        assert outcome == Never(UNSUPPORTED, "comment_without_like")
    assert (await either.item(comment))["likes"] == ([ACCOUNT] if isinstance(outcome, Written) else [])


async def test_a_like_of_what_is_gone_is_no_dead_letter(either: Portal) -> None:
    root = await either.post("Un")
    await either.delete(root)
    assert await either.client.write(reacting(either, root)) == Never(UNSUPPORTED, "post_gone")
    assert await either.client.find(reacting(either, root)) is None
