"""bovine, an ActivityPub library that others wrote, as a server of its own, and our real processes: each follows and hears the other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from hub.federation.delivery import Scheme
from tests.fakes_neighbour import Neighbour, applying, beside, found
from tests.fakes_streams import CLONE, Hub, becomes
from tests.hub_world import COMMUNITY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

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


class Both(Neighbour):
    """Our hub and bovine's server."""

    async def came(self) -> list[dict[str, Any]]:
        """Every signed request that came to bovine, in order."""
        found: list[dict[str, Any]] = await self.shows("/heard")
        return found

    async def received(self, kind: str, words: str = "") -> dict[str, Any]:
        """The first activity of a kind that bovine took into its inbox, once it is there."""

        async def those() -> list[dict[str, Any]]:
            return [one for one in await self.came() if one.get("activity", {}).get("type") == kind and words in one["text"]]

        return await found(those)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(
    kafka: Kafka, database_of_module: str, topics_of_module: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Both]:
    streams = Hub(kafka.bootstrap, database_of_module, topics_of_module, tmp_path_factory.mktemp("bovine"))
    async with beside(Both, streams, (str(PYTHON), str(PROGRAM)), applying) as one:
        yield one


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
