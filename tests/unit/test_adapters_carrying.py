"""A write whose answer never came: looked for, and once more when the RSE has had time to do it behind our first look."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from adapters.carrying import SETTLES_SECONDS, Carrier
from adapters.port import Act, Later, Never, Order, Written

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from adapters.bench import Bench
    from adapters.port import WriteOutcome

DONE = Written("copy:1", "v1")


@dataclass
class SlowRse:
    """An RSE that answers a write in vain and does it later: while somebody waits."""

    answers: list[WriteOutcome]
    done_after: float = float("inf")
    """How long we must have slept until the write that was not answered is done."""
    slept: list[float] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def turn(self, order: Order) -> None:
        del order

    async def divided(self, order: Order) -> list[Order]:
        return [order]

    async def find(self, order: Order) -> Written | Later | None:
        del order
        self.asked.append("find")
        return DONE if sum(self.slept) >= self.done_after else None

    async def write(self, order: Order) -> WriteOutcome:
        del order
        self.asked.append("write")
        return self.answers.pop(0)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def carried(self, *, act: Act = Act.POSTED, again: bool = False, known: bool = False) -> Written | Never:
        """What becomes of an order; `again` after the process that began it has died, `known` where the ledger says that it was begun."""

        async def intend(order: Order, now: datetime) -> bool:
            del order, now
            return known

        async def through(attempt: Callable[[], Awaitable[WriteOutcome]]) -> Written | Never:
            while isinstance(outcome := await attempt(), Later):
                pass
            return outcome

        bench = SimpleNamespace(
            name="rse", client=self, applied=SimpleNamespace(intend=intend), pause=SimpleNamespace(through=through), sleep=self.sleep,
            clock=lambda: datetime.now(UTC),
        )  # fmt: skip
        carrier = Carrier(cast("Bench", bench))
        order = Order(act, "key", "subject", "97", native_id=None if act is Act.POSTED else "copy:1")
        carrier.to_look_for |= {order.key} if again else set()
        return (await carrier.carry_out(order)).outcome


@pytest.mark.parametrize("reason", ["timeout", "unreachable", "status_502", "status_504"])
async def test_a_message_that_is_written_behind_our_first_look_is_not_written_again(reason: str) -> None:
    rse = SlowRse([Later(reason), DONE], done_after=SETTLES_SECONDS)
    assert await rse.carried() == DONE
    assert rse.asked == ["write", "find", "find"]


async def test_a_message_that_nobody_wrote_is_written_after_two_looks() -> None:
    rse = SlowRse([Later("timeout"), DONE])
    assert await rse.carried() == DONE
    assert rse.asked == ["write", "find", "find", "write"]


async def test_what_another_process_began_is_looked_for_twice() -> None:
    rse = SlowRse([DONE], done_after=SETTLES_SECONDS)
    assert await rse.carried(again=True) == DONE
    assert rse.asked == ["find", "find"]


async def test_what_another_process_is_just_writing_is_looked_for_twice() -> None:
    rse = SlowRse([DONE], done_after=SETTLES_SECONDS)
    assert await rse.carried(known=True) == DONE
    assert rse.asked == ["find", "find"]


async def test_what_the_rse_put_off_itself_is_looked_for_once() -> None:
    rse = SlowRse([Later("rate_limited"), DONE])
    assert await rse.carried() == DONE
    assert (rse.asked, rse.slept) == (["write", "find", "write"], [])


@pytest.mark.parametrize("act", [Act.EDITED, Act.DELETED])
async def test_what_may_be_done_twice_is_not_waited_for(act: Act) -> None:
    rse = SlowRse([Later("timeout"), DONE])
    assert await rse.carried(act=act) == DONE
    assert rse.slept == []
