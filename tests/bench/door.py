"""Signed event → durably stored: the node door on one core, beside the webhook door on the same core in the same run."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from deploy.local import ports
from schemas import node_door
from schemas.envelope import CONTENT_TYPE
from schemas.facts.message import Author, Content, MessagePosted
from schemas.http_signature import signed_fields
from schemas.node_door import to_http
from tests.bench import load
from tests.bench.connectors import WORDS, answers, webhooks
from tests.bench.report import AtLeast, Below, Figure
from tests.bench.stage import Busy, scene
from tests.bench.webhook import NODE, STORED, URL, NotAllStored, gateway_at
from tests.hub_world import NODES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.report import Report
    from tests.bench.stage import Scene, Stage

WARM, SECONDS = 1.0, 5.0
MOST = 4_000
"""Signed requests made ready for each second: more than the door can take."""


async def run(stage: Stage, report: Report) -> None:
    """Measure."""
    async with scene(stage, "door") as at:
        async with gateway_at(at) as gateway:
            requests = webhooks(gateway.port, NODE, URL)
            await load.as_fast_as_it_goes(gateway.port, requests, WARM)
            busy = Busy(gateway.process)
            beside = _all(await load.as_fast_as_it_goes(gateway.port, requests, SECONDS), STORED)
            per_second_beside = len(beside.latencies) / busy.seconds
            gateway.process.stop(seconds=5)
        port = ports.free_port()
        process = at.start(
            "door", "-m", "hub", "door", TRAITDUNION_DOOR_PORT=str(port), TRAITDUNION_REGISTRY_ANCHOR=at.world.hub_key.public.multibase
        )
        await answers(f"http://{ports.LOOPBACK}:{port}/readyz", process)
        ready = list(islice(_signed(at, port), int(WARM * MOST / 2)))
        await load.as_fast_as_it_goes(port, iter(ready), WARM / 2)
        sent = iter(list(islice(_signed(at, port), int(SECONDS * MOST))))
        busy = Busy(process)
        found = _all(await load.as_fast_as_it_goes(port, sent, SECONDS), "202")
        spent = busy.seconds
        half = _all(await load.at_rate(port, _signed(at, port), min(found.rate / 2, 750), SECONDS), "202")
    report.details["door"] = {"webhook": beside.rate, "answers": dict(found.kinds)}
    report.add(
        Figure(
            "door", "Demandes signées durablement gardées", found.rate, "/s", beside.rate, "porte des webhooks", AtLeast(0.7 * beside.rate)
        ),
        Figure(
            "door",
            "  par seconde de processeur de la porte",
            len(found.latencies) / spent,
            "/s",
            per_second_beside,
            "de la passerelle",
            AtLeast(0.7 * per_second_beside),
        ),
        Figure("door", "  p50 à plein débit (64 connexions)", found.milliseconds(0.5), "ms"),
        Figure("door", "  p99 à plein débit", found.milliseconds(0.99), "ms"),
        Figure("door", f"  p99 à {half.rate:.0f}/s", half.milliseconds(0.99), "ms", target=Below(25)),
    )


def _signed(at: Scene, port: int) -> Iterator[bytes]:
    """Signed requests of about a kilobyte of content, each another event under its node's own proof."""
    path, key = node_door.EVENTS.format(node=NODE), at.world.keys[NODE]
    number = 0
    while True:
        number += 1
        content = Content(html=f"<p>{WORDS}</p>", text=WORDS)
        fact = MessagePosted(space=NODES[NODE], author=Author(name="Camille Roux", organisation=NODE), content=content)
        record = at.world.record(NODE, fact, f"post:{number}", marker=str(number))
        value = record.value or b""
        said = {
            **to_http(record.headers),
            **signed_fields(key, "POST", f"http://{ports.LOOPBACK}:{port}{path}", at.world.clock(), CONTENT_TYPE, value),
            "Host": f"{ports.LOOPBACK}:{port}",
            "Content-Length": str(len(value)),
        }
        head = "".join(f"{name}: {text}\r\n" for name, text in said.items())
        yield f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + value


def _all(found: load.Answers, kind: str) -> load.Answers:
    if set(found.kinds) != {kind}:
        raise NotAllStored(dict(found.kinds))
    return found
