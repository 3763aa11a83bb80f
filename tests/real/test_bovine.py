"""bovine, an ActivityPub library that others wrote, as a server of its own, and our real processes: each follows and hears the other."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import pytest_asyncio

from deploy.local.ports import LOOPBACK, free_ports
from hub.federation import positions
from hub.federation.delivery import Scheme
from hub.registry import admission
from schemas.application_faults import check, sign
from schemas.envelope import object_id
from schemas.keys import SigningKey
from tests.fakes_application import CHARTER, peer_draft
from tests.fakes_federation import approve
from tests.fakes_streams import CLONE, PATIENCE, Hub, Running, becomes, headers_of
from tests.hub_world import COMMUNITY, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from aiokafka import ConsumerRecord

    from hub.unit_of_work import UnitOfWork
    from tests.servers import Kafka

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]
PYTHON = CLONE / ".venv-bovine" / "bin" / "python"
PROGRAM = CLONE / "tests" / "real" / "bovine" / "peer.py"
REFUSED = {
    "unsigned": [(401, "signature_missing")],
    "altered": [(401, "body_digest_mismatch")],
    "elsewhere": [(401, "signature_invalid")],
    "replayed": [(202, None), (401, "signature_replayed")],
}


@dataclass
class Both:
    """Our hub, bovine's server, and who speaks between them."""

    here: str
    there: str
    world: World
    hub: Hub
    session: aiohttp.ClientSession

    @property
    def group(self) -> str:
        return f"{self.here}/groups/{COMMUNITY}"

    @property
    def peer(self) -> str:
        return self.there.partition("://")[2]

    async def tell(self, order: str, **said: Any) -> Any:
        """Bovine does something."""
        async with self.session.post(f"{self.there}/told/{order}", json=said) as answer:
            assert answer.status == 200, (order, (self.hub.folder / "bovine.log").read_text()[-3000:])
            return await answer.json()

    async def came(self) -> list[dict[str, Any]]:
        """Every signed request that came to bovine, in order."""
        async with self.session.get(f"{self.there}/came") as answer:
            found: list[dict[str, Any]] = await answer.json()
            return found

    async def received(self, kind: str, words: str = "") -> dict[str, Any]:
        """The first activity of a kind that bovine took into its inbox, once it is there."""
        found: list[dict[str, Any]] = []
        async with asyncio.timeout(PATIENCE):
            while not found:
                await asyncio.sleep(0.1)
                found = [one for one in await self.came() if one.get("activity", {}).get("type") == kind and words in one["text"]]
        return found[0]

    async def ministry_says(self, native: str, words: str) -> str:
        """A ministry posts; the address of its Note, once it is there."""
        await self.hub.publish(self.world.posted("wifip", native, words))
        note = f"{self.here}/notes/{object_id('wifip', native)}"
        await answering(self.session, note)
        return note

    async def remembered(self) -> Scheme | None:
        """The signature by which our courier begins with bovine."""
        async with self.world.engine.connect() as connection:
            found = (await positions.standings(connection)).get(self.peer)
        return None if found is None else found.scheme

    async def heard(self, kind: str, fits: Callable[[dict[str, Any]], bool] = lambda _: True) -> dict[str, Any]:
        """The first event of a kind on its way to a ministry."""

        def those(records: list[ConsumerRecord]) -> list[dict[str, Any]]:
            facts = [json.loads(one.value) for one in records if headers_of(one)["ce_type"] == f"fr.gouv.rse.{kind}.v1"]
            return [fact for fact in facts if fits(fact)]

        return those(await self.hub.read("node.wifip.outbound.v1", lambda found: bool(those(found))))[0]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(
    kafka: Kafka, database_of_module: str, topics_of_module: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Both]:
    folder = tmp_path_factory.mktemp("bovine")
    door, theirs = free_ports(2)
    here, there = f"http://{LOOPBACK}:{door}", f"http://{LOOPBACK}:{theirs}"
    hub, world = Hub(kafka.bootstrap, database_of_module, topics_of_module, folder), await World.make(database_of_module)
    try:
        hub.prepare(world)
        async with world.engine.begin() as connection:
            await connection.exec_driver_sql("UPDATE hub.communities SET audience = 'public'")
        await world.tie("wifip")
        await world.work(partial(_admit, there.partition("://")[2]))
        await _start(hub, here, door)
        hub.processes.append(Running("bovine", [str(PYTHON), str(PROGRAM), str(theirs)], {}, folder, folder))
        async with aiohttp.ClientSession() as session:
            made = Both(here, there, world, hub, session)
            await answering(session, f"{here}/readyz", f"{there}/came")
            yield made
    finally:
        hub.discard()
        await world.close()


async def _admit(authority: str, work: UnitOfWork) -> None:
    """Its manifest, which says that it signs by cavage, and two people's approval."""
    key, now = SigningKey.generate(authority), work.clock()
    said = peer_draft(key, now=now, platform="bovine", peering={"kind": "activitypub", "cavage": True, "networks": []})
    await admission.apply(check(sign(said, key, now), CHARTER, now), work)
    await approve(f"peer/{authority}", work)


async def _start(hub: Hub, here: str, port: int) -> None:
    """The keys by our own command line, then all processes that federation needs."""
    hub.environment |= {
        "TRAITDUNION_FEDERATION_URL": here,
        "TRAITDUNION_FEDERATION_PORT": str(port),
        "TRAITDUNION_FEDERATION_KEY": str(hub.folder / "federation.pem"),
        "TRAITDUNION_FEDERATION_RSA_KEY": str(hub.folder / "federation-rsa.pem"),
        "TRAITDUNION_FEDERATION_LOOPBACK": "true",
    }
    for kind in ("federation", "federation-rsa"):
        assert await hub.start(kind, "-m", "hub", "keys", "generate", kind, str(hub.folder / f"{kind}.pem")).ended() == 0
    public = SigningKey.load("x", hub.folder / "federation.pem").public.multibase
    hub.environment["TRAITDUNION_FEDERATION_ANCHOR"] = public
    for words in (("worker", "inbound"), ("worker", "peers"), ("worker", "fanout"), ("relay",), ("courier",), ("peer-door",)):
        hub.start("-".join(words), "-m", "hub", *words)


async def answering(session: aiohttp.ClientSession, *urls: str) -> None:
    """Wait until each of them is there."""

    async def well(url: str) -> bool:
        try:
            async with session.get(url) as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    for url in urls:
        await becomes(partial(well, url), wanted=True)


async def test_bovine_finds_and_reads_what_we_show(both: Both) -> None:
    seen = await both.tell("look", base=both.here, name=COMMUNITY)
    account = f"acct:{COMMUNITY}@{both.here.partition('://')[2]}"
    assert seen == {"actor": both.group, "host": f"{both.here}/actor", "subject": account, "software": "traitdunion"}
    group = await both.tell("read", url=both.group)
    assert (group["document"]["type"], group["document"]["name"], group["account"]) == ("Group", "Futurs Publics", account)
    main, modern = group["keys"]
    assert main == f"{both.group}#main-key"
    assert modern.startswith(f"{both.group}#z6Mk")
    note = await both.ministry_says("post:lu", "Lu par bovine")
    read = await both.tell("read", url=note)
    assert read["author"] == f"{both.here}/nodes/wifip"
    assert "Lu par bovine" in read["document"]["content"]
    assert read["document"][f"{both.here}/ns/v1#ministryEvent"]["@value"]["salt"]
    outbox = await both.tell("collect", url=f"{both.group}/outbox")
    assert outbox["total_items"] == len(outbox["items"]) > 0


async def test_bovine_follows_and_hears_a_ministry_by_the_signature_that_it_knows(both: Both) -> None:
    follow = await both.tell("follow", group=both.group)
    assert follow["status"] == 202, follow
    accept = await both.received("Accept")
    assert accept["signer"] == both.group
    assert await both.tell("accepted", activity=accept["activity"]) == follow["activity"]["id"]
    note = await both.ministry_says("post:entendu", "Bonjour de Bercy")
    announce = await both.received("Announce", "Bonjour de Bercy")
    assert (announce["signer"], announce["public"]) == (both.group, True)
    assert await both.tell("created", activity=announce["activity"]["object"]) == [note, f"{both.here}/nodes/wifip"]
    tried = [one["scheme"] for one in await both.came() if one["path"] == "/inbox"]
    assert tried[:3] == ["rfc9421", "rfc9421", "cavage"]
    assert set(tried[3:]) == {"cavage"}
    await becomes(both.remembered, Scheme.CAVAGE)
    reads = [one for one in await both.came() if one["path"] == "/actor" and one["signer"]]
    assert {(one["scheme"], one["signer"]) for one in reads} == {("cavage", f"{both.here}/actor")}


async def test_what_bovine_says_is_a_message_of_the_community_until_it_is_taken_back(both: Both) -> None:
    made = await both.tell("say", group=both.group, html="<p>Bonjour de bovine</p>")
    note = made["activity"]["object"]["id"]
    posted = await both.heard("message.posted", lambda fact: (fact.get("external") or {}).get("object") == note)
    assert posted["content"]["text"] == "Bonjour de bovine"
    assert (posted["author"]["name"], posted["author"]["organisation"]) == ("Inès Morel", f"{both.peer} · externe")
    assert posted["external"]["actor"] == f"{both.there}/actor"
    seen = json.loads(posted["external"]["provenance"])
    assert (posted["external"]["server"], seen["peer_key"], seen["peer_scheme"]) == (both.peer, f"{both.there}/actor#main-key", "cavage")
    await both.tell("edit", group=both.group, note=note, html="<p>Bonjour à tous</p>")
    edited = await both.heard("message.edited")
    assert (edited["content"]["text"], edited["author"]["organisation"]) == ("Bonjour à tous", f"{both.peer} · externe")
    ministry = await both.ministry_says("post:aime", "À aimer")
    like = await both.tell("like", group=both.group, message=ministry)
    liked = await both.heard("reaction.added")
    assert (liked["emoji"], liked["author"]["name"]) == ("👍", "Inès Morel")
    await both.tell("undo", group=both.group, activity=like["activity"])
    await both.heard("reaction.removed")
    await both.tell("delete", group=both.group, note=note)
    await both.heard("message.deleted")


async def test_what_is_unsigned_altered_sent_elsewhere_or_twice_is_refused_by_name(both: Both) -> None:
    for how, refusals in REFUSED.items():
        answers = await both.tell("forge", group=both.group, how=how)
        assert [(one["status"], one["reason"]) for one in answers] == refusals, how
