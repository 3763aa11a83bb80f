"""An RSE that does not answer what a webhook left out is asked once a webhook, not once a change."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from adapters.gateway import Counter, application
from adapters.port import Act, Incomplete, Later, Outcome
from adapters.sorting import Stored
from schemas.wire.telemetry import Health
from tests.fakes_asgi import call
from tests.fakes_plain import SECRET, PlainAdapter, PlainRse, an_instance

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Leaving(PlainAdapter):
    """Webhooks that leave out three things."""

    def translate(self, *_: object) -> Sequence[Outcome]:
        return [Incomplete(f"post:{number}", Act.EDITED) for number in range(3)]


class Silent(PlainRse):
    """It never answers, and counts how often it was asked."""

    asked = 0

    async def complete(self, incomplete: Incomplete) -> Later:
        del incomplete
        self.asked += 1
        return Later("timeout")


class Admitted:
    """Keeps what came through the door."""

    outcomes: Sequence[Outcome] = ()

    def __init__(self) -> None:
        self.asking = asyncio.Lock()

    def to_be_asked(self, incomplete: Incomplete) -> bool:
        del incomplete
        return True

    async def admit(self, outcomes: Sequence[Outcome], body: bytes, correlation: str) -> Stored:
        del body, correlation
        self.outcomes = outcomes
        return Stored(())


async def test_a_silent_rse_is_asked_once_and_all_that_is_left_out_waits(tmp_path: Path) -> None:
    rse, admission = Silent(), Admitted()
    counter: Any = Counter("rse", an_instance(tmp_path), Leaving(), rse, admission)  # type: ignore[arg-type]  # fakes
    app: Any = application({"rse": counter}, Health({}))
    answer = await call(app, "/webhooks/rse", method="POST", headers={"x-token": SECRET}, body=b"{}")
    assert (answer.status, rse.asked) == (200, 1)
    assert [type(outcome) for outcome in admission.outcomes] == [Incomplete] * 3
