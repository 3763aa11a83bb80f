"""What every connector must do, whatever its RSE: one suite for all, through real HTTP, against each platform's twin.

The other half of the suite, at the door, is in test_every_adapter_door.py.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from adapters.pacing import Paces
from adapters.platforms import MODULES
from adapters.port import Act, AuthenticRequest, Change, Later, Never, Order, SpaceReport, Written
from adapters.secret import Rotating
from deploy.local.ports import free_port
from schemas.facts.message import Author, Content
from schemas.words import Audience
from tests.rses.kinds import RSES

if TYPE_CHECKING:
    from tests.rses.rse import Pushing, Rse

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SNAKE_CASE = re.compile(r"[a-z][a-z0-9_]*")


def content(text: str) -> Content:
    return Content(html=f"<p>{text}</p>", text=text)


def order(rse: Rse, text: str = "Voici le compte rendu de mars.", **changes: Any) -> Order:
    """A message from another ministry; its key and its subject are new."""
    given = Order(
        act=Act.POSTED,
        key=secrets.token_hex(16),
        subject=secrets.token_hex(16),
        space=rse.space,
        author=Author(name="Léo Martin", organisation="Éducation nationale"),
        content=content(text),
        link="https://tchap.example/m/1",
        occurred_at=NOON,
    )
    return replace(given, **changes)


def edit_of(posted: Order, copy: Written, text: str = "Voici le compte rendu corrigé de mars.") -> Order:
    return replace(posted, act=Act.EDITED, key=secrets.token_hex(16), native_id=copy.native_id, content=content(text))


def deletion_of(posted: Order, copy: Written) -> Order:
    return replace(posted, act=Act.DELETED, key=secrets.token_hex(16), native_id=copy.native_id, content=None)


async def written(rse: Rse, given: Order) -> Written:
    outcome = await rse.client.write(given)
    assert isinstance(outcome, Written), outcome
    return outcome


async def copies(rse: Rse, text: str = "compte rendu") -> list[str]:
    return [shown.native_id for shown in await rse.shown() if text in shown.text]


def test_every_connector_of_the_program_is_in_this_suite() -> None:
    assert {kind.name for kind in RSES} == set(MODULES)


# --- what people do here arrives ---------------------------------------------------------------------------------


async def test_what_a_person_writes_arrives_with_her_name_her_words_and_its_time(rse: Rse) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    first = await rse.post("Bonjour à tous, voici les nouvelles.")
    change = await rse.change(Act.POSTED, first)
    assert (change.act, change.native_id, change.space, change.parent) == (Act.POSTED, first, rse.space, None)
    assert change.author == Author(name=rse.people[0], organisation=rse.instance.organisation)
    assert change.content == content("Bonjour à tous, voici les nouvelles.")
    assert change.occurred_at.utcoffset() == timedelta(0)
    assert before <= change.occurred_at <= datetime.now(UTC) + timedelta(seconds=1)
    assert change.actor
    assert rse.people[0] not in change.actor


async def test_a_reply_names_what_it_answers_by_an_address_that_is_known(rse: Rse) -> None:
    first = await rse.post("Bonjour à tous, voici les nouvelles.")
    parent = await rse.change(Act.POSTED, first)
    reply = await rse.change(Act.POSTED, await rse.reply(first, "Merci beaucoup pour ces nouvelles !"))
    assert reply.parent in {parent.native_id, parent.locator}
    assert reply.author is not None
    assert (reply.author.name, reply.space) == (rse.people[1], rse.space)
    assert reply.actor != parent.actor


async def test_an_edit_and_a_deletion_name_the_same_message_and_never_repeat_a_marker(rse: Rse) -> None:
    first = await rse.post("Bonjour à tous, voici les nouvelles.")
    reply = await rse.reply(first, "Merci beaucoup pour ces nouvelles !")
    posted = await rse.change(Act.POSTED, reply)
    await rse.edit(reply, "Merci beaucoup pour ces nouvelles, corrigées.")
    edited = await rse.change(Act.EDITED, reply)
    await rse.delete(reply)
    deleted = await rse.change(Act.DELETED, reply)
    assert edited.content == content("Merci beaucoup pour ces nouvelles, corrigées.")
    assert deleted.content is None
    assert {change.space for change in (posted, edited, deleted)} == {rse.space}
    assert len({change.version for change in (posted, edited, deleted)}) == 3
    assert posted.occurred_at <= edited.occurred_at <= deleted.occurred_at
    heard = rse.sink.changes(reply)
    assert len({change.marker for change in heard}) == len(heard)
    assert [change.act for change in heard].count(Act.POSTED) == 1
    assert (heard[0].act, heard[-1].act) == (Act.POSTED, Act.DELETED)


async def test_the_same_webhook_sent_again_says_the_same(pushing: Pushing) -> None:
    pushing.sink.failing = 2
    first = await pushing.post("Bonjour à tous, voici les nouvelles.")
    change = await pushing.sink.change(Act.POSTED, first)
    adapter = pushing.platform().adapter
    read = [outcome for request in pushing.sink.seen for outcome in adapter.translate(AuthenticRequest(request), pushing.instance)]
    again = [outcome for outcome in read if isinstance(outcome, Change) and outcome.native_id == first]
    assert len(again) >= 2
    assert all(one == change for one in again)


async def test_all_that_the_twin_sent_was_signed_as_its_platform_signs(pushing: Pushing) -> None:
    first = await pushing.post("Bonjour à tous, voici les nouvelles.")
    await pushing.change(Act.POSTED, first)
    assert pushing.sink.refusals == 0
    assert all(pushing.signature in request.headers for request in pushing.sink.seen)


# --- what others write is carried out here -------------------------------------------------------------------------


async def test_a_copy_is_shown_under_its_authors_name_and_ministry(rse: Rse) -> None:
    copy = await written(rse, order(rse))
    (shown,) = await rse.shown()
    assert (shown.native_id, shown.by, shown.answers) == (copy.native_id, "Léo Martin (Éducation nationale)", None)
    assert "Voici le compte rendu de mars." in shown.text


async def test_no_name_hides_or_turns_round_the_ministry_behind_it(rse: Rse) -> None:
    turned = Author(name="Léo\u202e\u2066 Martin\u200b", organisation="Éducation\u202e nationale")
    await written(rse, order(rse, author=turned))
    assert [shown.by for shown in await rse.shown()] == ["Léo Martin (Éducation nationale)"]


@pytest.mark.parametrize("address", ["native_id", "locator"])
async def test_a_reply_stands_under_what_it_answers(rse: Rse, address: str) -> None:
    first = await rse.post("Bonjour à tous, voici les nouvelles.")
    second = await rse.reply(first, "Merci beaucoup pour ces nouvelles !")
    parent = await rse.change(Act.POSTED, second)
    copy = await written(rse, order(rse, parent=getattr(parent, address) or parent.native_id))
    answers = {shown.native_id: shown.answers for shown in await rse.shown()}
    assert answers == {first: None, second: first, copy.native_id: second if rse.nests else first}


async def test_a_reply_to_a_copy_stands_under_it(rse: Rse) -> None:
    copy = await written(rse, order(rse))
    reply = await written(rse, order(rse, "Une réponse venue d’un autre ministère.", parent=copy.locator or copy.native_id))
    assert [(shown.native_id, shown.answers) for shown in await rse.shown()] == [(copy.native_id, None), (reply.native_id, copy.native_id)]


async def test_a_reply_whose_parent_is_unknown_here_stands_alone_and_says_so(rse: Rse) -> None:
    await written(rse, order(rse, parent_missing=True))
    (shown,) = await rse.shown()
    assert shown.answers is None
    assert "En réponse à un message qui n’est pas dans ce" in shown.text


async def test_an_edit_and_a_deletion_change_what_people_see(rse: Rse) -> None:
    posted = order(rse)
    copy = await written(rse, posted)
    if not rse.edits:
        assert await rse.client.write(edit_of(posted, copy)) == Never("unsupported")
        assert await written(rse, deletion_of(posted, copy))
        assert await rse.shown() == []
        return
    edited = await written(rse, edit_of(posted, copy))
    (shown,) = await rse.shown()
    assert (edited.native_id, shown.native_id) == (copy.native_id, copy.native_id)
    assert edited.version != copy.version
    assert "corrigé" in shown.text
    assert shown.by == "Léo Martin (Éducation nationale)"
    deleted = await written(rse, deletion_of(posted, copy))
    assert deleted.native_id == copy.native_id
    assert await rse.shown() == []


async def test_an_edit_of_what_was_never_written_here_creates_it(rse: Rse) -> None:
    await written(rse, order(rse, act=Act.EDITED))
    assert len(await copies(rse)) == 1


async def test_deleting_what_is_gone_is_done(rse: Rse) -> None:
    posted = order(rse)
    gone = deletion_of(posted, await written(rse, posted))
    assert await written(rse, gone) == await written(rse, replace(gone, key="again"))
    assert (await written(rse, replace(gone, key="other", native_id=rse.nowhere))).native_id == rse.nowhere


@pytest.mark.parametrize("replying", [False, True], ids=["alone", "reply"])
async def test_what_we_wrote_comes_back_with_the_version_that_the_answer_gave(rse: Rse, *, replying: bool) -> None:
    posted = order(rse, parent=await rse.post("Bonjour à tous, voici les nouvelles.") if replying else None)
    copy = await written(rse, posted)
    edits = [(edit_of(posted, copy), None)] if rse.edits else []
    for given, answer in ((posted, copy), *edits, (deletion_of(posted, copy), None)):
        answered = answer or await written(rse, given)
        echo = await rse.sink.change(given.act, copy.native_id)
        assert (echo.version, echo.space, echo.locator or answered.locator) == (answered.version, rse.space, answered.locator)


# --- faults ------------------------------------------------------------------------------------------------------


async def orders_of_each_act(rse: Rse) -> list[Order]:
    """A message, a reply, an edit where the platform can, and a deletion, of which the last two have their copies."""
    first = await rse.post("Bonjour à tous, voici les nouvelles.")
    kept, dropped = order(rse, "À corriger dans un instant.", parent=first), order(rse, "À retirer dans un instant.", parent=first)
    edit = edit_of(kept, await written(rse, kept))
    edits = [edit] if rse.edits else []
    return [order(rse), order(rse, "Une réponse au compte rendu.", parent=first), *edits, deletion_of(dropped, await written(rse, dropped))]


async def test_an_act_whose_answer_was_lost_is_found_and_nothing_is_doubled(rse: Rse) -> None:
    given = await orders_of_each_act(rse)
    assert [await rse.client.find(one) for one in given] == [None] * len(given)
    await rse.lose_answers()
    assert [await rse.client.write(one) for one in given] == [Later("unreachable")] * len(given)
    await rse.heal()
    before = await rse.shown()
    found = [await rse.client.find(one) for one in given]
    assert all(isinstance(one, Written) for one in found), found
    assert [one.native_id for one in found[2:] if isinstance(one, Written)] == [one.native_id for one in given[2:]]
    assert await rse.shown() == before
    assert len(await copies(rse)) == len(given) - 1
    assert {one.native_id for one in found[:-1] if isinstance(one, Written)} == set(await copies(rse))


async def test_what_was_found_after_a_lost_answer_has_the_version_of_its_webhook(rse: Rse) -> None:
    given = order(rse)
    await rse.lose_answers()
    await rse.client.write(given)
    await rse.heal()
    found = await rse.client.find(given)
    assert isinstance(found, Written)
    assert (await rse.sink.change(Act.POSTED, found.native_id)).version == found.version


async def test_too_many_requests_is_later_with_the_rses_own_wish(rse: Rse) -> None:
    await rse.refuse(429, after=2)
    assert await rse.client.write(order(rse)) == Later("rate_limited", 2.0)


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_a_passing_refusal_is_later_writes_nothing_and_heals(rse: Rse, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("learning", "pacing"):  # how long a refused client waits is for the tests of paces to say
        monkeypatch.setattr(f"adapters.{module}.UNWISHED", 0.05)
    given = order(rse)
    await rse.refuse(status)
    outcome = await rse.client.write(given)
    assert isinstance(outcome, Later)
    assert SNAKE_CASE.fullmatch(outcome.reason)
    assert await rse.shown() == []
    await rse.heal()
    await written(rse, given)


async def test_an_rse_that_does_not_answer_in_time_is_later(rse: Rse) -> None:
    await rse.stall()
    client = rse.hasty()
    try:
        assert await client.write(order(rse)) == Later("timeout")
    finally:
        await client.close()


async def test_an_rse_that_refuses_connections_is_later_for_every_question(rse: Rse) -> None:
    client = rse.platform().client(rse.instance.model_copy(update={"url": f"http://127.0.0.1:{free_port()}"}), Paces("rse"))
    try:
        for given in await orders_of_each_act(rse):
            assert await client.write(given) == Later("unreachable")
            assert await client.find(given) == Later("unreachable")
        assert await client.report_space(rse.space) == Later("unreachable")
        assert await client.display_name("somebody") is None
    finally:
        await client.close()


async def test_a_key_that_is_no_longer_accepted_waits_for_an_operator(rse: Rse) -> None:
    client = rse.platform().client(rse.instance.model_copy(update={"api_secret": SecretStr("autre")}), Paces("rse"))
    try:
        assert isinstance(await client.write(order(rse)), Later)
    finally:
        await client.close()


async def test_a_key_that_is_replaced_is_used_for_the_next_request(rse: Rse) -> None:
    told = ["autre"]
    living = Rotating("autre", lambda: told[0], "rse.api_secret", 0.0)
    client = rse.platform().client(rse.instance.model_copy(update={"api_secret": living}), Paces("rse"))
    try:
        given = order(rse)
        refused = await client.write(given)
        told[0] = rse.instance.api_secret.get_secret_value()
        healed = await client.write(given)
        told[0] = "encore un autre"
        again = await client.write(given)
    finally:
        await client.close()
    assert isinstance(refused, Later)
    assert refused.reason in {"credentials_refused", "m_unknown_token"}
    assert isinstance(healed, Written)
    assert isinstance(again, Later)


async def test_an_answer_that_cannot_heal_is_never_by_name(rse: Rse) -> None:
    await rse.refuse(403)
    refused = await rse.client.write(order(rse))
    await rse.heal()
    lost = order(rse)
    elsewhere = [
        await rse.client.write(order(rse, space=rse.unknown_space)),
        await rse.client.write(edit_of(lost, Written(rse.nowhere, ""))),
    ]
    for outcome in (refused, *elsewhere):
        assert isinstance(outcome, Never), outcome
        assert SNAKE_CASE.fullmatch(outcome.reason)
    assert await rse.shown() == []


async def test_a_space_tells_its_name_and_who_can_read_it(rse: Rse) -> None:
    spaces = (rse.open_space, rse.restricted_space, rse.unknown_space)
    opened, restricted, unknown = [await rse.client.report_space(space) for space in spaces]
    assert isinstance(opened, SpaceReport)
    assert isinstance(restricted, SpaceReport)
    assert (opened.audience, restricted.audience) == (Audience.PUBLIC, Audience.MEMBERS)
    assert opened.name
    assert isinstance(unknown, Never)
    assert SNAKE_CASE.fullmatch(unknown.reason)
