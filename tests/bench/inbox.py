"""Signed POST of a peer → acknowledged by Kafka: the peers' door on one core, its keys cached, beside its bare parts in the same run."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum, auto
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from aiohttp import web
from sqlalchemy import insert

from deploy.local import ports
from hub.federation.addresses import Addresses
from hub.storage.registry_tables import peers
from schemas import cavage, topics
from schemas.documents import sign_document
from schemas.http_signature import signed_fields
from schemas.keys import SigningKey
from schemas.rsa_keys import RsaSigningKey
from tests.bench import load
from tests.bench.connectors import answers
from tests.bench.report import AtLeast, Below, Figure, together
from tests.bench.stage import Busy, scene
from tests.bench.webhook import NotAllStored
from tests.hub_world import COMMUNITY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from deploy.local.process import Process
    from tests.bench.report import Report
    from tests.bench.stage import Scene, Stage

CONNECTIONS = 16
WARM, SECONDS = 1.0, 4.0
BROKER_WARM = 4.0  # a broker that has just started compiles what it does most; it is not what is measured
READY = 4_000
"""Requests signed beforehand for each second: what is signed meanwhile would be measured too."""
NOTE_BYTES = 1024
TARGET, PROVED_TARGET = 3_000, 1_600
P99 = 25
"""Milliseconds, at full rate as at the rate that is demanded."""
STREAMS = "https://www.w3.org/ns/activitystreams"


class Signed(Enum):
    """How a request bears its sender's word."""

    ED25519 = auto()
    PROVED = auto()
    CAVAGE = auto()


@dataclass(frozen=True)
class Sender:
    """An actor of a server elsewhere, with both keys."""

    base: str
    ed25519: SigningKey
    rsa: RsaSigningKey

    @classmethod
    def at(cls, base: str) -> Sender:
        actor = f"{base}/users/ines"
        return cls(base, SigningKey.generate(actor), RsaSigningKey.generate(actor))

    def document(self) -> dict[str, Any]:
        actor, multibase = self.ed25519.owner, self.ed25519.public.multibase
        return {
            "@context": [STREAMS, "https://w3id.org/security/v1"], "id": actor, "type": "Person", "name": "Inès", "inbox": f"{actor}/inbox",
            "publicKey": {"id": self.rsa.key_id, "owner": actor, "publicKeyPem": self.rsa.public_pem},
            "assertionMethod": [
                {"id": self.ed25519.key_id, "type": "Multikey", "controller": actor, "publicKeyMultibase": multibase},
            ],
        }  # fmt: skip


async def run(stage: Stage, report: Report) -> None:
    """Measure."""
    async with scene(stage, "inbox") as at:
        await at.make_topics()
        door_port = ports.free_port()
        async with _elsewhere(at) as sender:
            process = await _door(at, door_port)
            _all(await load.as_fast_as_it_goes(door_port, _requests(at, sender, door_port, Signed.ED25519, 4), BROKER_WARM, CONNECTIONS))
            measured = {signed: await _measured(at, sender, process, door_port, signed) for signed in Signed}
            steady = await _at_rate(at, sender, door_port, _demanded(measured))
            process.stop(seconds=5)
        uvicorn = await _bare_uvicorn(at, sender)
        verify = await at.measure("verify", "verify", "5000")
        produced = await at.measure("produce", "produce", at.names.of(topics.PEER_INBOUND))
    report.details["inbox"] = {"verify": verify, "produce": produced}
    ceilings = {
        Signed.ED25519: together(uvicorn, verify["ed25519"], produced["rate"]),
        Signed.PROVED: together(uvicorn, verify["ed25519"], verify["ed25519"], produced["rate"]),
        Signed.CAVAGE: together(uvicorn, verify["rsa"], produced["rate"]),
    }
    bounds = {Signed.ED25519: AtLeast(TARGET), Signed.PROVED: AtLeast(PROVED_TARGET), Signed.CAVAGE: None}
    for signed, (found, spent) in measured.items():
        of = {Signed.ED25519: "RFC 9421, Ed25519", Signed.PROVED: "et la preuve de l’objet", Signed.CAVAGE: "cavage, RSA"}[signed]
        report.add(
            Figure(
                "inbox", f"Activités gardées ({of})", found.rate, "/s", ceilings[signed], "uvicorn, vérifier, produire nus", bounds[signed]
            ),
            Figure("inbox", "  par seconde de processeur de la porte", len(found.latencies) / spent, "/s", ceilings[signed], "de même"),
            Figure(
                "inbox",
                f"  p99 à plein débit ({CONNECTIONS} connexions)",
                found.milliseconds(0.99),
                "ms",
                target=Below(P99) if signed is Signed.ED25519 else None,
            ),
        )
    report.add(
        Figure("inbox", f"  p99 à débit fixe ({steady.rate:.0f}/s)", steady.milliseconds(0.99), "ms", target=Below(P99)),
        Figure("inbox", "uvicorn nu", uvicorn, "/s"),
        Figure("inbox", "Ed25519 nu, vérifier", verify["ed25519"], "/s"),
        Figure("inbox", "RSA 2048 nu, vérifier", verify["rsa"], "/s"),
        Figure("inbox", "produce idempotent nu", produced["rate"], "/s"),
    )


def _demanded(measured: dict[Signed, tuple[load.Answers, float]]) -> float:
    """The rate that is demanded, where the door attains it; where it does not, half of what it does: more would measure how a backlog grows."""
    attained = measured[Signed.ED25519][0].rate
    return TARGET if attained >= TARGET else attained / 2


async def _at_rate(at: Scene, sender: Sender, port: int, rate: float) -> load.Answers:
    later = _requests(at, sender, port, Signed.ED25519, 1)
    ready = list(islice(later, int(SECONDS * rate)))
    return _all(await load.at_rate(port, chain(ready, later), rate, SECONDS, CONNECTIONS))


async def _measured(at: Scene, sender: Sender, process: Process, port: int, signed: Signed) -> tuple[load.Answers, float]:
    """As fast as it goes, and the processor seconds that the door spent on it."""
    warm = _requests(at, sender, port, signed, 2)
    _all(await load.as_fast_as_it_goes(port, warm, WARM, CONNECTIONS))
    later = _requests(at, sender, port, signed, 3)
    ready = list(islice(later, int(SECONDS * READY)))
    busy = Busy(process)
    found = _all(await load.as_fast_as_it_goes(port, chain(ready, later), SECONDS, CONNECTIONS))
    return found, busy.seconds


def _requests(at: Scene, sender: Sender, port: int, signed: Signed, series: int) -> Iterator[bytes]:
    """Notes of a kilobyte, each another one."""
    here = Addresses(f"http://{ports.LOOPBACK}:{port}")
    number = 0
    while True:
        number += 1
        body = _create(at, sender, here.group(COMMUNITY), f"{signed.value}-{series}-{number}", signed)
        now, kind = at.world.clock(), "application/activity+json"
        match signed:
            case Signed.CAVAGE:
                said = cavage.signed_fields(sender.rsa, "POST", here.shared_inbox, now, kind, body)
            case Signed.ED25519 | Signed.PROVED:
                said = signed_fields(sender.ed25519, "POST", here.shared_inbox, now, kind, body)
        fields = {**said, "Host": f"{ports.LOOPBACK}:{port}", "Content-Length": str(len(body))}
        head = "".join(f"{name}: {text}\r\n" for name, text in fields.items())
        yield f"POST /inbox HTTP/1.1\r\n{head}\r\n".encode() + body


def _create(at: Scene, sender: Sender, group: str, name: str, signed: Signed) -> bytes:
    to = {"to": [f"{STREAMS}#Public"], "cc": [group]}
    note = {"id": f"{sender.base}/notes/{name}", "type": "Note", "attributedTo": sender.ed25519.owner, **to, "content": ""}
    note |= {"published": at.world.clock().isoformat()}
    note["content"] = "x" * (NOTE_BYTES - len(json.dumps(note)))
    create = {"@context": STREAMS, "id": f"{note['id']}#create", "type": "Create", "actor": sender.ed25519.owner, **to, "object": note}
    return json.dumps(sign_document(create, sender.ed25519, at.world.clock()) if signed is Signed.PROVED else create).encode()


@asynccontextmanager
async def _elsewhere(at: Scene) -> AsyncIterator[Sender]:
    """The server whose actor sends, admitted."""
    port = ports.free_port()
    sender = Sender.at(f"http://{ports.LOOPBACK}:{port}")

    async def show(_: web.Request) -> web.Response:
        return web.Response(body=json.dumps(sender.document()).encode(), content_type="application/activity+json")

    app = web.Application()
    app.router.add_get("/users/ines", show)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, ports.LOOPBACK, port).start()
    now, peer = at.world.clock(), f"{ports.LOOPBACK}:{port}"
    row = {"id": peer, "name": peer, "organisation": "OPSI", "kind": "activitypub", "grade": "full", "cavage": True, "networks": []}
    async with at.world.engine.begin() as connection:
        await connection.execute(insert(peers).values(**row, anchor=None, applied_at=now, admitted_at=now))
        await connection.exec_driver_sql("UPDATE hub.communities SET audience = 'public'")
    try:
        yield sender
    finally:
        await runner.cleanup()


async def _door(at: Scene, port: int) -> Process:
    here = f"http://{ports.LOOPBACK}:{port}"
    SigningKey.generate(here).save(at.folder / "federation.pem")
    RsaSigningKey.generate(here).save(at.folder / "federation-rsa.pem")
    process = at.start(
        "peer-door", "-m", "hub", "peer-door", TRAITDUNION_FEDERATION_URL=here, TRAITDUNION_FEDERATION_PORT=str(port),
        TRAITDUNION_FEDERATION_LOOPBACK="true", TRAITDUNION_FEDERATION_KEY=str(at.folder / "federation.pem"),
        TRAITDUNION_FEDERATION_RSA_KEY=str(at.folder / "federation-rsa.pem"), TRAITDUNION_METRICS_PORT="0",
    )  # fmt: skip
    await answers(f"{here}/readyz", process)
    return process


async def _bare_uvicorn(at: Scene, sender: Sender) -> float:
    """What answers the same requests without reading them."""
    port = ports.free_port()
    process = at.start("uvicorn", "-m", "tests.bench.bare_uvicorn", str(port))
    await answers(f"http://{ports.LOOPBACK}:{port}/", process)
    ready = list(islice(_requests(at, sender, port, Signed.ED25519, 4), 500))
    again = chain.from_iterable(ready for _ in iter(int, 1))
    await load.as_fast_as_it_goes(port, again, WARM / 2, CONNECTIONS)
    return (await load.as_fast_as_it_goes(port, again, SECONDS / 2, CONNECTIONS)).rate


def _all(found: load.Answers) -> load.Answers:
    if set(found.kinds) != {"202"}:
        raise NotAllStored(dict(found.kinds))
    return found
