"""eXo's own traps through real HTTP, both generations, against its twin: what the suite of every connector does not ask."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from pydantic import SecretStr

from adapters.exo import ExoClient, http
from adapters.port import REACTIONS, Act, Change, Incomplete, Later, Never, Reading, Same, Unused
from adapters.settings import OptionRefused
from adapters.troubles import explained
from tests.fakes_exo import ACCOUNT, ALPHA3, V1, exo_instance
from tests.fakes_exo_twin import SOCIAL, Portal, order, portal, written
from tests.fakes_polled import view_of

if TYPE_CHECKING:
    from pathlib import Path

LONG_AGO = datetime.fromtimestamp(0, UTC)


async def reading(rse: Portal, cursor: str | None) -> Reading:
    found = await rse.client.newer(rse.space, cursor)
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


# --- who asks ---------------------------------------------------------------------------------------------------------


async def test_a_bearer_token_is_taken_where_the_options_say_so(either: Portal) -> None:
    options = {**either.instance.options, "auth": "bearer"}
    client = ExoClient(either.instance.model_copy(update={"options": options}))
    try:
        assert isinstance(await client.newer(either.space, None), Reading)
    finally:
        await client.close()


async def test_a_password_goes_with_the_name_of_the_connectors_account(either: Portal) -> None:
    assert isinstance(await either.client.newer(either.space, None), Reading)
    options = {**either.instance.options, "account": "personne"}
    client = ExoClient(either.instance.model_copy(update={"options": options}))
    try:
        assert await client.newer(either.space, None) == Later("credentials_refused")
    finally:
        await client.close()


async def test_a_password_that_is_no_longer_accepted_is_not_taken_for_a_space_that_is_closed_to_us(either: Portal) -> None:
    client = ExoClient(either.instance.model_copy(update={"api_secret": SecretStr("ancien")}))
    try:
        assert await client.newer(either.space, None) == Later("credentials_refused")
        assert await client.report_space(either.space) == Later("credentials_refused")
    finally:
        await client.close()
    await either.member(is_one=False)
    assert await either.client.newer(either.space, None) == Never("forbidden")


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


# --- what is new ------------------------------------------------------------------------------------------------------


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
    await old.client.window(old.space, LONG_AGO, 200, "")
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
    window = await either.client.window(either.space, LONG_AGO, 200, "")
    assert isinstance(window, Reading)
    assert await either.client.window(either.space, LONG_AGO, 200, window.mark) == Same()
    replies = await either.client.replies(either.space, native_id, "")
    assert isinstance(replies, Reading)
    assert await either.client.replies(either.space, native_id, replies.mark) == Same()


async def test_more_comments_than_a_page_holds_are_all_read(either: Portal) -> None:
    root = await either.post("Un")
    comments = [await either.comment(root, f"Numéro {number}") for number in range(105)]
    replies = await either.client.replies(either.space, root, "")
    assert isinstance(replies, Reading)
    assert [one.native_id for one in replies.sightings] == comments
    window = await either.client.window(either.space, LONG_AGO, 200, "")
    assert isinstance(window, Reading)
    (seen,) = [one for one in window.sightings if one.native_id == root]
    assert (seen.holds, bool(seen.replies)) == (None, True)


async def test_answers_to_comments_are_read_with_what_they_answer(new: Portal) -> None:
    root = await new.post("Un")
    comment = await new.comment(root, "Deux")
    answer = await new.comment(comment, "Trois", "camille")
    replies = await new.client.replies(new.space, root, "")
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


@pytest.mark.parametrize("generation", [V1, ALPHA3])
async def test_who_bears_the_name_of_her_account_alone_has_none(tmp_path: Path, generation: str) -> None:
    async with portal(tmp_path, generation, people=("camille:Camille",)) as rse:
        await rse.post("Un")
        (seen,) = (await reading(rse, None)).sightings
        assert isinstance(seen.outcome, Change)
        assert await rse.client.display_name(seen.outcome.actor) is None


async def test_an_incomplete_object_is_completed_from_the_rse(either: Portal) -> None:
    root = await either.post("Un")
    comment = await either.comment(root, "Deux")
    for native_id, text, parent in ((root, "Un", None), (comment, "Deux", root)):
        change = await either.client.complete(Incomplete(native_id, Act.POSTED))
        assert isinstance(change, Change)
        assert (change.space, change.parent, change.content and change.content.text) == (either.space, parent, text)
    assert await either.client.complete(Incomplete("activity:999", Act.POSTED)) == Unused("object_gone")


async def test_everybody_who_likes_a_message_is_told_and_one_who_takes_it_back(either: Portal) -> None:
    root = await either.post("Un")
    looker, view = either.sink.looker(either.client), view_of(either.space)
    likes = f"{SOCIAL}/activities/{root.partition(':')[2]}/likes"
    people = {f"personne{number}": f"Personne {number}" for number in range(8)}
    for username, name in people.items():
        await either.call("POST", "/twin/people", username=username, name=name)
        await either.call("POST", likes, username)
    await looker.look(view)
    await either.call("DELETE", likes, "personne0")
    await looker.look(view)
    told = [one for one in either.sink.outcomes if isinstance(one, Change) and one.act in REACTIONS]
    assert sorted(one.author.name for one in told if one.author) == [*people.values()]
    assert [one.act for one in told] == [Act.REACTED] * 8 + [Act.UNREACTED]
    assert told[-1].actor == next(one.actor for one in told if one.author and one.author.name == "Personne 0")


async def test_a_like_is_told_after_its_message(either: Portal) -> None:
    root = await either.post("Un")
    await either.call("POST", f"{SOCIAL}/activities/{root.partition(':')[2]}/likes", "leo")
    await either.sink.looker(either.client).look(view_of(either.space))
    told = [one for one in either.sink.outcomes if isinstance(one, Change)]
    assert [(one.act, one.native_id) for one in told] == [(Act.POSTED, root), (Act.REACTED, f"like:{root}/1")]


# --- deletions --------------------------------------------------------------------------------------------------------


async def test_only_a_404_of_the_object_itself_is_a_deletion(either: Portal) -> None:
    root = await either.post("Un")
    comment = await either.comment(root, "Deux")
    space = either.space
    assert [await either.client.gone(space, name) for name in (root, comment)] == [False, False]
    await either.delete(comment)
    assert [await either.client.gone(space, name) for name in (root, comment)] == [False, True]
    await either.comment(root, "Trois")
    await either.delete(root)
    assert [await either.client.gone(space, name) for name in (root, comment)] == [True, True]


async def test_what_could_never_be_read_was_not_deleted_by_anybody(either: Portal) -> None:
    assert await either.client.gone(either.space, "unreadable:0123456789abcdef") is False


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
async def test_a_refusal_of_the_object_is_no_deletion(either: Portal, status: int) -> None:
    root = await either.post("Un")
    comment = await either.comment(root, "Deux")
    await either.fault(kind="status", status=status, methods=["GET"], path=root.partition(":")[2], count=50)
    for name in (root, comment):
        said = await either.client.gone(either.space, name)
        assert said is False if status < 429 else isinstance(said, Later)


async def test_an_object_that_does_not_answer_in_time_is_not_deleted(either: Portal) -> None:
    root = await either.post("Un")
    await either.fault(kind="delay", seconds=0.8, methods=["GET"], count=50)
    client = ExoClient(either.instance, timeout=0.2)
    try:
        assert await client.gone(either.space, root) == Later("timeout")
    finally:
        await client.close()


async def test_an_answer_that_never_ends_is_not_read_to_its_end(either: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    root = await either.post("Un" * 1_000)
    monkeypatch.setattr(aiohttp.ClientResponse, "content_length", property(lambda _: None))  # it comes in pieces, or compressed
    assert await either.client.gone(either.space, root) is False
    monkeypatch.setattr(http, "ANSWER_LIMIT", 2_000)
    assert await either.client.gone(either.space, root) == Later("answer_too_large")


async def test_being_put_out_of_a_space_deletes_nothing_though_meeds_answers_404(either: Portal) -> None:
    root = await either.post("Un")
    await either.member(is_one=False)
    status, _ = await either.call("GET", f"{SOCIAL}/activities/{root.partition(':')[2]}", ACCOUNT)
    assert status == 404
    assert await either.client.gone(either.space, root) == Later("space_unreadable")


async def test_a_401_as_exo_answered_before_meeds_is_no_deletion(tmp_path: Path) -> None:
    async with portal(tmp_path, V1, gone_status=401) as rse:
        root = await rse.post("Un")
        await rse.delete(root)
        assert await rse.client.gone("12", root) is False
        lost = order(rse, act=Act.EDITED, native_id=root)
        assert await rse.client.write(lost) == Never("forbidden")  # and the writer does not wait for it for ever


async def test_what_somebody_else_takes_away_is_seen_as_a_deletion_of_the_copy(either: Portal) -> None:
    copy = await written(either, order(either))
    looker, view = either.sink.looker(either.client), view_of(either.space)
    await looker.look(view)
    await either.delete(copy.native_id, "animatrice")
    await looker.look(view)
    assert [one.act for one in either.sink.changes(copy.native_id)] == [Act.POSTED, Act.DELETED]
