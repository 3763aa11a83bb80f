"""What a node missed, sent again by the hub: from a real PostgreSQL onto a real Kafka, proved at the last door."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from adapters.last_door import LastDoor, Passed, UnverifiedRecord
from hub.communities import animation, resyncs
from hub.communities.resync import Resync, ResyncState
from hub.resending import Resender
from hub.unit_of_work import transaction
from schemas.envelope import RESYNC, object_id
from schemas.facts.message import MessageDeleted, MessageEdited, MessagePosted
from schemas.facts.moderation import MessageModerated
from schemas.facts.reaction import ReactionAdded
from schemas.facts.resync import ResyncCompleted, ResyncRequested
from schemas.facts.tie import TieRefused
from schemas.topics import outbound
from schemas.wire import kafka as wire
from schemas.wire.kafka import KafkaSettings, TopicNames
from schemas.words import Ground
from tests.fakes_federation import present, suspend
from tests.fakes_streams import create_topics
from tests.hub_world import NODES, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from aiokafka import AIOKafkaProducer

    from hub.unit_of_work import UnitOfWork
    from tests.servers import Kafka

NODE = "education"
SPACE = NODES[NODE]


@dataclass
class Away:
    """A node that was away, and the hub's relay that sends it again what it missed."""

    world: World
    settings: KafkaSettings
    names: TopicNames
    producer: AIOKafkaProducer
    resender: Resender = field(init=False)

    def __post_init__(self) -> None:
        self.resender = Resender(self.world.engine, self.producer, self.names, self.world.rules)

    @property
    def topic(self) -> str:
        return self.names.of(outbound(NODE))

    async def number(self) -> int:
        rows = await self.world.rows("SELECT sequence FROM hub.communities")
        return int(rows[0]["sequence"])

    async def ask(self, after: int, marker: str = "1", space: str = SPACE) -> None:
        name = f"resync:{SPACE}"
        await self.world.hear(self.world.record(NODE, ResyncRequested(space=space, after=after), name, marker=marker))

    async def forget(self) -> None:
        """Three weeks later: the outbox keeps no record any more."""
        await self.world.work(lambda work: work.connection.exec_driver_sql("DELETE FROM hub.outbox"))

    async def sent(self) -> Sequence[Passed]:
        """All that the node's own topic holds, as the node's last door lets it pass."""
        door, registry = LastDoor(NODE, "hub"), await self.world.reader()
        found: list[Any] = []
        async with wire.consumer(self.settings, self.topic, group=None, auto_offset_reset="earliest") as reader:
            while batch := await reader.getmany(timeout_ms=500):
                found += [record for records in batch.values() for record in records]
        checked = [
            door.check(UnverifiedRecord(one.topic, 0, one.offset, one.timestamp, one.key, one.value, tuple(one.headers)), registry)
            for one in found
        ]
        assert [one for one in checked if not isinstance(one, Passed)] == []
        return [one for one in checked if isinstance(one, Passed)]

    async def all_sent(self) -> Sequence[Passed]:
        for _ in range(50):
            if not await self.resender.send_some():
                break
        return await self.sent()

    async def state(self) -> Resync:
        async with self.world.engine.connect() as connection:
            return (await resyncs.all_resyncs(connection))[0][0]


@pytest.fixture
async def away(kafka: Kafka, database_url: str, topic_prefix: str) -> AsyncIterator[Away]:
    world = await World.make(database_url)
    await world.tie()
    settings, names = KafkaSettings(bootstrap=kafka.bootstrap), TopicNames(topic_prefix=topic_prefix)
    create_topics(kafka.bootstrap, names.of(outbound(NODE)))
    producer = wire.producer(settings)
    await producer.start()
    yield Away(world, settings, names, producer)
    await producer.stop()
    await world.close()


def facts(sent: Sequence[Passed]) -> list[type]:
    return [type(one.verified.fact) for one in sent]


async def test_what_the_outbox_keeps_is_sent_again_byte_for_byte_in_order_as_history_and_its_end_is_told(away: Away) -> None:
    before, parent = await away.number(), object_id("wifip", "post:1")
    posts = [away.world.posted("wifip", "post:1"), away.world.posted("diplomatie", "post:2", parent=parent)]
    await away.world.hear(*posts, away.world.reacted("wifip", "like:1", object_id("diplomatie", "post:2")))
    await away.ask(before)
    sent = await away.all_sent()
    assert [one.verified.event.value for one in sent[:2]] == [post.value for post in posts]
    assert facts(sent) == [MessagePosted, MessagePosted, ReactionAdded, ResyncCompleted]
    assert [one.number for one in sent] == [before + 1, before + 2, before + 3, 0]
    assert {one.place.history for one in sent if one.place} == {RESYNC}
    assert {tuple(one.place.targets.items()) for one in sent if one.place} == {((NODE, SPACE),)}
    assert isinstance(done := sent[-1].verified.fact, ResyncCompleted)
    assert done.through == await away.number()


async def test_what_nobody_keeps_is_told_by_the_hub_in_its_own_name_as_it_stands_now(away: Away) -> None:
    before, world, parent = await away.number(), away.world, object_id("wifip", "post:1")
    await world.hear(world.posted("wifip", "post:1", "un"), world.posted("diplomatie", "post:2", "deux", parent=parent))
    await world.hear(world.edited("wifip", "post:1", "un <b>bis</b>"), world.posted("wifip", "post:3"), world.deleted("wifip", "post:3"))
    await away.forget()
    await away.ask(before)
    sent = await away.all_sent()
    envelopes = [one.verified.event.envelope for one in sent]
    assert facts(sent) == [MessageEdited, MessageEdited, MessageDeleted, ResyncCompleted]
    assert [json.loads(one.verified.event.value)["content"]["text"] for one in sent[:2]] == ["un bis", "deux"]
    assert [(one.source, one.onbehalf, one.history) for one in envelopes[:2]] == [("hub", "wifip", RESYNC), ("hub", "diplomatie", RESYNC)]
    assert (envelopes[1].subject, envelopes[1].parent) == (object_id("diplomatie", "post:2"), parent)
    state = await away.state()
    assert (state.originals, state.stand_ins, state.left_out, state.state) == (0, 3, 2, ResyncState.COMPLETED)


async def test_what_a_moderator_took_away_meanwhile_is_not_sent_again_and_her_word_is(away: Away) -> None:
    before, world, root = await away.number(), away.world, object_id("wifip", "post:1")
    await world.hear(world.posted("wifip", "post:1", "un"), world.posted("wifip", "post:2", "deux"))
    await world.work(lambda work: _moderate(root, work))
    await away.ask(before)
    sent = await away.all_sent()
    assert facts(sent) == [MessagePosted, MessageModerated, ResyncCompleted]
    assert sent[0].verified.event.envelope.subject == object_id("wifip", "post:2")


async def test_what_was_moderated_long_ago_is_told_as_gone_on_behalf_of_its_own_node(away: Away) -> None:
    world, root = away.world, object_id("wifip", "post:1")
    await world.hear(world.posted("wifip", "post:1", "un"))
    before = await away.number()
    await world.work(lambda work: _moderate(root, work))
    await away.forget()
    await away.ask(before)
    sent = await away.all_sent()
    assert facts(sent) == [MessageDeleted, ResyncCompleted]
    envelope = sent[0].verified.event.envelope
    assert (envelope.subject, envelope.onbehalf, envelope.nativeid) == (root, "wifip", "post:1")


async def _moderate(message: str, work: UnitOfWork) -> None:
    assert await animation.take_away(message, Ground.INSULTING, "", await present(work), work)


async def test_a_node_is_reminded_of_what_its_own_people_edited_and_deleted_while_it_was_away(away: Away) -> None:
    world = away.world
    await world.hear(world.posted(NODE, "post:1"), world.posted(NODE, "post:2"), world.reacted(NODE, "like:1", object_id(NODE, "post:1")))
    before = await away.number()
    await world.hear(world.edited(NODE, "post:1", "corrigé"), world.deleted(NODE, "post:2"))
    await away.forget()
    await away.ask(before)
    sent = await away.all_sent()
    assert facts(sent) == [MessageEdited, MessageDeleted, ResyncCompleted]
    assert [(one.verified.event.envelope.onbehalf, one.verified.event.envelope.nativeid) for one in sent[:2]] == [
        (NODE, "post:1"),
        (NODE, "post:2"),
    ]


async def test_words_that_were_taken_back_since_are_not_sent_again_but_their_deletion_is(away: Away) -> None:
    before = await away.number()
    await away.world.hear(away.world.posted("wifip", "post:1"), away.world.deleted("wifip", "post:1"))
    await away.ask(before)
    assert facts(await away.all_sent()) == [MessageDeleted, ResyncCompleted]


async def test_what_is_said_while_it_goes_on_comes_at_its_place(away: Away, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.resending.PORTION", 2)
    before = await away.number()
    await away.world.hear(*(away.world.posted("wifip", f"post:{number}") for number in range(3)))
    await away.ask(before)
    assert await away.resender.send_some()
    await away.world.hear(away.world.edited("wifip", "post:0", "corrigé"))
    sent = await away.all_sent()
    assert [one.number for one in sent] == [before + 1, before + 2, before + 3, before + 4, 0]
    assert facts(sent)[3:] == [MessageEdited, ResyncCompleted]


async def test_what_is_said_now_leaves_before_each_portion_and_not_behind_all_of_them(away: Away) -> None:
    before, other, moved = await away.number(), "diplomatie", list[int]()
    create_topics(away.settings.bootstrap, away.names.of(outbound(other)))
    await away.world.hear(away.world.posted("wifip", "post:1"))
    await away.ask(before)
    request = ResyncRequested(space=NODES[other], after=before)
    await away.world.hear(away.world.record(other, request, f"resync:{NODES[other]}", marker="1"))

    async def publish() -> None:
        rows = await away.world.rows("SELECT count(*) AS moved FROM hub.resyncs WHERE reached > since")
        moved.append(rows[0]["moved"])

    assert await away.resender.send_some(publish)
    assert moved == [0, 1]


async def test_what_was_said_before_the_space_was_tied_is_not_for_it(database_url: str, away: Away) -> None:
    del database_url
    await away.ask(0)
    sent = await away.all_sent()
    first = min(one.number for one in sent if one.number)
    rows = await away.world.rows(f"SELECT sequence FROM hub.events WHERE node = '{NODE}' AND type LIKE '%tie.accepted%'")  # noqa: S608 - a test's own words
    assert first == rows[0]["sequence"] > 1


async def test_a_node_that_may_receive_no_more_is_told_what_it_must_forget_and_nothing_else(away: Away) -> None:
    before, world = await away.number(), away.world
    await world.hear(world.posted("wifip", "post:1"))
    await world.hear(world.deleted("wifip", "post:1"), world.posted("wifip", "post:2"))
    await away.ask(before)
    await world.work(lambda work: suspend(f"node/{NODE}", work))
    assert facts(await away.all_sent()) == [MessageDeleted, ResyncCompleted]


async def test_what_its_author_brought_back_is_not_shown_to_a_node_that_may_receive_no_more(away: Away) -> None:
    world = away.world
    await world.hear(world.posted("wifip", "post:1"))
    before = await away.number()
    await world.hear(world.deleted("wifip", "post:1"), world.edited("wifip", "post:1", "de retour"))
    await away.forget()
    await away.ask(before)
    await world.work(lambda work: suspend(f"node/{NODE}", work))
    assert facts(await away.all_sent()) == [ResyncCompleted]


async def test_what_was_edited_before_it_was_taken_back_is_to_be_forgotten_too(away: Away) -> None:
    world = away.world
    await world.hear(world.posted("wifip", "post:1"))
    before = await away.number()
    await world.hear(world.edited("wifip", "post:1", "bis"), world.deleted("wifip", "post:1"))
    await away.forget()
    await away.ask(before)
    await world.work(lambda work: suspend(f"node/{NODE}", work))
    assert facts(await away.all_sent()) == [MessageDeleted, ResyncCompleted]


async def test_what_was_said_while_the_space_was_tied_no_longer_is_not_for_it(away: Away) -> None:
    world = away.world
    await world.hear(world.posted("wifip", "post:1"), world.posted("wifip", "post:2"))
    before = await away.number()
    await world.hear(world.record(NODE, TieRefused(node=NODE, space=SPACE, reason="space_not_offered"), f"tie/{NODE}/{SPACE}", marker="no"))
    await world.hear(
        world.posted("wifip", "post:3", "entre nous"), world.edited("wifip", "post:1", "bis"), world.deleted("wifip", "post:1")
    )
    await away.forget()
    await world.tie(NODE)
    await world.hear(world.posted("wifip", "post:4", "avec tous"), world.edited("wifip", "post:3", "entre tous"))
    await away.forget()
    await away.ask(before)
    said = [one.verified for one in await away.all_sent()]
    assert [type(one.fact) for one in said] == [MessageDeleted, MessageEdited, MessageEdited, ResyncCompleted]
    assert [json.loads(one.event.value)["content"]["text"] for one in said[1:3]] == ["avec tous", "entre tous"]


@pytest.mark.parametrize("space", ["un-autre"])
async def test_another_space_than_the_tied_one_gets_nothing(away: Away, space: str) -> None:
    await away.ask(0, space=space)
    assert away.world.dead_letters.reasons == ["not_tied"]
    assert await away.all_sent() == []


async def test_asked_anew_it_begins_anew_where_the_node_says_that_it_is(away: Away) -> None:
    before = await away.number()
    await away.world.hear(away.world.posted("wifip", "post:1"), away.world.posted("wifip", "post:2"))
    await away.ask(before)
    await away.all_sent()
    await away.ask(before + 1, marker="2")
    assert [one.number for one in await away.all_sent()] == [before + 1, before + 2, 0, before + 2, 0]


async def test_a_portion_that_was_not_noted_is_sent_again_and_nothing_is_left_out(away: Away, monkeypatch: pytest.MonkeyPatch) -> None:
    before = await away.number()
    await away.world.hear(away.world.posted("wifip", "post:1"))
    await away.ask(before)
    async with transaction(away.world.engine, away.world.rules) as work:
        commit = type(work).commit

    async def ends(_: object) -> None:
        raise ConnectionError

    monkeypatch.setattr("hub.unit_of_work.UnitOfWork.commit", ends)
    with pytest.raises(ConnectionError):
        await away.resender.send_some()
    monkeypatch.setattr("hub.unit_of_work.UnitOfWork.commit", commit)
    assert [one.number for one in await away.all_sent()] == [before + 1, before + 1, 0]
