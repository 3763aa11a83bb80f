"""Fedify, a framework that others wrote, as a server of its own, and our real processes: each follows and hears the other."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from hub.federation.delivery import Scheme
from tests.fakes_neighbour import Neighbour, beside, declared, found
from tests.fakes_streams import CLONE, Hub, becomes
from tests.hub_world import COMMUNITY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.servers import Kafka

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]
FOLDER = CLONE / "tests" / "real" / "fedify"
NODE = shutil.which("node")
if NODE is None or not (FOLDER / "node_modules").is_dir():
    pytest.skip(
        "Fedify runs on Node.js 20 or later, which this machine has not, or `make test-real` has not installed it", allow_module_level=True
    )
REFUSED = {
    "unsigned": [(401, "signature_missing")],
    "altered": [(401, "body_digest_mismatch")],
    "elsewhere": [(401, "signature_invalid")],
    "cavage": [(401, "cavage_not_allowed")],
    "replayed": [(202, None), (401, "signature_replayed")],
    "proof": [(403, "proof_invalid")],
    "stolen": [(403, "object_of_another_origin")],
    "borrowed": [(403, "announce_by_non_group")],
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fedify(
    kafka: Kafka, database_of_module: str, topics_of_module: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Neighbour]:
    hub = Hub(kafka.bootstrap, database_of_module, topics_of_module, tmp_path_factory.mktemp("fedify"))
    async with beside(Neighbour, hub, (str(NODE), str(FOLDER / "peer.mjs")), declared) as both:
        yield both


async def received(fedify: Neighbour, kind: str, word: str = "", holds: str = "") -> dict[str, Any]:
    """The first activity of a kind that Fedify believed and gave to its listeners, once it is there."""

    async def those() -> list[dict[str, Any]]:
        heard = (await fedify.shows("/heard"))["heard"]
        return [
            one for one in heard if one["type"] == kind and word in json.dumps(one, ensure_ascii=False) and holds in one.get("holds", "")
        ]

    return await found(those)


async def test_fedify_finds_and_reads_what_we_show(fedify: Neighbour) -> None:
    account = f"acct:{COMMUNITY}@{fedify.here.partition('://')[2]}"
    seen = await fedify.tell("look", group=fedify.group)
    assert (seen["type"], seen["name"], seen["handle"]) == ("Group", "Futurs Publics", account)
    assert (seen["software"], set(seen["self"])) == ("traitdunion", {fedify.group})
    assert [key.partition("#")[2][:4] for key in seen["keys"]] == ["main", "z6Mk"]
    note = await fedify.ministry_says("post:lu", "Lu par Fedify")
    read = await fedify.tell("read", url=note)
    assert (read["type"], read["author"]) == ("Note", fedify.ministry)
    assert "Lu par Fedify" in read["content"]
    outbox = await fedify.tell("collect", url=f"{fedify.group}/outbox")
    assert 0 < len(outbox["items"]) <= outbox["total"]  # what a Group elsewhere passed on is counted, and not told again
    assert set(outbox["items"]) == {"Announce"}


async def test_fedify_follows_and_believes_what_a_ministry_says_edits_and_takes_back(fedify: Neighbour) -> None:
    follow = await fedify.tell("follow", group=fedify.group)
    assert follow["status"] == 202, follow
    accept = await received(fedify, "Accept")
    assert (accept["actor"], accept["object"]) == (fedify.group, follow["id"])
    note = await fedify.ministry_says("post:entendu", "Bonjour de Bercy")
    announce = await received(fedify, "Announce", "Bonjour de Bercy", "Create")
    assert (announce["actor"], announce["made"], announce["author"]) == (fedify.group, note, fedify.ministry)
    routed = await received(fedify, "Routed", announce["object"])
    assert routed["believed"], "what the Group passed on is not what the ministry's own address tells"
    await fedify.hub.publish(fedify.world.edited("wifip", "post:entendu", "Bonsoir de Bercy"))
    update = await received(fedify, "Update", "Bonsoir de Bercy")
    assert (update["actor"], update["object"]) == (fedify.ministry, note)
    await becomes(fedify.remembered, Scheme.RSA)


async def test_what_fedify_says_with_its_proof_is_a_message_of_the_community_until_it_is_taken_back(fedify: Neighbour) -> None:
    asked = await fedify.ministry_says("post:question", "Qui vient de loin ?")
    said = await fedify.tell("say", group=fedify.group, html="<p>Bonjour de Fedify</p>", answers=asked)
    assert said["status"] == 202, said
    note = said["made"]
    posted = await fedify.heard("message.posted", lambda fact: (fact.get("external") or {}).get("object") == note)
    assert posted["content"]["text"] == "Bonjour de Fedify"
    assert (posted["author"]["name"], posted["author"]["organisation"]) == ("Inès Morel", f"{fedify.peer} · externe")
    seen = json.loads(posted["external"]["provenance"])
    assert (seen["peer_key"], seen["peer_scheme"]) == (f"{fedify.there}/users/ines#main-key", "rfc9421")
    assert json.loads(posted["external"]["activity"])["proof"]["cryptosuite"] == "eddsa-jcs-2022"
    await fedify.tell("edit", group=fedify.group, note=note, html="<p>Bonjour à tous</p>")
    edited = await fedify.heard("message.edited", lambda fact: fact.get("external") is not None)
    assert edited["content"]["text"] == "Bonjour à tous"
    await fedify.tell("delete", group=fedify.group, note=note)
    await fedify.heard("message.deleted")


async def test_what_fedify_likes_is_liked_until_it_likes_it_no_longer(fedify: Neighbour) -> None:
    ministry = await fedify.ministry_says("post:aime", "À aimer")
    await set_and_take_back(fedify, "like", "Like", ministry, "👍")
    await set_and_take_back(fedify, "react", "EmojiReact", ministry, "🎉")


async def set_and_take_back(fedify: Neighbour, order: str, kind: str, message: str, emoji: str) -> None:
    """A reaction from its first day to its last."""
    mine = await fedify.tell(order, group=fedify.group, message=message, emoji=emoji)
    assert mine["status"] == 202, mine
    added = await fedify.heard("reaction.added", lambda fact: fact["emoji"] == emoji)
    assert added["author"]["name"] == "Inès Morel"
    await fedify.tell("undo", group=fedify.group, activity=mine["id"], kind=kind, message=message)
    await fedify.heard("reaction.removed", lambda fact: (fact.get("external") or {}).get("object") == mine["id"])


async def test_what_a_forum_on_fedify_passes_on_is_read_in_the_community_that_follows_it(fedify: Neighbour) -> None:
    forum = f"{fedify.there}/users/forum"
    asking = fedify.hub.start("follow", "-m", "hub", "communities", "follow", COMMUNITY, forum)
    assert await asking.ended() == 0
    follow = await received(fedify, "Follow", forum)
    assert (follow["actor"], follow["object"]) == (fedify.group, forum)
    await becomes(lambda: state_of(fedify, forum), "accepted")
    passed_on = await fedify.tell("passOn", group=fedify.group, html="<p>Bonjour du forum</p>")
    assert passed_on["status"] == 202, passed_on
    posted = await fedify.heard("message.posted", lambda fact: (fact.get("external") or {}).get("via") == forum)
    assert (posted["content"]["text"], posted["author"]["name"]) == ("Bonjour du forum", "Inès Morel")
    assert (posted["external"]["actor"], posted["external"]["server"]) == (f"{fedify.there}/users/ines", fedify.peer)


async def state_of(fedify: Neighbour, group: str) -> str:
    """How far our follow of a group is."""
    rows = await fedify.world.rows('SELECT "group", state FROM hub.follows')
    return next(str(row["state"]) for row in rows if row["group"] == group)


async def test_what_is_forged_by_fedifys_own_hand_is_refused_by_name(fedify: Neighbour) -> None:
    message = await fedify.ministry_says("post:vole", "À ne pas voler")
    for how, refusals in REFUSED.items():
        answers = await fedify.tell("forge", group=fedify.group, how=how, message=message)
        assert [(one["status"], one["reason"]) for one in answers] == refusals, how
