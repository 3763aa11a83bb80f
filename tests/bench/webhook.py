"""Webhook → durably stored: the gateway on one core, beside bare uvicorn and bare idempotent produce."""

from __future__ import annotations

from contextlib import asynccontextmanager
from itertools import islice
from typing import TYPE_CHECKING

from deploy.local import ports
from schemas import topics
from tests.bench import load
from tests.bench.connectors import answers, instance_of, prepare_ledger, registry_of, start_gateway, tie_in_ledger, webhooks
from tests.bench.report import AtLeast, Below, Figure, together
from tests.bench.stage import Busy, scene

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.bench.connectors import Gateway
    from tests.bench.report import Report
    from tests.bench.stage import Scene, Stage

NODE = "wifip"
URL = "http://rse.example"
WARM, SECONDS, BARE_SECONDS = 1.5, 6.0, 3.0
STORED = "200 kafka"


class NotAllStored(AssertionError):
    """The gateway answered something else than durably stored in Kafka, so its rate would mean nothing."""


async def run(stage: Stage, report: Report) -> None:
    """Measure."""
    async with scene(stage, "webhook") as at, gateway_at(at) as gateway:
        requests = webhooks(gateway.port, NODE, URL)
        sample = next(requests)
        await load.as_fast_as_it_goes(gateway.port, requests, WARM)
        busy = Busy(gateway.process)
        full = _all_stored(await load.as_fast_as_it_goes(gateway.port, requests, SECONDS))
        spent = busy.seconds
        half = _all_stored(await load.at_rate(gateway.port, requests, full.rate / 2, SECONDS))
        agreed = _all_stored(await load.at_rate(gateway.port, requests, 750, SECONDS))
        gateway.process.stop(seconds=5)
        uvicorn = await _bare_uvicorn(at)
        produced = await at.measure("produce", "produce", at.names.of(topics.RSE_INBOUND))
    both = together(uvicorn.rate, produced["rate"])
    report.details["webhook"] = {"request_bytes": len(sample), "produce": produced, "answers": dict(full.kinds)}
    report.add(
        Figure("webhook", "Webhooks durablement gardés", full.rate, "/s", both, "uvicorn nu + produce nu", AtLeast(1500)),
        Figure("webhook", "  par seconde de processeur de la passerelle", len(full.latencies) / spent, "/s"),
        Figure("webhook", "  part du cœur obtenue (le reste : attente, voisins)", spent / (full.ended - full.began), "×"),
        Figure("webhook", "  p50 à plein débit (64 connexions)", full.milliseconds(0.5), "ms"),
        Figure("webhook", "  p99 à plein débit", full.milliseconds(0.99), "ms"),
        Figure("webhook", f"  p50 à la moitié ({half.rate:.0f}/s)", half.milliseconds(0.5), "ms"),
        Figure("webhook", f"  p99 à la moitié ({half.rate:.0f}/s)", half.milliseconds(0.99), "ms", target=Below(25)),
        Figure("webhook", "  p99 à 750/s", agreed.milliseconds(0.99), "ms", target=Below(25)),
        Figure("webhook", "uvicorn nu (même corps, même réponse)", uvicorn.rate, "/s"),
        Figure("webhook", "produce idempotent nu (mêmes enregistrements)", produced["rate"], "/s"),
    )


@asynccontextmanager
async def gateway_at(at: Scene) -> AsyncIterator[Gateway]:
    """A gateway at work, its space tied."""
    await at.make_topics(*topics.of_node(NODE))
    await prepare_ledger(at)
    await tie_in_ledger(at, NODE, NODE)
    async with registry_of(at) as registry:
        yield await start_gateway(at, {NODE: instance_of(at, NODE, URL)}, registry)


def _all_stored(found: load.Answers) -> load.Answers:
    if set(found.kinds) != {STORED}:
        raise NotAllStored(dict(found.kinds))
    return found


async def _bare_uvicorn(at: Scene) -> load.Answers:
    port = ports.free_port()
    process = at.start("uvicorn", "-m", "tests.bench.bare_uvicorn", str(port))
    await answers(f"http://{ports.LOOPBACK}:{port}/", process)
    requests = _again(list(islice(webhooks(port, NODE, URL), 500)))
    await load.as_fast_as_it_goes(port, requests, WARM / 3)
    return await load.as_fast_as_it_goes(port, requests, BARE_SECONDS)


def _again(requests: list[bytes]) -> Iterator[bytes]:
    while True:
        yield from requests
