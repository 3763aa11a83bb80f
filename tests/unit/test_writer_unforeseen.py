"""A writer whose ledger or Kafka fails in a way that nobody foresaw: its record is tried again, and its dead letter is written once."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from adapters.last_door import Stopped, UnverifiedRecord
from adapters.ledger import LedgerUnavailable
from adapters.writer import Writer

if TYPE_CHECKING:
    from adapters.bench import Bench

RECORD = UnverifiedRecord("node.wifip.outbound.v1", 0, 7, 0, b"futurs", b"{}", ())
STOPPED = Stopped("envelope_malformed", "", "event", "0" * 64, 0, "")


class Node:
    """A writer over a ledger that fails as it is told, and a Kafka that keeps what it was given."""

    def __init__(self, *failures: Exception) -> None:
        self.failures, self.letters, self.waits, self.done = list(failures), list[dict[str, str]](), list[float](), 0
        self.bench = SimpleNamespace(
            name="rse", client=None, clock=lambda: datetime(2026, 3, 1, tzinfo=UTC), sleep=self._sleep, answered=lambda: None,
            trust=SimpleNamespace(wait=self._nothing), door=SimpleNamespace(check=lambda *_: STOPPED),
            instance=SimpleNamespace(node="wifip", organisation="F"), publisher=SimpleNamespace(publish=self._publish),
            applied=SimpleNamespace(close=self._close, ours=self._nothing), resyncs=SimpleNamespace(of=lambda _: None),
            receipts=SimpleNamespace(add=lambda _, done: done()),
        )  # fmt: skip

    async def handle(self) -> None:
        await Writer(cast("Bench", self.bench)).handle(RECORD, self._finish)

    def _finish(self) -> None:
        self.done += 1

    async def _nothing(self) -> None:
        """No registry is asked for."""

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def _publish(self, records: Any) -> None:
        self.letters += [{name: raw.decode() for name, raw in record.headers} for record in records]

    async def _close(self, delivery: Any, **said: Any) -> Any:
        del said
        if self.failures:
            raise self.failures.pop(0)
        return SimpleNamespace(delivery=delivery)


async def test_a_ledger_without_room_is_waited_for_and_the_dead_letter_is_written_once() -> None:
    node = Node(*[LedgerUnavailable("DiskFullError")] * 20)
    await node.handle()
    assert (node.done, len(node.waits), [letter["dlq_reason"] for letter in node.letters]) == (1, 20, ["envelope_malformed"])


async def test_a_record_that_cannot_even_be_given_up_is_tried_until_it_can_ever_more_slowly() -> None:
    node = Node(*[RuntimeError("words of a person")] * 5)
    await node.handle()
    assert (node.done, len(node.letters)) == (1, 1)
    assert node.waits == sorted(node.waits)
    assert len(node.waits) == 4
