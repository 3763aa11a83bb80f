"""What peers say, from the door's records into the rooms, on a real PostgreSQL."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from hub.communities.service import open_community
from hub.federation import positions
from hub.federation.following import follow_group, leave_group
from hub.federation.positions import Refusal, Writing
from hub.federation.repository import SqlFollowers, reports_of
from hub.operations.quarantine import quarantined_peers
from hub.operations.releasing import release
from hub.peer_reading import SqlPublished
from hub.ports import RefusedError
from hub.registry.peer_repository import SqlPeers
from hub.settings import HubSettings
from hub.site import site
from hub.unit_of_work import transaction
from schemas.application import Kind
from schemas.envelope import object_id
from schemas.facts.message import MessagePosted
from schemas.manifest import Grade
from schemas.proof import VerifiedEvent, verify_event
from schemas.sequence import PEERS
from schemas.wire.records import texts, unverified_event
from schemas.words import Audience
from tests import fakes_federation
from tests.fakes_abroad import GROUP, HERE, PUBLIC, Person, peer, written
from tests.fakes_asgi import call
from tests.fakes_hub import FakeStreams
from tests.fakes_peer_town import ALICE, BOB, CAROL, COMMUNITY, FORUM, MEMBER, Town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hub.unit_of_work import UnitOfWork


@pytest.fixture
async def town(database_url: str) -> AsyncIterator[Town]:
    made = await Town.make(database_url)
    yield made
    await made.world.close()


async def test_a_note_to_our_group_becomes_a_numbered_message_signed_by_the_hub_for_every_tied_node(town: Town) -> None:
    await town.hear((ALICE, ALICE.creates()))
    (message,) = await town.messages()
    assert (message["node"], message["author"], message["organisation"]) == ("hub", "Alice Martin", "social.example · externe")
    row = (await town.world.rows("SELECT * FROM hub.outbox WHERE topic = 'hub.facts.v1' ORDER BY id DESC LIMIT 1"))[0]
    assert set(row["targets"]) == {"wifip", "education", "diplomatie", PEERS}
    headers = texts([(name, said.encode()) for name, said in row["headers"]])
    verified = verify_event(unverified_event(headers, bytes(row["value"])), await town.world.reader(), town.world.clock())
    assert isinstance(verified, VerifiedEvent)
    assert isinstance(verified.fact, MessagePosted)
    assert verified.event.envelope.subject == object_id("hub", ALICE.note()["id"])
    assert verified.fact.external is not None
    assert verified.fact.external.activity.encode() == written(ALICE.creates())
    assert town.reasons == []


async def test_one_topic_that_comes_three_ways_is_one_message(town: Town) -> None:
    await town.follow()
    note = MEMBER.note("post/1", name="Un sujet")
    create = MEMBER.creates(note, "post/1#create")
    ways = [(FORUM, FORUM.does("Announce", note, "a/1")), (FORUM, FORUM.does("Announce", create, "a/2")), (MEMBER, create)]
    await town.hear(*ways)
    assert [(row["title"], row["organisation"]) for row in await town.messages()] == [("Un sujet", "forum.example · externe")]
    assert town.reasons == []


async def test_n_deliveries_of_one_record_equal_one(town: Town) -> None:
    records = await town.records((ALICE, ALICE.creates()), (BOB, BOB.does("Like", ALICE.note()["id"], "acts/l")))
    await town.take([*records, *records])
    await town.take(records)
    assert len(await town.messages()) == 1
    assert len(await town.world.rows("SELECT * FROM hub.reactions")) == 1
    assert town.reasons == []


async def test_a_thread_is_told_with_its_replies_edits_deletions_and_reactions(town: Town) -> None:
    reply = BOB.note("notes/2", "<p>Réponse</p>", inReplyTo=ALICE.note()["id"])
    await town.hear((ALICE, ALICE.creates()), (BOB, BOB.creates(reply, "acts/2")))
    first, second = await town.messages()
    assert second["parent"] == first["id"]
    await town.hear(
        (ALICE, ALICE.does("Update", ALICE.note(text="<p>Corrigé</p>", updated="2026-11-22T09:00:00Z"), "acts/3", to=[PUBLIC], cc=[GROUP]))
    )
    assert (await town.messages())[0]["html"] == "<p>Corrigé</p>"
    await town.hear(
        (BOB, BOB.does("Like", first_note := ALICE.note()["id"], "acts/4")),
        (BOB, BOB.does("EmojiReact", first_note, "acts/5", content="🎉")),
    )
    reactions = await town.world.rows("SELECT emoji, state FROM hub.reactions ORDER BY emoji")
    assert {(row["emoji"], row["state"]) for row in reactions} == {("👍", "standing"), ("🎉", "standing")}
    await town.hear((BOB, BOB.does("Undo", BOB.does("Like", first_note, "acts/4"), "acts/6")))
    await town.hear((ALICE, ALICE.does("Delete", {"type": "Tombstone", "id": first_note}, "acts/7")))
    states = {row["emoji"]: row["state"] for row in await town.world.rows("SELECT emoji, state FROM hub.reactions")}
    assert states == {"👍": "removed", "🎉": "standing"}
    assert [row["state"] for row in await town.messages()] == ["deleted", "visible"]
    await town.hear((ALICE, ALICE.creates(path="acts/8")), (ALICE, ALICE.does("Update", ALICE.note(), "acts/9", to=[PUBLIC], cc=[GROUP])))
    assert [row["state"] for row in await town.messages()] == ["deleted", "visible"]
    assert town.reasons == []


async def test_a_reply_that_comes_before_its_parent_waits_for_it(town: Town) -> None:
    reply = BOB.note("notes/2", "<p>Réponse</p>", inReplyTo=ALICE.note()["id"])
    await town.hear((BOB, BOB.creates(reply, "acts/2")))
    assert await town.messages() == []
    await town.hear((ALICE, ALICE.creates()))
    first, second = await town.messages()
    assert second["parent"] == first["id"]


async def test_somebody_elsewhere_answers_a_ministrys_message_and_likes_it(town: Town) -> None:
    await town.world.hear(town.world.posted("wifip", "post:1"))
    ours = HERE.note(object_id("wifip", "post:1"))
    reply = ALICE.note(inReplyTo=ours, cc=[HERE.node("wifip")])  # as Mastodon does: it calls the author, not the group
    await town.hear((ALICE, ALICE.does("Create", reply, to=[PUBLIC])), (BOB, BOB.does("Like", ours, "acts/l")))
    first, second = await town.messages()
    assert (first["node"], second["node"], second["parent"]) == ("wifip", "hub", first["id"])
    (reaction,) = await town.world.rows("SELECT * FROM hub.reactions")
    assert reaction["object"] == first["id"]


@pytest.mark.parametrize("verb", ["Update", "Delete", "Undo"])
async def test_nobody_changes_what_another_made_not_even_on_the_same_server(town: Town, verb: str) -> None:
    await town.hear((ALICE, ALICE.creates()), (ALICE, ALICE.does("Like", ALICE.note()["id"], "acts/l")))
    what: Any = {
        "Update": {**ALICE.note(text="volé"), "attributedTo": BOB.id},
        "Delete": ALICE.note()["id"],
        "Undo": "https://social.example/acts/l",
    }[verb]
    await town.hear((BOB, BOB.does(verb, what, "acts/2", to=[PUBLIC], cc=[GROUP])))
    assert town.reasons == ["undo_of_another" if verb == "Undo" else "not_owner"]
    assert [(row["html"], row["state"]) for row in await town.messages()] == [("<p>Bonjour</p>", "visible")]


async def test_who_follows_a_public_community_is_told_yes_and_remembered_until_she_leaves(town: Town) -> None:
    await town.hear((ALICE, asked := ALICE.does("Follow", GROUP, "acts/f")))
    (follower,) = await _followers(town)
    assert (follower.actor, follower.inbox, follower.peer) == (ALICE.id, ALICE.id + "/inbox", "social.example")
    (row,) = await town.outgoing()
    answer = json.loads(row["value"])
    assert (answer["type"], answer["actor"], answer["object"]["id"], row["headers"]["peer_to"]) == ("Accept", GROUP, asked["id"], ALICE.id)
    assert row["headers"]["peer_inbox"] == ALICE.id + "/inbox"
    await town.hear((ALICE, ALICE.does("Undo", asked, "acts/u")))
    assert await _followers(town) == []


async def _followers(town: Town) -> list[Any]:
    async with town.world.engine.connect() as connection:
        return list(await SqlFollowers(connection).all())


async def test_who_may_not_follow_is_told_why_and_not_whether_the_community_exists(town: Town) -> None:
    async with transaction(town.world.engine, town.world.rules) as work:
        await open_community("reservee", "Réservée", Audience.MEMBERS, work)
        await work.commit()
    await town.hear(
        (ALICE, ALICE.does("Follow", HERE.group("reservee"), "acts/1")), (ALICE, ALICE.does("Follow", HERE.group("absente"), "acts/2"))
    )
    answers = [json.loads(row["value"]) for row in await town.outgoing()]
    assert [(one["type"], one["summary"]) for one in answers] == [("Reject", "communauté inconnue")] * 2
    assert [set(one) for one in answers] == [set(answers[0])] * 2
    for reason in ("community_not_public", "community_unknown"):  # operators know
        assert _counted(peer="social.example", act="Follow", outcome=reason) >= 1


def _counted(**labels: str) -> float:
    return REGISTRY.get_sample_value("traitdunion_external_total", labels) or 0


async def test_a_follower_who_moves_is_followed_to_her_new_home(town: Town) -> None:
    home = Person("https://ailleurs.example/users/alice", aliases=(ALICE.id,))
    town.door.abroad.add(home)
    await town.hear((ALICE, ALICE.does("Follow", GROUP, "acts/f")), (ALICE, ALICE.does("Move", ALICE.id, "acts/m", target=home.id)))
    assert [(one.actor, one.peer, one.inbox) for one in await _followers(town)] == [(home.id, "ailleurs.example", home.id + "/inbox")]


async def test_a_group_is_heard_once_it_has_accepted_and_no_longer_once_it_is_left(town: Town) -> None:
    def announced(number: int) -> dict[str, Any]:
        return FORUM.does("Announce", MEMBER.note(f"post/{number}"), f"a/{number}")

    await town.hear((FORUM, announced(1)))
    assert town.reasons == ["group_not_followed"]
    await town.follow()
    await town.hear((FORUM, announced(2)))
    assert len(await town.messages()) == 1
    assert await town.run(lambda work: leave_group(COMMUNITY, FORUM.id, work, HERE))
    assert json.loads((await town.outgoing())[-1]["value"])["type"] == "Undo"
    await town.hear((FORUM, announced(3)))
    assert len(await town.messages()) == 1


async def test_the_outbox_counts_what_its_pages_list_and_not_what_a_group_elsewhere_passed_on(town: Town) -> None:
    await town.follow()
    await town.hear((FORUM, FORUM.does("Announce", MEMBER.note("post/2"), "a/2")))
    await town.world.hear(town.world.posted("wifip", "post:1", '"via":'))
    assert len(await town.messages()) == 2
    shown = SqlPublished(town.world.engine, "hub", HERE, town.world.clock)
    page = await shown.deeds(COMMUNITY, None)
    assert (page.total, len(page.items), page.before) == (1, 1, None)


async def test_nobody_but_the_group_answers_our_follow(town: Town) -> None:
    await town.run(lambda work: follow_group(COMMUNITY, FORUM.id, work, HERE))
    asked = json.loads((await town.outgoing())[-1]["value"])
    await town.hear((ALICE, ALICE.does("Accept", {**asked, "object": ALICE.id}, "acts/1")))
    assert town.reasons == ["follow_unknown"]
    assert [row["state"] for row in await town.world.rows("SELECT state FROM hub.follows")] == ["pending"]


async def test_what_its_server_refused_a_group_may_accept_and_what_it_refused_itself_is_asked_anew(town: Town) -> None:
    async def stands() -> list[tuple[str, str | None]]:
        return [(row["state"], row["reason"]) for row in await town.world.rows("SELECT state, reason FROM hub.follows")]

    async def asks() -> dict[str, Any]:
        town.world.clock.moved += timedelta(minutes=1)
        assert await town.run(lambda work: follow_group(COMMUNITY, FORUM.id, work, HERE))
        asked: dict[str, Any] = json.loads((await town.outgoing())[-1]["value"])
        return asked

    asked = await asks()
    async with town.world.engine.connect() as connection:
        refused = Refusal("forum.example", 0, "peer_refuses_activity", town.world.clock(), asked["id"])
        await positions.write(connection, Writing(refusals=[refused]))
    assert await stands() == [("refused", "peer_refuses_activity")]
    await town.hear((FORUM, FORUM.does("Accept", asked, "acts/1")))
    assert await stands() == [("accepted", None)]
    await town.hear((FORUM, FORUM.does("Reject", asked, "acts/2")), (FORUM, FORUM.does("Accept", asked, "acts/3")))
    assert await stands() == [("refused", "group_rejects_follow")]
    assert await town.run(lambda work: leave_group(COMMUNITY, FORUM.id, work, HERE))
    assert json.loads((await town.outgoing())[-1]["value"])["type"] == "Undo"
    assert await stands() == [("ended", None)]
    asked = await asks()
    await town.hear((FORUM, FORUM.does("Accept", asked, "acts/4")))
    assert await stands() == [("accepted", None)]


async def test_only_an_admitted_group_of_others_is_followed_by_a_public_community(town: Town) -> None:
    for community, group, reason in (
        (COMMUNITY, "https://inconnu.example/g", "peer_not_admitted"),
        (COMMUNITY, GROUP, "group_malformed"),
        ("absente", FORUM.id, "community_unknown"),
    ):
        with pytest.raises(RefusedError) as refused:
            await town.run(lambda work, community=community, group=group: follow_group(community, group, work, HERE))
        assert refused.value.reason == reason


async def test_what_comes_back_to_us_through_a_group_is_dropped(town: Town) -> None:
    await town.follow()
    await town.world.hear(town.world.posted("wifip", "post:1"))
    node = Person(HERE.node("wifip"))
    node_note = {**node.note(), "id": HERE.note(object_id("wifip", "post:1"))}
    ours = {**node.creates(node_note), "id": HERE.activity("e1")}
    town.door.abroad.documents[node_note["id"]] = written(node_note)
    town.door.peers["hub.example"] = peer("hub.example")
    await town.hear((FORUM, FORUM.does("Announce", ours, "a/1")))
    assert len(await town.messages()) == 1
    assert town.reasons == []


async def test_who_deletes_her_account_is_forgotten_with_all_that_she_wrote(town: Town) -> None:
    await town.hear(
        (ALICE, ALICE.creates()), (ALICE, ALICE.does("Follow", GROUP, "acts/f")), (BOB, BOB.creates(BOB.note("notes/b"), "acts/b"))
    )
    await town.hear((ALICE, ALICE.does("Delete", ALICE.id, "acts/d")))
    assert sorted(row["state"] for row in await town.messages()) == ["deleted", "visible"]
    assert await _followers(town) == []


async def test_what_is_reported_is_shown_to_the_animators_and_changes_nothing(town: Town) -> None:
    from hub.access import permit_command_line  # noqa: PLC0415 - one test's need

    await town.hear((ALICE, ALICE.creates()))
    await town.hear((CAROL, CAROL.does("Flag", [ALICE.note()["id"], "https://nulle.example/1"], "acts/f", content="Publicité")))
    async with town.world.engine.connect() as connection:
        (report,) = await reports_of(connection, permit_command_line())
    assert (report.community, report.comment, report.peer) == (COMMUNITY, "Publicité", "ailleurs.example")
    app = site(town.world.engine, HubSettings(operator_token=None), town.world.clock, FakeStreams())
    page = (await call(app, "/signalements")).text
    assert "Publicité" in page
    assert CAROL.id in page
    assert [row["state"] for row in await town.messages()] == ["visible"]


async def test_what_the_door_did_not_sign_is_a_dead_letter_and_counts_against_nobody(town: Town) -> None:
    (record,) = await town.records((ALICE, ALICE.creates()))
    other = replace(record, value=(record.value or b"").replace(b"Bonjour", b"Bonsoir"))
    moved = replace(
        record,
        headers=tuple((name, b"https://ailleurs.example/users/carol" if name == "peer_actor" else raw) for name, raw in record.headers),
    )
    bare = replace(record, headers=())
    await town.take([other, moved, bare])
    assert town.reasons == ["provenance_of_other_bytes", "provenance_invalid", "provenance_malformed"]
    assert await town.world.rows("SELECT * FROM hub.strikes") == []
    assert await town.messages() == []


async def test_a_peer_that_loses_its_right_while_its_activities_wait_is_not_heard(town: Town) -> None:
    records = await town.records((ALICE, ALICE.creates()))
    async with town.world.engine.begin() as connection:
        await SqlPeers(connection).save(peer("social.example", Grade.SUSPENDED))
    await town.take(records)
    assert town.reasons == ["peer_not_permitted"]


async def test_what_a_peer_brought_before_its_manifest_ended_is_heard_and_what_it_brought_after_is_not(town: Town) -> None:
    in_time = await town.records((ALICE, ALICE.creates()))
    town.world.clock.moved += timedelta(minutes=1)
    await town.world.work(partial(fakes_federation.expire, "peer/social.example", town.world.clock()))
    town.world.clock.moved += timedelta(minutes=1)
    late = await town.records((BOB, BOB.creates(path="acts/late")))
    await town.take([*in_time, *late])
    assert town.reasons == ["manifest_expired"]
    assert [row["author"] for row in await town.messages()] == ["Alice Martin"]


async def test_no_group_is_followed_at_a_server_whose_manifest_has_ended(town: Town) -> None:
    await town.world.work(partial(fakes_federation.expire, "peer/forum.example", town.world.clock()))
    with pytest.raises(RefusedError, match="manifest_expired"):
        await town.follow()


async def test_a_peer_of_too_many_refusals_is_parked_until_somebody_lets_it_go_on_and_the_others_go_on(town: Town) -> None:
    await town.hear(*[(ALICE, ALICE.does("Accept", f"https://social.example/f/{number}", f"acts/{number}")) for number in range(7)])
    async with town.world.engine.connect() as connection:
        assert set(await quarantined_peers(connection)) == {"social.example"}
    await town.hear((ALICE, ALICE.creates(path="acts/x")), (CAROL, CAROL.creates(path="acts/y")))
    assert town.reasons[-1] == "peer_quarantined"
    assert _shown_in_quarantine("social.example") == 1
    assert [row["organisation"] for row in await town.messages()] == ["ailleurs.example · externe"]
    parked = town.world.dead_letters.kept[-1][0]

    async def let_go(work: UnitOfWork) -> bool:
        return await release(Kind.PEER, "social.example", "Corrigé chez eux.", await fakes_federation.present(work), work)

    assert (await town.world.work(let_go), await town.world.work(let_go)) == (True, False)
    (act,) = await town.world.rows("SELECT kind, person, reason FROM hub.acts WHERE subject = 'peer/social.example'")
    assert (act["kind"], act["person"], act["reason"]) == ("quarantine_ended", "anne", "Corrigé chez eux.")
    await town.take([parked])
    assert [row["organisation"] for row in await town.messages()] == ["ailleurs.example · externe", "social.example · externe"]
    assert _shown_in_quarantine("social.example") == 0


async def test_what_ended_a_peers_quarantine_does_not_put_it_there_again(town: Town) -> None:
    refused = [(ALICE, ALICE.does("Accept", f"https://social.example/f/{number}", f"acts/{number}")) for number in range(7)]
    await town.hear(*refused[:6])

    async def let_go(work: UnitOfWork) -> bool:
        return await release(Kind.PEER, "social.example", "Corrigé.", await fakes_federation.present(work), work)

    assert await town.world.work(let_go)
    await town.hear(refused[6])
    async with town.world.engine.connect() as connection:
        assert await quarantined_peers(connection) == {}


def _shown_in_quarantine(name: str) -> float | None:
    return REGISTRY.get_sample_value("traitdunion_peer_quarantined", {"peer": name})


async def test_one_activity_that_fails_costs_the_others_nothing(town: Town) -> None:
    async with town.world.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE hub.messages ADD CONSTRAINT no_poison CHECK (html NOT LIKE '%poison%')"))
    bad = ALICE.note("notes/2", "<p>poison</p>")
    await town.hear((ALICE, ALICE.creates()), (ALICE, ALICE.creates(bad, "acts/2")), (BOB, BOB.creates(BOB.note("notes/3"), "acts/3")))
    assert town.reasons == ["handler_error"]
    assert len(await town.messages()) == 2


async def test_a_community_that_is_not_public_hears_nobody_from_elsewhere(town: Town) -> None:
    async with town.world.engine.begin() as connection:
        await connection.execute(text("UPDATE hub.communities SET audience = 'members'"))
    await town.hear((ALICE, ALICE.creates()))
    assert town.reasons == ["community_not_public"]
    assert await town.messages() == []


async def test_what_is_dated_tomorrow_is_refused(town: Town) -> None:
    tomorrow = (town.world.clock() + timedelta(days=1)).isoformat()
    await town.hear((ALICE, ALICE.creates(ALICE.note(published=tomorrow))))
    assert town.reasons == ["time_in_future"]
