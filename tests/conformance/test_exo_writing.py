"""What a connector writes into an eXo, through real HTTP, both generations, against its twin: copies, answers, deletions, likes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from adapters.port import UNSUPPORTED, WITHDRAWN, Act, Never, Order, Written
from schemas.facts.message import Author, Content
from tests.fakes_exo import ACCOUNT, ALPHA3, V1
from tests.fakes_exo_twin import SOCIAL, Portal, order, portal, written
from tests.fakes_polled import view_of

if TYPE_CHECKING:
    from pathlib import Path


def reacting(rse: Portal, target: str, act: Act = Act.REACTED, others: int = 0) -> Order:
    given = Order(act, f"r{others}", "s2", rse.space, Author(name="Bob Diallo", organisation="Éducation"), emoji="👍", target=target)
    return replace(given, others=others)


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
    looker, view = either.sink.looker(either.client), view_of(either.space)
    await looker.look(view)
    await either.comment(copy.native_id, "Merci")
    await either.call("POST", f"{SOCIAL}/activities/{copy.native_id.partition(':')[2]}/likes", "leo")
    await looker.look(view)
    assert [(one.act, one.version) for one in either.sink.changes(copy.native_id)] == [(Act.POSTED, copy.version)]


# --- one like for all -------------------------------------------------------------------------------------------------


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
