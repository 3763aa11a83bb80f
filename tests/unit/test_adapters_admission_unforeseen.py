"""What nobody foresaw, in an admission: every webhook is answered, the loop goes on, and one event's fault costs no other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from adapters import admission
from adapters.ledger import LedgerUnavailable
from adapters.sorting import NotStored, Stored
from tests.unit.test_adapters_admission import Desk, desk

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from adapters.memory import Known, KnownObject

__all__ = ["desk"]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "PAUSE_SECONDS", 0)


class Unforeseen(Exception):
    """Nothing that anybody wrote a clause for."""


def failing_for(desk: Desk, method: str, native_id: str) -> None:
    """One of the ledger's methods fails for one object."""
    real = getattr(desk.memory, method)

    async def recall(references: Iterable[str], actors: Iterable[str]) -> Known:
        if native_id in (asked := list(references)):
            raise Unforeseen
        found: Known = await real(asked, actors)
        return found

    async def remember(objects: Sequence[KnownObject]) -> None:
        if native_id in {one.native_id for one in objects}:
            raise Unforeseen
        await real(objects)

    setattr(desk.memory, method, {"recall": recall, "remember": remember}[method])


@pytest.mark.parametrize("method", ["recall", "remember"])
async def test_who_made_it_fail_is_told_to_come_again_and_the_others_are_kept(desk: Desk, method: str) -> None:
    desk.memory.open.set()
    failing_for(desk, method, "post:2")
    async with asyncio.timeout(5):
        answers = await asyncio.gather(*(desk.ask(what="post", id=f"post:{number}") for number in (1, 2, 3)))
        later = await desk.ask(what="post", id="post:4")
    assert answers[1] == NotStored("admission_failed")
    assert all(isinstance(answer, Stored) for answer in (answers[0], answers[2], later))
    assert desk.admission.refusals == 1


async def test_kafka_that_fails_in_a_new_way_has_all_come_again_and_the_loop_goes_on(desk: Desk) -> None:
    desk.memory.open.set()
    real = desk.out.put

    async def put(_: Any) -> Any:
        raise Unforeseen

    desk.out.put = put  # type: ignore[method-assign, assignment]  # a transport that fails
    async with asyncio.timeout(5):
        assert await desk.ask(what="post", id="post:1") == NotStored("admission_failed")
        desk.out.put = real  # type: ignore[method-assign]  # as above
        assert isinstance(await desk.ask(what="post", id="post:1"), Stored)


@pytest.mark.parametrize(
    ("error", "reason"), [(Unforeseen(), "admission_failed"), (LedgerUnavailable("DiskFullError"), "ledger_unavailable")]
)
async def test_a_spool_that_cannot_be_served_has_those_who_wait_come_again(desk: Desk, error: Exception, reason: str) -> None:
    desk.memory.open.set()

    async def drain() -> None:
        raise error

    desk.out.drain = drain  # type: ignore[method-assign]  # as above
    desk.admission._seat.spool.waiting["record"] = 1  # type: ignore[index]
    async with asyncio.timeout(5):
        assert await desk.ask(what="post", id="post:1") == NotStored(reason)
        desk.admission._seat.spool.waiting.clear()
        assert isinstance(await desk.ask(what="post", id="post:1"), Stored)
