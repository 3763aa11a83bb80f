"""What comes again because the ledger was away for a moment is not overtaken by what waited behind it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from adapters import admission
from adapters.ledger import LedgerUnavailable
from adapters.sorting import NotStored, Stored
from tests.unit.test_adapters_admission import Desk, desk

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from adapters.memory import Known, KnownObject

__all__ = ["desk"]


@pytest.mark.parametrize("method", ["recall", "remember"])
async def test_what_waits_behind_what_the_ledger_failed_on_comes_again_too(
    desk: Desk, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "BATCH", 1)
    desk.memory.open.set()
    real = getattr(desk.memory, method)
    failed = list[str]()

    def fail_once(found: Iterable[str]) -> None:
        if "post:2" in found and not failed:
            failed.append(method)
            raise LedgerUnavailable

    async def recall(references: Iterable[str], actors: Iterable[str]) -> Known:
        asked = list(references)
        fail_once(asked)
        known: Known = await real(asked, actors)
        return known

    async def remember(objects: Sequence[KnownObject]) -> None:
        fail_once([one.native_id for one in objects])
        await real(objects)

    monkeypatch.setattr(desk.memory, method, {"recall": recall, "remember": remember}[method])
    async with asyncio.timeout(5):
        answers = await asyncio.gather(*(desk.ask(what="post", id=f"post:{number}") for number in range(1, 6)))
        assert isinstance(answers[0], Stored)
        assert answers[1:] == [NotStored("ledger_unavailable")] * 4
        assert isinstance(await desk.ask(what="post", id="post:2"), Stored)
    assert desk.admission.refusals == 4
