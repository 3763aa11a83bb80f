"""What ledger or Kafka missed is decided a second time: it must come to the same event, or to none where Kafka has it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from adapters.memory import KnownObject
from adapters.port import Act, Change
from adapters.sorting import NotStored
from adapters.spool import Kind, Record, Row, SpoolFull, pack_change
from schemas.envelope import object_id
from tests.fakes_plain import SPACE, change_of
from tests.unit.test_adapters_admission import NOW, Desk, desk

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["desk"]
EARLY, LATE = "2026-03-01T10:00:00.000Z", "2026-03-01T11:00:00.000Z"


def known(desk: Desk, **said: Any) -> None:
    """One own message that the ledger knows, taken back at EARLY or standing as it was then."""
    one = KnownObject("post:1", object_id(desk.instance.node, "post:1"), "own", None, (EARLY,), SPACE, "futurs")
    desk.memory.objects["post:1"] = replace(one, **said)


def edit(desk: Desk, **said: Any) -> Change:
    return change_of({"what": "edit", "id": "post:1", "version": EARLY, **said}, desk.instance)


def full(desk: Desk) -> None:
    """From now on Kafka is away and the spool has no room."""

    async def put(_: Sequence[Record]) -> Any:
        raise SpoolFull

    desk.out.put = put  # type: ignore[method-assign, assignment]  # a transport that fails


def markers(desk: Desk) -> list[str]:
    return [dict(record.headers)["ce_changemarker"].decode() for record in desk.out.records]


async def tried(desk: Desk, change: Change) -> Any:
    async with asyncio.timeout(5):
        return await desk.admission.admit([change], b"{}", "0" * 32)


async def kept(desk: Desk, change: Change) -> None:
    """It comes again until it is stored: what was just refused may still be on its way, and is shared by who comes at once."""
    async with asyncio.timeout(5):
        while isinstance(await desk.admission.admit([change], b"{}", "0" * 32), NotStored):
            pass


UNDELETED = {"deleted": True}, {"asked": EARLY}
GIVEN_BACK = {"settled": (f"{EARLY}/{EARLY}",)}, {"version": LATE}


@pytest.mark.parametrize(("stood", "said"), [UNDELETED, GIVEN_BACK], ids=["undeleted", "given_back"])
async def test_what_neither_kafka_nor_the_spool_took_is_the_same_event_when_it_comes_again(
    desk: Desk, stood: dict[str, Any], said: dict[str, Any]
) -> None:
    desk.memory.open.set()
    known(desk, **stood)
    change = replace(edit(desk), **said)
    real, before = desk.out.put, dict(desk.memory.objects)
    full(desk)
    assert await tried(desk, change) == NotStored("spool_full")
    assert desk.memory.objects == before
    desk.out.put = real  # type: ignore[method-assign]  # as above
    await kept(desk, change)
    assert markers(desk) == [f"edit-{EARLY} after {EARLY}" if "asked" in said else f"edit-{EARLY}"]


async def test_history_that_nobody_took_is_not_known_to_have_been_told(desk: Desk) -> None:
    desk.memory.open.set()
    full(desk)
    assert await tried(desk, replace(edit(desk), act=Act.POSTED, history=True)) == NotStored("spool_full")
    assert desk.memory.objects == {}


async def test_what_nobody_took_is_told_in_the_same_words_when_it_is_decided_apart(desk: Desk) -> None:
    desk.memory.open.set()
    desk.memory.unfit = frozenset({"post:2"})
    known(desk, deleted=True)
    change, other = replace(edit(desk), asked=EARLY), change_of({"what": "post", "id": "post:2"}, desk.instance)
    full(desk)
    async with asyncio.timeout(5):
        await asyncio.gather(*(desk.admission.admit([one], b"{}", "0" * 32) for one in (change, other)))
    assert desk.memory.objects["post:1"].deleted


async def test_what_was_parked_is_told_though_the_spool_was_full_when_its_turn_came(desk: Desk) -> None:
    desk.memory.open.set()
    known(desk, settled=(f"{EARLY}/{EARLY}",))
    spool, gone = desk.admission._seat.spool, list[int]()

    async def first(kind: Kind, _limit: int) -> list[Row]:
        return [Row(1, pack_change(edit(desk, version=LATE)), Record("", b"", b"", []), NOW)] if kind is Kind.PARKED else []

    async def remove(_: Kind, positions: Sequence[int]) -> None:
        gone.extend(positions)
        spool.waiting[Kind.PARKED] = 0

    spool.first, spool.remove, real = first, remove, desk.out.put  # type: ignore[method-assign, assignment]  # as above
    full(desk)
    spool.waiting[Kind.PARKED] = 1
    await tried(desk, change_of({"what": "delete", "id": "post:9"}, desk.instance))
    assert (gone, desk.memory.objects["post:1"].versions) == ([], (EARLY,))
    desk.out.put = real  # type: ignore[method-assign]  # as above
    await tried(desk, change_of({"what": "delete", "id": "post:9"}, desk.instance))
    assert (gone, markers(desk)) == ([1], [f"edit-{LATE}"])
