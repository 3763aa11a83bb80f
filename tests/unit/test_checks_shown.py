"""What `/readyz` finds stands among the metrics too: an alert sees nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client import REGISTRY

from adapters.gateway import application as gateway
from hub.settings import HubSettings
from hub.site import site
from hub.storage.engine import engine_for
from schemas.wire.telemetry import Health, pages
from tests.fakes_asgi import call
from tests.fakes_hub import NOW, FakeStreams

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web


def shown(check: str) -> float | None:
    return REGISTRY.get_sample_value("traitdunion_check_failing", {"check": check})


async def of_a_gateway(health: Health) -> None:
    assert (await call(gateway({}, health), "/metrics")).status == 200


async def of_another_process(health: Health) -> None:
    answer: web.Response = await pages(health)["/metrics"](None)
    assert answer.status == 200


@pytest.mark.parametrize("asked", [of_a_gateway, of_another_process])
async def test_a_check_that_fails_is_seen_until_it_does_no_longer(asked: Callable[[Health], Awaitable[None]]) -> None:
    well = {"ledger": False, "kafka": True}
    health = Health({"ledger": lambda: well["ledger"], "kafka": lambda: well["kafka"]})
    await asked(health)
    assert (shown("ledger"), shown("kafka")) == (1, 0)
    well["ledger"] = True
    await asked(health)
    assert (shown("ledger"), shown("kafka")) == (0, 0)


async def test_a_site_whose_database_does_not_answer_tells_its_metrics_all_the_same() -> None:
    app = site(engine_for("postgresql://nobody@127.0.0.1:1/none"), HubSettings(operator_token=None), lambda: NOW, FakeStreams())
    answer = await call(app, "/metrics")
    assert answer.status == 200
    assert 'traitdunion_check_failing{check="database"} 1.0' in answer.text
