"""The courier's process between a real broker, a real database and servers of others that are slow, broken, old-fashioned or gone."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from sqlalchemy import text

from hub.federation import positions
from hub.federation.addresses import Addresses
from hub.federation.delivery import Scheme, State
from hub.federation.outgoing import parcels_of
from hub.federation.positions import Wish
from hub.federation.reach import Bearing
from hub.federation.wrapping import Numbered
from hub.ports import PEER_AGAIN, PEER_ONLY, Record
from hub.process import LOST
from hub.storage.engine import engine_for
from schemas.facts.moderation import MessageModerated, MessageRestored
from schemas.keys import SigningKey
from schemas.proof import sign_event
from schemas.rsa_keys import RsaSigningKey
from schemas.topics import PEERS_OUTBOUND
from schemas.words import Audience, Ground
from tests import full_disk
from tests.fakes_inboxes import COMMUNITY, OURS, Inbox, OurKeys, Takes, admit, courier_settings, ids, parcel, serving
from tests.fakes_schemas import NOW
from tests.fakes_streams import Streams, becomes, create_hub_topics, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine

    from hub.federation.delivery import Standing
    from hub.federation.parcel import Parcel
    from tests.fakes_streams import Running
    from tests.servers import Kafka

NOBODY = "http://127.0.0.1:9"


MODERATION = ((MessageModerated(ground=Ground.OFF_TOPIC), Bearing()), (MessageRestored(), Bearing(undone="e" * 32)))


def of_hub(fact: MessageModerated | MessageRestored, bearing: Bearing) -> Numbered:
    """The hub's word on a ministry's message, numbered."""
    event = sign_event(
        SigningKey.generate("hub"), fact, subject="message", time=NOW, platform="hub", native_id="1", change_marker=fact.event_type,
        actor="hub", audience=Audience.MEMBERS, community=COMMUNITY, on_behalf="finances",
    )  # fmt: skip
    return Numbered(event, fact, COMMUNITY, NOW, bearing)


def carried(told: Parcel) -> Record:
    """A parcel as the fan-out puts it on the topic."""
    return Record(PEERS_OUTBOUND.name, 0, 0, NOW, COMMUNITY.encode(), told.body, tuple(told.headers()))


class Couriers(Streams):
    """A test's courier and its topic."""

    def begin(self) -> Running:
        """Start a courier."""
        return self.start("courier", "-m", "hub", "courier")

    async def say(self, first: int, end: int) -> None:
        """Put activities on the topic."""
        await self.publish(*(parcel(number) for number in range(first, end)), topic=PEERS_OUTBOUND)


@pytest.fixture(scope="module")
def rsa() -> RsaSigningKey:
    return RsaSigningKey.generate("x", 2048)


@pytest.fixture
def ours(rsa: RsaSigningKey, tmp_path: Path) -> OurKeys:
    return OurKeys.saved_in(tmp_path, rsa)


@pytest.fixture
def couriers(kafka: Kafka, database_url: str, topic_prefix: str, tmp_path: Path) -> Iterator[Couriers]:
    made = Couriers(kafka.bootstrap, database_url, topic_prefix, tmp_path)
    made.environment |= courier_settings(tmp_path)
    create_hub_topics(kafka.bootstrap, topic_prefix)
    yield made
    made.discard()


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    made = engine_for(database_url)
    yield made
    await made.dispose()


async def standing(engine: AsyncEngine, peer: str) -> Standing | None:
    async with engine.connect() as connection:
        return (await positions.standings(connection)).get(peer)


async def ask(engine: AsyncEngine, sql: str) -> list[Any]:
    async with engine.connect() as connection:
        return list(await connection.execute(text(sql)))


async def test_each_server_gets_everything_in_order_by_the_signature_that_it_knows(
    couriers: Couriers, engine: AsyncEngine, ours: OurKeys
) -> None:
    modern, middle, old = (Inbox(ours, takes) for takes in Takes)
    async with serving(modern, middle, old):
        await admit(engine, modern.url, middle.url, old.url)
        couriers.begin()
        await couriers.say(0, 40)
        for inbox in (modern, middle, old):
            await until(partial(_has, inbox, 40))
            assert inbox.took == ids(0, 40)
        schemes = {inbox.peer: scheme for inbox, scheme in zip((modern, middle, old), Scheme, strict=True)}

        async def known() -> dict[str, Scheme | None]:
            found = {peer: await standing(engine, peer) for peer in schemes}
            return {peer: one.scheme if one is not None else None for peer, one in found.items()}

        await becomes(known, schemes)
        assert (modern.asked, middle.asked, old.asked) == (40, 41, 42)
    await becomes(lambda: ask(engine, "SELECT DISTINCT jsonb_array_length(peers) FROM hub.peer_activities"), [(3,)])


async def test_what_moderation_takes_away_and_brings_back_reaches_an_inbox_byte_for_byte_in_the_names_of_ours(
    couriers: Couriers, engine: AsyncEngine, ours: OurKeys
) -> None:
    told = [one for fact, bearing in MODERATION for one in parcels_of(of_hub(fact, bearing), Addresses(OURS))]
    assert len(told) == 4
    inbox, suspended = Inbox(ours), Inbox(ours)
    async with serving(inbox, suspended):
        await admit(engine, inbox.url)
        await admit(engine, suspended.url, grade="suspended")
        couriers.begin()
        await couriers.publish(*map(carried, told), topic=PEERS_OUTBOUND)
        await until(partial(_has, inbox, 4))
        assert inbox.bodies == [one.body for one in told]
        await until(partial(_has, suspended, 2))
    assert suspended.bodies == [one.body for one in told if one.forgets]


@pytest.mark.long
async def test_unkind_servers_delay_nobody_and_miss_nothing(couriers: Couriers, engine: AsyncEngine, ours: OurKeys) -> None:
    kind, slow, busy, broken, rude = Inbox(ours), Inbox(ours, delay=0.2), Inbox(ours), Inbox(ours), Inbox(ours)
    busy.answers = [(429, {"Retry-After": "2"})]
    broken.answers = [(500, {}), (502, {})]
    rude.answers = [(0, {})]
    async with serving(kind, slow, busy, broken, rude):
        await admit(engine, kind.url, slow.url, busy.url, broken.url, rude.url, NOBODY)
        couriers.begin()
        await couriers.say(0, 20)
        await until(lambda: len(kind.took) == 20)
        assert len(slow.took) < 20
        for inbox in (slow, busy, broken, rude):
            await until(partial(_has, inbox, 20))
            assert inbox.took == ids(0, 20)

        async def gone() -> tuple[State, str | None, int] | None:
            found = await standing(engine, "127.0.0.1:9")
            return (found.state, found.reason, found.position) if found is not None else None

        await becomes(gone, (State.OPEN, "peer_unreachable", 0))


async def test_an_activity_on_which_a_server_fails_each_time_is_set_aside_and_can_be_brought_again_in_the_same_bytes(
    couriers: Couriers, engine: AsyncEngine, ours: OurKeys
) -> None:
    broken = Inbox(ours)
    couriers.environment |= {"TRAITDUNION_PEER_ATTEMPTS": "2", "TRAITDUNION_PEER_PATIENCE": "PT0.5S"}
    async with serving(broken):
        await admit(engine, broken.url)
        couriers.begin()
        await couriers.say(0, 1)
        await until(partial(_has, broken, 1))
        broken.answers = [(500, {}), (500, {})]
        await couriers.say(1, 4)
        await until(partial(_has, broken, 3))
        assert broken.took == [*ids(0, 1), *ids(2, 4)]

        async def refused() -> list[tuple[int, str]]:
            return [(row.offset, row.reason) for row in await ask(engine, 'SELECT "offset", reason FROM hub.peer_refusals')]

        await becomes(refused, [(1, "peer_fails_on_activity")])
        pointing = ((PEER_AGAIN, b"1"), (PEER_ONLY, broken.peer.encode()))
        await couriers.publish(Record(PEERS_OUTBOUND.name, 0, 0, NOW, COMMUNITY.encode(), b"{}", pointing), topic=PEERS_OUTBOUND)
        await until(partial(_has, broken, 4))
        assert broken.bodies[-1] == parcel(1).value


async def test_a_server_that_still_keeps_other_keys_of_ours_is_waited_for_and_misses_nothing(
    couriers: Couriers, engine: AsyncEngine, ours: OurKeys
) -> None:
    former = OurKeys(SigningKey.generate("x").public, RsaSigningKey.generate("x", 2048).public)
    keeping, current = Inbox(former), Inbox(ours)
    async with serving(keeping, current):
        await admit(engine, keeping.url, current.url)
        couriers.begin()
        await couriers.say(0, 6)
        await until(partial(_has, current, 6))
        await until(lambda: keeping.asked >= 9)  # three times, each by all our signatures
        assert keeping.took == []
        keeping.keys = ours  # a day has passed there
        await _wish(engine, keeping.peer, Wish.RETRY)
        await until(partial(_has, keeping, 6))
        assert keeping.took == ids(0, 6)
    assert await ask(engine, "SELECT * FROM hub.peer_refusals") == []


@pytest.mark.long
async def test_a_killed_courier_loses_nothing_and_repeats_one_at_most(couriers: Couriers, engine: AsyncEngine, ours: OurKeys) -> None:
    inboxes = [Inbox(ours, delay=0.01) for _ in range(4)]
    async with serving(*inboxes):
        await admit(engine, *(inbox.url for inbox in inboxes))
        await couriers.say(0, 150)
        for least in (20, 60, 100):
            running = couriers.begin()
            await until(partial(_all_have, inboxes, least))
            running.send(signal.SIGKILL)
            await running.ended()
        couriers.begin()
        for inbox in inboxes:
            await until(partial(_has, inbox, 150))
            assert list(dict.fromkeys(inbox.took)) == ids(0, 150)
            assert Counter(Counter(inbox.took).values())[2] <= 3
            assert max(Counter(inbox.took).values()) <= 2


@pytest.mark.long
async def test_a_server_that_was_away_for_long_catches_up_while_the_others_are_current(
    couriers: Couriers, engine: AsyncEngine, ours: OurKeys
) -> None:
    here, away = Inbox(ours), Inbox(ours)
    async with serving(here, away):
        away.answers = [(503, {"Retry-After": "12"})]
        await admit(engine, here.url, away.url)
        running = couriers.begin()
        await couriers.say(0, 300)
        await until(lambda: len(here.took) == 300)
        assert away.took == []
        await running.stop()
        await asyncio.sleep(0.5)
        couriers.begin()  # its breaker is still open
        await asyncio.sleep(1.0)
        assert (away.asked, away.took) == (1, [])
        await until(lambda: len(away.took) == 300)
        await couriers.say(300, 310)
        await until(lambda: min(len(away.took), len(here.took)) == 310)
        assert away.took == here.took == ids(0, 310)
        await becomes(partial(_how_it_stands, engine, away.peer), (State.CLOSED, False, 0))


async def test_an_inbox_that_is_gone_takes_its_followers_along(couriers: Couriers, engine: AsyncEngine, ours: OurKeys) -> None:
    here, gone = Inbox(ours), Inbox(ours)
    gone.answers = [(410, {})] * 5
    async with serving(here, gone):
        await admit(engine, here.url, gone.url)
        couriers.begin()
        await couriers.say(0, 3)
        await until(lambda: len(here.took) == 3)
        await becomes(lambda: ask(engine, f"SELECT state FROM hub.peer_positions WHERE peer = '{gone.peer}'"), [("gone",)])  # noqa: S608 - a test's
        await becomes(lambda: ask(engine, "SELECT peer FROM hub.followers"), [(here.peer,)])
        assert gone.asked == 1


@pytest.mark.long
async def test_operators_stop_and_start_a_peer(couriers: Couriers, engine: AsyncEngine, ours: OurKeys) -> None:
    here = Inbox(ours)
    async with serving(here):
        await admit(engine, here.url)
        couriers.begin()
        await couriers.say(0, 2)
        await until(lambda: len(here.took) == 2)
        await _wish(engine, here.peer, Wish.PAUSE)
        await becomes(lambda: ask(engine, "SELECT state FROM hub.peer_positions"), [("paused",)])
        await couriers.say(2, 4)
        await asyncio.sleep(1.0)
        assert len(here.took) == 2
        await _wish(engine, here.peer, Wish.RESUME)
        await until(lambda: here.took == ids(0, 4))


@pytest.mark.long
async def test_only_one_courier_delivers(couriers: Couriers, engine: AsyncEngine, ours: OurKeys) -> None:
    here = Inbox(ours)
    async with serving(here):
        await admit(engine, here.url)
        first = couriers.begin()
        await couriers.say(0, 5)
        await until(lambda: len(here.took) == 5)
        couriers.begin()
        await couriers.say(5, 10)
        await until(lambda: len(here.took) == 10)
        await asyncio.sleep(0.5)
        assert here.took == ids(0, 10)
        await becomes(lambda: ask(engine, "SELECT position FROM hub.peer_positions"), [(10,)])  # noted: who comes next repeats nothing
        first.send(signal.SIGKILL)
        await first.ended()
        await couriers.say(10, 12)
        await until(lambda: here.took == ids(0, 12))


@pytest.mark.long
async def test_a_database_that_ends_the_connection_ends_the_process_and_nothing_is_lost(
    couriers: Couriers, engine: AsyncEngine, ours: OurKeys, database_url: str
) -> None:
    here = Inbox(ours)
    async with serving(here):
        await admit(engine, here.url)
        running = couriers.begin()
        await couriers.say(0, 5)
        await until(lambda: len(here.took) == 5)
        connection = await asyncpg.connect(database_url)
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await connection.close()
        assert await running.ended() != 0
        couriers.begin()
        await couriers.say(5, 8)
        await until(lambda: len(set(here.took)) == 8)
        assert list(dict.fromkeys(here.took)) == ids(0, 8)


async def _how_it_stands(engine: AsyncEngine, peer: str) -> tuple[State, bool, int] | None:
    found = await standing(engine, peer)
    return (found.state, found.behind, found.failures) if found else None


def _has(inbox: Inbox, number: int) -> bool:
    return len(set(inbox.took)) == number


def _all_have(inboxes: list[Inbox], least: int) -> bool:
    return all(len(set(inbox.took)) >= least for inbox in inboxes)


async def _wish(engine: AsyncEngine, peer: str, wished: Wish) -> None:
    async with engine.connect() as connection:
        assert await positions.wish(connection, peer, wished)
        await connection.commit()


async def test_a_database_without_room_has_no_start_of_the_courier_post_the_same_again(
    couriers: Couriers, engine: AsyncEngine, ours: OurKeys, database_url: str
) -> None:
    here = Inbox(ours)
    async with serving(here):
        await admit(engine, here.url)
        await full_disk.install(database_url, "hub")
        await couriers.say(0, 5)
        async with full_disk.full(database_url):
            for _ in range(2):
                assert await couriers.begin().ended() == LOST
        assert here.took == []
        couriers.begin()
        await until(lambda: here.took == ids(0, 5))
