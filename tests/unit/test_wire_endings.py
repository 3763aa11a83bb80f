"""What must be done whole, whoever cancels meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from schemas.wire.endings import to_its_end


async def test_work_is_seen_through_however_often_it_is_cancelled_meanwhile() -> None:
    done, goes_on = [], asyncio.Event()

    async def work() -> None:
        await goes_on.wait()
        done.append("all")

    ending = asyncio.ensure_future(to_its_end(work()))
    for _ in range(3):
        await asyncio.sleep(0)
        ending.cancel()
    await asyncio.sleep(0)
    assert not ending.done()
    goes_on.set()
    await asyncio.wait({ending})
    assert (ending.cancelled(), done) == (True, ["all"])


async def test_what_fails_says_so() -> None:
    async def work() -> None:
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        await to_its_end(work())


async def test_what_cuts_itself_off_cancels_nobody_else() -> None:
    async def work() -> None:
        raise asyncio.CancelledError

    await to_its_end(work())
