"""A connector process that is cut off from Kafka alone: what it still had to write, its successor writes, and newer words stay."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from adapters.applied import Applied
from adapters.bench import Bench
from adapters.last_door import LastDoor, UnverifiedRecord
from adapters.ledger import Ledger, migrate
from adapters.patience import Pause
from adapters.port import Act, Later, Order, WriteOutcome
from adapters.resyncs import Resyncs
from adapters.ties import Tie, Ties, TieState
from adapters.writer import Writer
from schemas.facts.message import MessageDeleted, MessageEdited
from schemas.facts.tie import TieRefused
from schemas.keys import SigningKey
from schemas.manifest import Registry
from schemas.wire.records import new_correlation, to_headers
from schemas.words import Audience
from tests.fakes_adapters import COMMUNITY, PATIENCE, Hub, Rig, posted, said_by
from tests.fakes_plain import SPACE, PlainRse, an_instance

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from schemas.facts.base import Fact

NODE = "wifip"
NAME = "rse"


@dataclass
class Ministry:
    """One ledger, one RSE, and the processes that write into it."""

    ledger: Ledger
    rse: PlainRse
    hub: Hub
    folder: Path
    offset: int = 0

    async def process(self) -> Writer:
        """A connector process to which the broker has just given the partition."""
        ties, resyncs, instance = Ties(self.ledger, NAME), Resyncs(self.ledger, NAME), an_instance(self.folder, NODE)
        registry = Registry.open(self.hub.registry(), self.hub.key.public.multibase, datetime.now(UTC))
        parts: dict[str, Any] = {
            "client": self.rse,
            "trust": SimpleNamespace(wait=_always(registry)),
            "asking": SimpleNamespace(missed_of=_always(None)),
            "handshake": SimpleNamespace(fresh=lambda _: True),
            "receipts": SimpleNamespace(recall=_always(None), add=lambda _, done: done()),
            "publisher": SimpleNamespace(publish=_always([])),
        }
        writer = Writer(
            Bench(
                NAME, instance, door=LastDoor(NODE, "hub"), applied=Applied(self.ledger, NAME), ties=ties, resyncs=resyncs,
                pause=Pause(NAME, _soon, lambda: 0.0), answered=lambda: None, clock=lambda: datetime.now(UTC), sleep=_soon, **parts,
            )
        )  # fmt: skip
        await writer.recall()
        return writer

    def record(self, fact: Fact, native: str = "$1") -> UnverifiedRecord:
        """The next record of the node's topic."""
        self.offset += 1
        by_hub = isinstance(fact, TieRefused)
        event = said_by(self.hub.key if by_hub else self.hub.nodes["education"], fact, native, marker=str(self.offset))
        headers = tuple(to_headers(event, new_correlation(), self.hub.numbered(event, NODE)))
        return UnverifiedRecord("node", 0, self.offset, int(datetime.now(UTC).timestamp() * 1000), COMMUNITY.encode(), event.value, headers)

    @asynccontextmanager
    async def paused(self, writer: Writer, record: UnverifiedRecord) -> AsyncIterator[Callable[[], None]]:
        """A record in the hands of a process whose RSE asked it to wait; the function lets it go on."""
        asked, go_on = asyncio.Event(), asyncio.Event()

        async def later(_: Order) -> WriteOutcome:
            asked.set()
            await go_on.wait()
            return Later("rate_limited")

        self.rse.answers.append(later)
        handling = asyncio.create_task(writer.handle(record, lambda: None))
        async with asyncio.timeout(PATIENCE):
            await asked.wait()
        try:
            yield go_on.set
        finally:
            with suppress(TimeoutError):
                await asyncio.wait_for(handling, 2.0)

    @property
    def shown(self) -> list[str]:
        """What the RSE was made to show, in that order."""
        return [order.content.text if order.content else order.act.value for order in self.rse.written]


def _always(answer: object) -> Callable[..., Any]:
    async def tell(*_: object) -> object:
        return answer

    return tell


async def _soon(_: float) -> None:
    await asyncio.sleep(0.01)


def edited(text: str) -> MessageEdited:
    return MessageEdited(**posted(text).model_dump())


@pytest.fixture
async def ministry(database_url: str, tmp_path: Path) -> AsyncIterator[Ministry]:
    await asyncio.to_thread(migrate, database_url)
    ledger = await Ledger.open(database_url, size=5)
    hub = Hub(nodes={NODE: SigningKey.generate(NODE), "education": SigningKey.generate("education")})
    tie = Tie(
        SPACE, COMMUNITY, "F", Audience.MEMBERS, Audience.MEMBERS, externals=False, state=TieState.CONFIRMED, renewed_at=datetime.now(UTC)
    )
    await Ties(ledger, NAME).put(tie)
    yield Ministry(ledger, PlainRse(), hub, tmp_path)
    await ledger.close()


async def handled(writer: Writer, *records: UnverifiedRecord) -> None:
    async with asyncio.timeout(PATIENCE):
        for record in records:
            await writer.handle(record, lambda: None)


async def test_an_edit_that_waited_in_a_process_cut_off_is_not_written_over_the_one_that_came_after_it(ministry: Ministry) -> None:
    cut_off = await ministry.process()
    await handled(cut_off, ministry.record(posted("un")))
    older, newer = ministry.record(edited("deux")), ministry.record(edited("trois"))
    async with ministry.paused(cut_off, older) as go_on:
        await handled(await ministry.process(), older, newer)
        ministry.rse.kept.clear()  # the newer words took the older ones' marker with them
        go_on()
    assert ministry.shown == ["un", "deux", "trois"]


async def test_what_was_deleted_since_is_not_written_anew_by_a_process_cut_off(ministry: Ministry) -> None:
    cut_off = await ministry.process()
    message, deletion = ministry.record(posted("un")), ministry.record(MessageDeleted(space="ailleurs"))
    async with ministry.paused(cut_off, message) as go_on:
        await handled(await ministry.process(), message, deletion)
        ministry.rse.kept.clear()  # deleted, it is found no more
        go_on()
    assert ministry.shown == ["un", Act.DELETED.value]


async def test_what_it_had_not_begun_is_not_begun(ministry: Ministry) -> None:
    cut_off = await ministry.process()
    message, edit, last = ministry.record(posted("un")), ministry.record(edited("deux")), ministry.record(edited("trois"))
    await handled(cut_off, message)
    await handled(await ministry.process(), edit, last)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(cut_off.handle(edit, lambda: None), 0.5)
    assert ministry.shown == ["un", "deux", "trois"]


async def test_an_older_word_on_a_tie_changes_nothing_any_more(ministry: Ministry) -> None:
    cut_off, refused = await ministry.process(), ministry.record(TieRefused(node=NODE, space=SPACE, reason="not_proposed"), "tie")
    await ministry.process()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(cut_off.handle(refused, lambda: None), 0.5)
    kept = Ties(ministry.ledger, NAME)
    await kept.load()
    assert kept.of(SPACE) is not None


async def test_a_write_that_was_under_way_takes_nothing_back_of_what_the_other_has_noted(ministry: Ministry) -> None:
    cut_off = await ministry.process()
    message, edit, deletion = (
        ministry.record(posted("un")),
        ministry.record(edited("deux")),
        ministry.record(MessageDeleted(space="ailleurs")),
    )
    await handled(cut_off, message)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(order: Order) -> WriteOutcome:
        begun.set()
        await go_on.wait()
        return await ministry.rse.keep(order)

    ministry.rse.answers.append(slow)
    writing = asyncio.create_task(cut_off.handle(edit, lambda: None))
    async with asyncio.timeout(PATIENCE):
        await begun.wait()
    await handled(await ministry.process(), edit, deletion)
    go_on.set()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(writing, 0.5)
    async with ministry.ledger.connection() as connection:
        assert await connection.fetchval("SELECT deleted FROM objects WHERE native_id = 'copy:1'")
        assert await connection.fetchval("SELECT count(*) FROM intents WHERE state = 'open'") == 0
        assert await connection.fetchval("SELECT count(*) FROM receipts") == 3


async def test_who_is_given_the_partition_again_goes_on_where_the_other_ended(ministry: Ministry) -> None:
    first = await ministry.process()
    message, edit, last = ministry.record(posted("un")), ministry.record(edited("deux")), ministry.record(edited("trois"))
    await handled(first, message)
    await handled(await ministry.process(), edit)
    await first.recall()
    await handled(first, edit, last)
    assert ministry.shown == ["un", "deux", "trois"]


async def test_a_process_that_was_overtaken_by_one_that_is_gone_takes_its_place_anew_and_goes_on(rig: Rig) -> None:
    async with rig.running():
        await rig.tie()
        await rig.value("UPDATE adapters.tenures SET number = number + 1 RETURNING 1")
        await rig.deliver(*(said_by(rig.hub.nodes["education"], posted(text), f"${text}") for text in ("un", "deux")))
        await rig.receipts(3)
    assert [order.content.text for order in rig.rse.written if order.content] == ["un", "deux"]
