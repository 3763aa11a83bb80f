"""The pair by which the hub signs for other servers is replaced while activities come and go: nothing is lost, nothing valid refused."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import re
import signal
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import aiohttp
import pytest

from deploy.local.ports import free_port
from hub.federation.addresses import Addresses
from hub.registry import declaring
from hub.registry.declarations import Declaration, DeclaredOrganisation
from schemas.media_types import ACTIVITY_JSON
from tests import fakes_federation
from tests.fakes_key_keeping import AWAY, TAKEN, Keeps, KeyKeeper, keeping
from tests.fakes_streams import PATIENCE, Hub, becomes, until
from tests.hub_world import COMMUNITY, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from hub.unit_of_work import UnitOfWork
    from tests.servers import Kafka

LEAD = "3"
"""Seconds. A pair signs ten seconds after it became active."""
PROCESSES = {
    "peers": "worker_ready",
    "fanout": "worker_ready",
    "relay": "relay_started",
    "peer-door": "peer_door_started",
    "courier": "courier_started",
}


class Hall:
    """Ours, whole: processes under a supervisor, which a test holds back and has started anew."""

    def __init__(self, world: World, hub: Hub, port: int) -> None:
        self.world, self.hub, self.at = world, hub, Addresses(f"http://127.0.0.1:{port}")
        self.environment = {
            "TRAITDUNION_FEDERATION_URL": self.at.base, "TRAITDUNION_FEDERATION_PORT": str(port), "TRAITDUNION_FEDERATION_LOOPBACK": "true",
            "TRAITDUNION_FEDERATION_KEY": str(hub.folder / "federation.pem"),
            "TRAITDUNION_FEDERATION_RSA_KEY": str(hub.folder / "federation-rsa.pem"), "TRAITDUNION_FEDERATION_PASSPHRASE": "une phrase",
        }  # fmt: skip
        self.commands = 0

    @property
    def group(self) -> str:
        return self.at.group(COMMUNITY)

    async def begin(self) -> None:
        """Keys, tables, topics, and everything that runs."""
        await self.runs("keys", "generate", "federation-rsa", self.environment["TRAITDUNION_FEDERATION_RSA_KEY"])
        anchor = await self.runs("keys", "generate", "federation", self.environment["TRAITDUNION_FEDERATION_KEY"])
        self.environment["TRAITDUNION_FEDERATION_ANCHOR"] = anchor.strip()
        self.world.rules = replace(self.world.rules, federation_anchor=anchor.strip())
        async with self.world.engine.begin() as connection:
            await connection.exec_driver_sql("UPDATE hub.communities SET audience = 'public'")
        self.hub.prepare(self.world)
        self.hub.environment |= self.environment
        self.hub.up(*PROCESSES)
        for name in PROCESSES:
            await until(functools.partial(self.started, name))

    async def runs(self, *words: str) -> str:
        """A command, as the operator gives it; what it said."""
        self.commands += 1
        running = self.hub.start(f"command-{self.commands}", "-m", "hub", *words, **self.environment)
        assert await running.ended() == 0, running.log.read_text()
        return running.log.read_text()

    def started(self, name: str) -> int:
        """How often one of them has begun to work."""
        return len(self.hub.lines(name, PROCESSES[name]))

    def send(self, name: str, number: signal.Signals) -> None:
        """Send a signal to one of them."""
        os.kill([line["pid"] for line in self.hub.supervisor.said("process_started") if line["name"] == name][-1], number)

    async def begins_anew(self, name: str, number: signal.Signals = signal.SIGTERM) -> None:
        """End one of them, and wait until its supervisor's next one works."""
        before = self.started(name)
        self.send(name, number)
        await until(lambda: self.started(name) > before)

    async def admits(self, *servers: KeyKeeper) -> None:
        """Software that signs no manifest: declared, then approved by two people."""

        async def use(work: UnitOfWork, authority: str) -> None:
            said = Declaration(authority=authority, organisation=DeclaredOrganisation(name="OPSI"), cavage=True, issued=self.world.clock())
            await declaring.declare(said, "Ce logiciel ne signe pas de manifeste.", await fakes_federation.present(work), work)
            await fakes_federation.approve(f"peer/{authority}", work)

        for server in servers:
            await self.world.work(functools.partial(use, authority=server.actor.server))

    async def rotates(self) -> None:
        """The operator's two commands."""
        out, token = self.hub.folder / "annonce.json", self.hub.folder / "anne.jeton"
        await self.runs("keys", "announce-pair", "--out", str(out))
        await self.world.work(fakes_federation.present)
        token.write_text(fakes_federation.TOKENS["anne"])
        self.environment["TRAITDUNION_PERSON_TOKEN_FILE"] = str(token)
        await self.runs("keys", "rotate", str(out), "--lead", LEAD)

    async def two_days_pass(self) -> None:
        """The former pair comes to its end."""
        async with self.world.engine.begin() as connection:
            await connection.exec_driver_sql("UPDATE hub.federation_keys SET retired_at = now() WHERE retired_at IS NOT NULL")
        await self.world.work(lambda work: work.publish_registry())

    async def pairs(self) -> list[str]:
        """What each pair is now, the oldest first."""
        return [one["state"] for one in json.loads(await self.runs("keys", "list", "--json"))]

    async def keys_shown(self) -> tuple[set[str], str]:
        """What our Group's document shows: the ids of its Ed25519 keys, and its RSA key."""
        async with aiohttp.ClientSession() as http, http.get(self.group, headers={"Accept": ACTIVITY_JSON}) as answer:
            document = json.loads(await answer.read())
        return {one["publicKeyMultibase"] for one in document["assertionMethod"]}, document["publicKey"]["publicKeyPem"]

    async def heard(self) -> int:
        """How many messages stand in the community."""
        return int((await self.world.rows("SELECT count(*) AS number FROM hub.messages"))[0]["number"])


@pytest.fixture
async def hall(kafka: Kafka, database_url: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Hall]:
    made = Hall(await World.make(database_url), Hub(kafka.bootstrap, database_url, topic_prefix, tmp_path), free_port())
    try:
        await made.begin()
        yield made
    finally:
        made.hub.discard()
        await made.world.close()


@asynccontextmanager
async def said_all_the_while(server: KeyKeeper, answers: list[int]) -> AsyncIterator[None]:
    """Somebody elsewhere speaks for as long as the block; what a door that restarts does not take is said again, as every server does."""
    enough = asyncio.Event()

    async def speak(http: aiohttp.ClientSession) -> None:
        while not enough.is_set():
            try:
                status = await server.posts(http, f"Parole {server.said}.")
            except aiohttp.ClientError:
                status = AWAY
            if status == AWAY:
                server.said -= 1
            else:
                answers.append(status)
            await asyncio.sleep(1.0)

    async with aiohttp.ClientSession() as http, asyncio.TaskGroup() as tasks:
        tasks.create_task(speak(http))
        try:
            yield
        finally:
            enough.set()


@pytest.mark.long
async def test_the_pair_is_replaced_under_load_and_nothing_is_lost(hall: Hall) -> None:
    servers, answers = [KeyKeeper(keeps, hall.group) for keeps in Keeps], list[int]()
    speaker = KeyKeeper(Keeps.EACH_BY_ITS_ID, hall.group)
    async with keeping(*servers, speaker):
        await hall.admits(*servers, speaker)
        async with aiohttp.ClientSession() as http:
            for server in servers:
                await becomes(functools.partial(server.follows, http), wanted=True)
                await until(functools.partial(server.of_kind, "Accept"))
        before = await hall.keys_shown()
        async with said_all_the_while(speaker, answers):
            await _all_told(servers, 5)
            hall.send("peers", signal.SIGSTOP)  # what the former pair signs waits in the topic until the next one signs
            await hall.rotates()
            for name in ("peer-door", "courier"):
                await until(functools.partial(hall.hub.lines, name, "federation_pair_follows"))
            assert await hall.pairs() == ["former", "signing"]
            await hall.begins_anew("peers", signal.SIGKILL)
            await _all_told(servers, speaker.said + 3)
            for name in ("courier", "peer-door"):
                await hall.begins_anew(name)
            await _all_told(servers, speaker.said + 3)
            servers[-1].known.clear()  # its day is over before the former pair's two
            await hall.two_days_pass()
            await becomes(hall.pairs, ["ended", "signing"])
            _move(hall.hub.folder)
            for name in ("peer-door", "courier"):
                await hall.begins_anew(name)
            await _all_told(servers, speaker.said + 3)
        await becomes(hall.heard, speaker.said)
        await _all_told(servers, speaker.said)
    assert set(answers) == {TAKEN}
    for server in servers:
        assert len(set(server.signed_by)) == 2, server.keeps
    after = await hall.keys_shown()
    assert (len(before[0] | after[0]), len(after[0]), before[1] == after[1]) == (2, 1, False)
    for log in hall.hub.folder.glob("*.log"):
        assert not {"provenance_key_refused", "federation_pair_missing", "NoPairSigns"} & set(re.findall(r"\w+", log.read_text())), log.name
    assert await hall.world.rows("SELECT 1 FROM hub.peer_refusals") == []


async def _all_told(servers: Sequence[KeyKeeper], number: int) -> None:
    await until(lambda: all(len(server.told) >= number for server in servers), 2 * PATIENCE)


def _move(folder: Path) -> None:
    """The operator's last step."""
    for name in ("federation.pem", "federation-rsa.pem"):
        (folder / f"{name}.next").rename(folder / name)
