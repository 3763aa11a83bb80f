"""What another Trait d'union says became of what we brought it: believed of what was really brought there, shown, and missed where it does not come."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from hub import bootstrap
from hub.__main__ import command_line
from hub.acknowledging import Acknowledger
from hub.federation import positions
from hub.federation.acknowledged import forget_words
from hub.federation.acknowledgements import MEMBER
from hub.federation.delivery import Scheme, Standing
from hub.federation.positions import Told, Writing
from hub.operations.peers import ACKNOWLEDGED, ARRIVED, AWAITED, REFUSED, SILENT, TRANSMITTED, peer_state, transmissions
from hub.settings import HubSettings
from hub.site import site
from schemas.envelope import object_id
from schemas.peer_receipt import Acknowledged, Fate, PeerReceipt
from schemas.topics import PEERS_OUTBOUND
from schemas.wire.telemetry import Metric
from tests.fakes_abroad import HERE
from tests.fakes_asgi import call
from tests.fakes_hub import FakeStreams
from tests.fakes_peer_town import COMMUNITY, OPSI, OPSI_KEY, OPSI_SERVER, Town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hub.operations.peers import Transmission

OTHERS = "social.example"
DIGEST = "d" * 64


@dataclass
class Teller:
    """A town that told OPSI's hub and a server of others what a ministry said."""

    town: Town
    event: str = ""
    acts: int = 0
    offsets: int = field(default=10)

    async def tell(self, native: str, peers: tuple[str, ...] = (OPSI.id, OTHERS), digest: str | None = DIGEST) -> str:
        """A ministry says something, and the courier brings it; the event's id."""
        await self.town.world.hear(self.town.world.posted("wifip", native))
        subject = object_id("wifip", native)
        rows = await self.town.world.rows(f"SELECT first_event FROM hub.messages WHERE id = '{subject}'")  # noqa: S608 - a test's own
        event: str = rows[0]["first_event"]
        if peers:
            await self.brought(event, peers, digest)
        return event

    async def brought(self, event: str, peers: tuple[str, ...], digest: str | None = DIGEST) -> None:
        self.offsets += 1
        at = self.town.world.clock() - timedelta(minutes=5)
        told = Told(self.offsets, event, COMMUNITY, "announced", peers, at, digest)
        async with self.town.world.engine.connect() as connection:
            taken = [Standing(peer, self.offsets).took(self.offsets, Scheme.ED25519, at) for peer in peers]
            await positions.write(connection, Writing(taken, [told]))
            await positions.save_mark(connection, PEERS_OUTBOUND.name, self.offsets + 1)

    async def says(self, *words: Acknowledged, minutes: int = 0, **changes: Any) -> None:
        """OPSI's hub sends a receipt."""
        self.acts += 1
        issued = self.town.world.clock() + timedelta(minutes=minutes)
        receipt = PeerReceipt(issuer=OPSI.id, addressee="hub.example", issued=issued, deliveries=words)
        said = OPSI_SERVER.does("Receipt", HERE.host_actor, f"activities/r{self.acts}", to=[HERE.host_actor], **changes)
        await self.town.hear((OPSI_SERVER, {**said, MEMBER: receipt.signed(OPSI_KEY)}))

    async def at(self, peer: str, event: str) -> Transmission:
        async with self.town.world.engine.connect() as connection:
            return next(one for one in (await transmissions(connection, [event], self.town.world.clock()))[event] if one.peer == peer)

    @property
    def reasons(self) -> list[str]:
        return self.town.reasons


def word(event: str, fate: Fate = Fate.SEQUENCED, digest: str = DIGEST, **more: Any) -> Acknowledged:
    return Acknowledged(activity=HERE.announce(event), digest=digest, fate=fate, **more)


def numbered(event: str, **nodes: str) -> Acknowledged:
    return word(event, community="innovation", sequence=42, nodes=nodes)


@pytest.fixture
async def told(database_url: str) -> AsyncIterator[Teller]:
    made = Teller(await Town.make(database_url))
    made.event = await made.tell("post:1")
    yield made
    await made.town.world.close()


async def test_a_receipt_is_awaited_of_another_traitdunion_and_of_nobody_else(told: Teller) -> None:
    assert (await told.at(OPSI.id, told.event)).state == AWAITED
    assert (await told.at(OTHERS, told.event)).state == TRANSMITTED


async def test_what_is_numbered_there_is_shown_and_arrives_once_every_node_has_it(told: Teller) -> None:
    await told.says(numbered(told.event, labo="pending"))
    first = await told.at(OPSI.id, told.event)
    assert (first.state, first.word and (first.word.community, first.word.sequence, first.word.written)) == (
        ACKNOWLEDGED,
        ("innovation", 42, 0),
    )
    await told.says(numbered(told.event, labo="written"))
    then = await told.at(OPSI.id, told.event)
    assert (then.state, then.word and then.word.written) == (ARRIVED, 1)
    assert (await told.at(OTHERS, told.event)).state == TRANSMITTED
    assert told.reasons == []


async def test_what_is_refused_there_is_shown_by_its_name(told: Teller) -> None:
    await told.says(word(told.event, Fate.REFUSED, reason="group_not_followed"))
    found = await told.at(OPSI.id, told.event)
    assert (found.state, found.reason) == (REFUSED, "group_not_followed")


async def test_n_receipts_equal_one_and_the_last_word_stays_in_whatever_order_they_come(told: Teller) -> None:
    await told.says(numbered(told.event, labo="written"), minutes=2)
    await told.says(numbered(told.event, labo="pending"), minutes=1)
    for _ in range(2):
        await told.says(numbered(told.event, labo="written"), minutes=2)
    assert (await told.at(OPSI.id, told.event)).state == ARRIVED
    assert len(await told.town.world.rows("SELECT * FROM hub.peer_receipts")) == 1


async def test_nothing_is_believed_of_what_was_not_brought_to_that_server(told: Teller) -> None:
    elsewhere = await told.tell("post:2", peers=(OTHERS,))
    await told.says(word(elsewhere))
    await told.says(word("0" * 32))
    await told.says(word(told.event, digest="e" * 64))
    assert told.reasons == ["receipt_of_unsent_activity", "receipt_of_unsent_activity", "receipt_of_other_bytes"]
    assert await told.town.world.rows("SELECT * FROM hub.peer_receipts") == []


async def test_of_a_receipt_that_is_wrong_in_part_the_rest_is_kept_and_the_fault_is_counted(told: Teller) -> None:
    counter = Metric.peer_receipts.labels(OPSI.id, "receipt_of_unsent_activity")
    before = counter._value.get()
    await told.says(word("0" * 32), numbered(told.event, labo="written"))
    assert (await told.at(OPSI.id, told.event)).state == ARRIVED
    assert counter._value.get() == before + 1
    assert told.reasons == []


async def test_a_receipt_that_overtakes_our_own_note_is_kept_and_compared_when_it_is_shown(told: Teller) -> None:
    early, altered = await told.tell("post:2", peers=()), await told.tell("post:3", peers=())
    await told.says(numbered(early, labo="written"), word(altered, digest="e" * 64))
    for event in (early, altered):
        await told.brought(event, (OPSI.id,))
    assert (await told.at(OPSI.id, early)).state == ARRIVED
    assert (await told.at(OPSI.id, altered)).state == AWAITED


async def test_what_was_told_before_there_were_receipts_awaits_none(told: Teller) -> None:
    older = await told.tell("post:2", digest=None)
    assert (await told.at(OPSI.id, older)).state == TRANSMITTED


async def test_a_receipt_that_does_not_come_is_counted_with_its_age(told: Teller) -> None:
    second = await told.tell("post:2")
    teller = Acknowledger(
        bootstrap.begin(told.town.world.engine, told.town.world.rules), HERE, told.town.world.hub_key, told.town.world.clock
    )
    gauge = Metric.peer_unacknowledged.labels(OPSI.id)
    await teller.watch()
    assert gauge._value.get() >= 290
    await told.says(numbered(told.event, labo="pending"))
    async with told.town.world.engine.connect() as connection:
        now = told.town.world.clock()
        state, other = await peer_state(connection, OPSI.id, now), await peer_state(connection, OTHERS, now)
    assert state is not None
    assert state.unacknowledged is not None
    assert state.unacknowledged.count == 1
    assert other is not None
    assert other.unacknowledged is None
    await told.says(numbered(second, labo="pending"))
    told.town.world.clock.moved = timedelta(seconds=11)
    await teller.watch()
    assert gauge._value.get() == 0


async def test_a_receipt_that_has_not_come_for_a_day_is_awaited_no_longer_and_believed_if_it_comes(
    told: Teller, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = told.town.world
    teller = Acknowledger(bootstrap.begin(world.engine, world.rules), HERE, world.hub_key, world.clock)
    world.clock.moved = timedelta(hours=23)
    assert (await told.at(OPSI.id, told.event)).state == AWAITED
    world.clock.moved = timedelta(hours=24)
    await teller.watch()
    assert (await told.at(OPSI.id, told.event)).state == SILENT
    assert Metric.peer_unacknowledged.labels(OPSI.id)._value.get() == 0
    assert Metric.peer_silent.labels(OPSI.id)._value.get() >= timedelta(days=1).total_seconds()
    app = site(world.engine, HubSettings(), world.clock, FakeStreams())
    for path in (f"/communautes/{COMMUNITY}", f"/messages/{told.event}"):
        page = (await call(app, path)).text
        assert "transmis, accusé attendu" not in page
        assert "depuis 1 j 0 h" in page
    assert "1 sans accusé" in (page := (await call(app, "/pairs")).text)
    assert "depuis 1 j 0 h" in page
    monkeypatch.setenv("TRAITDUNION_DATABASE_URL", database_url)
    monkeypatch.setattr(bootstrap, "clock", world.clock)
    shown, peer = [await _asked(*words) for words in (("trace", told.event), ("peers", "show", OPSI.id))]
    assert "opsi.example transmis, sans accusé depuis 1 j 0 h" in shown
    assert "sans accusé          1, attendus 1 j 0 h en vain" in peer
    world.clock.moved = timedelta()
    await told.says(numbered(told.event, labo="written"))
    assert (await told.at(OPSI.id, told.event)).state == ARRIVED


async def _asked(*words: str) -> str:
    import asyncio  # noqa: PLC0415 - commands that run loops of their own

    return (await asyncio.to_thread(CliRunner().invoke, command_line(), list(words))).output


async def test_who_is_suspended_still_tells_what_became_of_what_it_took(told: Teller) -> None:
    async with told.town.world.engine.begin() as connection:
        await connection.exec_driver_sql(f"UPDATE hub.peers SET grade = 'suspended' WHERE id = '{OPSI.id}'")  # noqa: S608 - a test's own
    await told.says(numbered(told.event, labo="written"))
    assert (told.reasons, (await told.at(OPSI.id, told.event)).state) == ([], ARRIVED)


async def test_pages_show_where_a_message_arrived_and_what_is_awaited(told: Teller) -> None:
    app = site(told.town.world.engine, HubSettings(), told.town.world.clock, FakeStreams())
    assert "transmis, accusé attendu" in (await call(app, f"/communautes/{COMMUNITY}")).text
    assert "1 attendu" in (page := (await call(app, "/pairs")).text)
    assert "ce serveur n’en donne pas" in page
    await told.says(numbered(told.event, labo="written"))
    for path in (f"/communautes/{COMMUNITY}", f"/messages/{told.event}"):
        page = (await call(app, path)).text
        assert "arrivé, accusé signé" in page
        assert "n° 42 dans « innovation », écrit dans 1 RSE sur 1" in page
        assert "transmis, sans accusé" in page
    assert "tous reçus" in (await call(app, "/pairs")).text
    change = (await call(app, f"/api/messages/{told.event}")).json()["changes"][0]
    assert next(one for one in change["transmissions"] if one["peer"] == OPSI.id)["word"]["nodes"] == {"labo": "written"}


async def test_commands_show_the_receipt(told: Teller, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await told.says(numbered(told.event, labo="written"))
    monkeypatch.setenv("TRAITDUNION_DATABASE_URL", database_url)
    runner = CliRunner()
    import asyncio  # noqa: PLC0415 - one test's need

    shown = await asyncio.to_thread(runner.invoke, command_line(), ["trace", told.event])
    assert "opsi.example arrivé, accusé signé" in shown.output
    assert "écrit dans 1 RSE sur 1" in shown.output
    assert "https://opsi.example/activities/r1" in shown.output
    peer = await asyncio.to_thread(runner.invoke, command_line(), ["peers", "show", OPSI.id])
    assert "accusés attendus     aucun" in peer.output
    others = await asyncio.to_thread(runner.invoke, command_line(), ["peers", "show", OTHERS])
    assert "ce serveur n'en donne pas" in others.output


async def test_words_are_forgotten_with_what_they_speak_of(told: Teller) -> None:
    await told.says(numbered(told.event, labo="written"))
    async with told.town.world.engine.begin() as connection:
        await forget_words(connection, told.town.world.clock() + timedelta(days=1))
    assert await told.town.world.rows("SELECT * FROM hub.peer_receipts") == []
