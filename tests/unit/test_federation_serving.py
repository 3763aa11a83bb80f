"""What strangers read at the peers' door: one address for people and for machines, and nothing that is not public."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.federation import webfinger
from hub.federation.negotiation import Offer, wished
from hub.federation.remote import RemoteActor, read_actor
from hub.federation.serving import AT_ONCE
from schemas.actor_keys import ActorKey
from schemas.media_types import ACTIVITY_JSON, LD_JSON, holds_activity
from tests.fakes_asgi import Answer, call
from tests.fakes_hub import NOW
from tests.fakes_published import ED25519, HERE, KEYS, ROOM, RSA, SEAT, InMemory, door, said

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


async def get(path: str, accept: str = ACTIVITY_JSON, shown: InMemory | None = None, known: str = "") -> Answer:
    headers = {"accept": accept, **({"if-none-match": known} if known else {})}
    return await call(door(shown or InMemory()), path, headers=headers)


@pytest.mark.parametrize(
    ("accept", "offer"),
    [
        ("", Offer.ACTIVITY),
        ("*/*", Offer.ACTIVITY),
        (BROWSER, Offer.PAGE),
        ("text/html", Offer.PAGE),
        ("text/*;q=0.5", Offer.PAGE),
        (ACTIVITY_JSON, Offer.ACTIVITY),
        (LD_JSON, Offer.LINKED),
        ("application/ld+json", Offer.LINKED),
        (f"{ACTIVITY_JSON}, {LD_JSON}", Offer.ACTIVITY),
        (f"{LD_JSON}, {ACTIVITY_JSON};q=0.9", Offer.LINKED),
        ("text/html;q=0.2, application/activity+json;q=0.8", Offer.ACTIVITY),
        ("text/html;q=0.8, application/activity+json;q=0.2", Offer.PAGE),
        ("*/*, application/activity+json;q=0, application/ld+json;q=0", Offer.PAGE),
        ("application/*", Offer.ACTIVITY),
        ('application/ld+json; profile="https://other.example/ns"', None),
        ("image/png", None),
        ("application/json", None),
        ("text/html;q=0", None),
        ("text/html;q=2", Offer.ACTIVITY),
        ("nonsense", Offer.ACTIVITY),
        (", ,", Offer.ACTIVITY),
        ("text/html," * 500, Offer.ACTIVITY),
    ],
)
def test_who_asks_gets_what_is_wished_most(accept: str, offer: Offer | None) -> None:
    assert wished(accept) is offer


@given(st.text(max_size=80) | st.text(st.sampled_from('aq/*;=", .019'), max_size=80))
def test_whatever_is_accepted_something_is_chosen_or_nothing(accept: str) -> None:
    assert wished(accept) in {*Offer, None}


ACTORS = [("/actor", "Application"), (f"/groups/{ROOM.id}", "Group"), (f"/nodes/{SEAT.id}", "Organization")]


@pytest.mark.parametrize(("path", "kind"), ACTORS)
async def test_an_actor_has_boxes_a_name_and_both_keys_under_its_own_name(path: str, kind: str) -> None:
    answer = await get(path)
    assert (answer.status, answer.headers["content-type"]) == (200, ACTIVITY_JSON)
    document = answer.json()
    found = read_actor(document, NOW)
    assert isinstance(found, RemoteActor)
    assert (found.id, found.kind) == (HERE.base + path, kind)
    assert (found.inbox, found.shared_inbox) == (HERE.shared_inbox if kind == "Application" else f"{found.id}/inbox", HERE.shared_inbox)
    main, multikey = found.key(f"{found.id}#main-key"), found.key(f"{found.id}#{KEYS.ed25519[0].multibase}")
    assert isinstance(main, ActorKey)
    assert isinstance(multikey, ActorKey)
    assert main.verifies(RSA.sign(b"x"), b"x")
    assert multikey.verifies(ED25519.sign(b"x"), b"x")
    assert document["outbox"] == f"{found.id}/outbox"
    meanings = {"publicKey": "https://w3id.org/security/v1", "assertionMethod": "https://www.w3.org/ns/did/v1"}
    assert set(meanings.values()) < set(document["@context"])


async def test_a_group_has_what_other_group_servers_ask_of_one() -> None:
    document = (await get(f"/groups/{ROOM.id}")).json()
    asked = {
        "id",
        "type",
        "preferredUsername",
        "name",
        "summary",
        "inbox",
        "outbox",
        "followers",
        "featured",
        "endpoints",
        "publicKey",
        "published",
    }
    assert asked <= document.keys()
    assert document["manuallyApprovesFollowers"] is False
    assert "<Cie>" not in document["summary"]


@pytest.mark.parametrize("path", ["/", "/actor", f"/groups/{ROOM.id}", f"/nodes/{SEAT.id}", "/notes/m1"])
async def test_people_get_a_page_at_the_same_address(path: str) -> None:
    shown = InMemory({"m1": said("m1", '<p onclick="x()">Bonjour<img src="https://spy.example/x.png"><script>y()</script></p>')})
    page = await get(path, BROWSER, shown)
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["vary"] == "Accept"
    assert '<html lang="fr">' in page.text
    assert not any(forbidden in page.text for forbidden in ("<script", "onclick", "<img", "spy.example"))
    assert "default-src 'none'" in page.headers["content-security-policy"]
    machine = await get(path, LD_JSON, shown)
    assert machine.headers["content-type"] == LD_JSON
    assert machine.headers["vary"] == "Accept"


async def test_a_community_shows_people_how_to_follow_it_and_what_was_said() -> None:
    shown = InMemory({"m1": said("m1"), "m2": said("m2", parent="m1", title="Un <b>titre</b>"), "m3": said("m3", "", deleted=True)})
    page = (await get(f"/groups/{ROOM.id}", BROWSER, shown)).text
    assert "@futurs-publics@hub.example" in page
    assert "Futurs Publics &amp; &lt;Cie&gt;" in page
    assert page.index("supprimé") < page.index("Un &lt;b&gt;titre")
    assert page.count("Inès Exemple") == 2  # of who deleted her message, no name stays
    assert "Ministère des finances" in page


async def test_what_nobody_wishes_is_not_given() -> None:
    answer = await get("/actor", "image/png")
    assert (answer.status, answer.json()["reason"]) == (406, "not_acceptable")


@pytest.mark.parametrize("path", ["/groups/interne", "/groups/interne/outbox", "/groups/interne/followers", "/groups/interne/featured",
                                  "/nodes/nobody", "/nodes/nobody/outbox", f"/nodes/{SEAT.id}/secrets", "/notes/none", "/activities/none", "/elsewhere"])  # fmt: skip
@pytest.mark.parametrize("accept", [ACTIVITY_JSON, BROWSER])
async def test_what_is_not_public_is_not_there(path: str, accept: str) -> None:
    answer = await get(path, accept)
    assert answer.status == 404
    assert ("<h1>" in answer.text) is (accept == BROWSER)


async def test_a_deleted_message_is_gone_and_says_so() -> None:
    shown = InMemory({"m1": said("m1", deleted=True)})
    answer = await get("/notes/m1", shown=shown)
    assert (answer.status, answer.json()["type"], answer.json()["id"]) == (410, "Tombstone", HERE.note("m1"))
    assert "supprimé" in (await get("/notes/m1", BROWSER, shown)).text


async def test_a_message_is_shown_with_its_ministrys_proof_while_that_is_kept() -> None:
    kept = {"id": HERE.note("m1"), "type": "Note", "ministryEvent": {"salt": "00"}}
    shown = InMemory({"m1": said("m1"), "m2": said("m2", '<p>Bon<img src="https://spy.example/"></p>', parent="m1")}, {"m1": kept})
    assert (await get("/notes/m1", shown=shown)).json() == kept
    note = (await get("/notes/m2", shown=shown)).json()
    assert (note["attributedTo"], note["inReplyTo"], note["audience"]) == (HERE.node(SEAT.id), HERE.note("m1"), HERE.group(ROOM.id))
    assert note["content"].startswith("<p><strong>Inès Exemple (Ministère des finances)</strong>")
    assert "spy" not in note["content"]


async def test_what_a_peer_said_stands_at_its_own_server() -> None:
    shown = InMemory({"m1": said("m1")}, {"m1": "https://peer.example/notes/1"})
    answer = await get("/notes/m1", shown=shown)
    assert (answer.status, answer.headers["location"]) == (302, "https://peer.example/notes/1")


async def test_what_a_peer_said_is_never_given_to_machines_as_ours_even_where_its_address_is_forgotten() -> None:
    shown = InMemory({"m1": dataclasses.replace(said("m1"), abroad=True)})
    answer = await get("/notes/m1", shown=shown)
    assert (answer.status, answer.json()["reason"]) == (404, "message_unknown")
    assert "Inès Exemple" in (await get("/notes/m1", BROWSER, shown)).text


async def test_an_activity_is_shown_while_it_is_kept() -> None:
    act = {"id": HERE.activity("e1"), "type": "Create"}
    assert (await get("/activities/e1", shown=InMemory(acts={"e1": act}))).json() == act


async def test_an_outbox_has_pages_that_lead_on_to_its_end() -> None:
    box = (await get(f"/groups/{ROOM.id}/outbox")).json()
    assert (box["type"], box["totalItems"]) == ("OrderedCollection", 41)
    found, path = [], box["first"]
    while path:
        page = (await get(path.removeprefix(HERE.base))).json()
        assert (page["type"], page["partOf"], page["id"]) == ("OrderedCollectionPage", box["id"], path)
        found += page["orderedItems"]
        path = page.get("next")
    assert [one["id"].rpartition("/")[2] for one in found] == [str(number) for number in range(41, 0, -1)]


@pytest.mark.parametrize("before", ["", "-1", "x", "١", "9" * 20])
async def test_a_page_that_is_no_number_is_refused(before: str) -> None:
    assert (await get(f"/groups/{ROOM.id}/outbox?before={before}")).status == 400


async def test_of_followers_the_number_alone_is_told() -> None:
    followers = (await get(f"/groups/{ROOM.id}/followers")).json()
    assert followers["totalItems"] == 3
    assert not {"first", "orderedItems", "items"} & followers.keys()


@pytest.mark.parametrize("path", [f"/groups/{ROOM.id}/featured", "/actor/outbox", "/actor/followers", f"/nodes/{SEAT.id}/outbox"])
async def test_an_empty_collection_is_a_collection(path: str) -> None:
    document = (await get(path)).json()
    assert (document["type"], document["totalItems"], document["orderedItems"]) == ("OrderedCollection", 0, [])


async def finger(*resources: str, rel: str = "") -> Answer:
    query = "&".join([*(f"resource={one}" for one in resources), *([f"rel={rel}"] if rel else [])])
    return await get(f"/.well-known/webfinger?{query}", "*/*")


@pytest.mark.parametrize(
    ("resource", "actor", "subject"),
    [
        ("acct:futurs-publics@hub.example", "/groups/futurs-publics", "acct:futurs-publics@hub.example"),
        ("acct:Futurs-Publics@HUB.example", "/groups/futurs-publics", "acct:futurs-publics@hub.example"),
        ("acct:@futurs-publics@hub.example", "/groups/futurs-publics", "acct:futurs-publics@hub.example"),
        ("futurs-publics@hub.example", "/groups/futurs-publics", "acct:futurs-publics@hub.example"),
        ("acct:noeud.wifip@hub.example", "/nodes/wifip", "acct:noeud.wifip@hub.example"),
        ("acct:hub.example@hub.example", "/actor", "acct:hub.example@hub.example"),
        ("https://hub.example/groups/futurs-publics", "/groups/futurs-publics", "acct:futurs-publics@hub.example"),
        ("https://hub.example/nodes/wifip", "/nodes/wifip", "acct:noeud.wifip@hub.example"),
        ("https://hub.example", "/actor", "acct:hub.example@hub.example"),
        ("https://hub.example/", "/actor", "acct:hub.example@hub.example"),
        ("https%3A%2F%2Fhub.example%2Factor", "/actor", "acct:hub.example@hub.example"),
    ],
)
async def test_a_name_leads_to_its_actor_and_back(resource: str, actor: str, subject: str) -> None:
    answer = await finger(resource)
    assert (answer.status, answer.headers["content-type"], answer.headers["access-control-allow-origin"]) == (
        200,
        "application/jrd+json",
        "*",
    )
    body = answer.json()
    assert body["subject"] == subject
    assert {"rel": "self", "type": ACTIVITY_JSON, "href": HERE.base + actor} in body["links"]
    document = (await get(actor)).json()
    assert f"acct:{document['preferredUsername']}@hub.example" == subject
    assert document["id"] in body["aliases"]


async def test_a_bare_address_leads_to_the_servers_own_actor() -> None:
    links = (await finger("https://hub.example/", rel=webfinger.SERVICE.replace("#", "%23"))).json()["links"]
    assert links == [{"rel": webfinger.SERVICE, "type": ACTIVITY_JSON, "href": HERE.host_actor}]


@pytest.mark.parametrize("resources", [(), ("",), ("acct:a@hub.example", "acct:b@hub.example"), ("mailto:a@hub.example",), ("acct:",),
                                       ("acct:a",), ("acct:@hub.example",), ("acct:" + "a" * 600 + "@hub.example",)])  # fmt: skip
async def test_a_question_that_is_none_is_refused(resources: tuple[str, ...]) -> None:
    answer = await finger(*resources)
    assert (answer.status, answer.json()["reason"]) == (400, "resource_malformed")


@pytest.mark.parametrize("resource", ["acct:interne@hub.example", "acct:futurs-publics@other.example", "acct:noeud.none@hub.example",
                                      "https://hub.example/groups/interne", "https://other.example/", "https://hub.example/groups/futurs-publics/outbox"])  # fmt: skip
async def test_nobody_is_found_who_is_not_here(resource: str) -> None:
    answer = await finger(resource)
    assert (answer.status, answer.json()["reason"]) == (404, "resource_unknown")


@given(
    st.lists(
        st.text(max_size=60) | st.text(st.sampled_from("acth:tps/@.ub-exml"), max_size=60).map("https://hub.example".__add__), max_size=2
    )
)
def test_whatever_is_asked_for_somebody_is_named_or_nobody(resources: list[str]) -> None:
    try:
        named = webfinger.asked(resources, HERE)
    except webfinger.ResourceMalformed:
        return
    assert named is None or isinstance(named.kind, webfinger.Kind)


async def test_nodeinfo_tells_figures_that_are_counted_once_a_minute() -> None:
    shown, now = InMemory(), [0.0]
    app = door(shown, now)
    links = json.loads((await call(app, "/.well-known/nodeinfo")).body)["links"]
    assert {"rel": "https://www.w3.org/ns/activitystreams#Application", "href": HERE.host_actor} in links
    for moment in (0.0, 59.0, 60.0):
        now[0] = moment
        answers = {rel[-3:]: await call(app, f"/nodeinfo/{rel[-3:]}") for rel in (one["rel"] for one in links) if "/schema/" in rel}
    assert shown.counted == 2
    documents = {version: answer.json() for version, answer in answers.items()}
    assert {version: document.pop("version") for version, document in documents.items()} == {"2.1": "2.1", "2.0": "2.0"}
    assert answers["2.0"].headers["content-type"].endswith('/schema/2.0#"')
    assert documents["2.0"] == documents["2.1"]
    assert documents["2.0"]["usage"] == {
        "users": {"total": 12, "activeMonth": 3, "activeHalfyear": 7},
        "localPosts": 40,
        "localComments": 2,
    }


async def test_our_context_is_published() -> None:
    answer = await get("/ns/v1", "application/ld+json")
    terms = answer.json()["@context"]
    assert terms["ministryEvent"]["@type"] == "@json"
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_what_a_reader_has_already_is_not_sent_again() -> None:
    first = await get(f"/groups/{ROOM.id}")
    again = await get(f"/groups/{ROOM.id}", known=f'"other", W/{first.headers["etag"]}')
    assert (again.status, again.body) == (304, b"")
    page = await get(f"/groups/{ROOM.id}", BROWSER, known=first.headers["etag"])
    assert page.status == 200


async def test_no_search_engine_is_invited() -> None:
    assert b"Disallow: /" in (await get("/robots.txt")).body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_nothing_is_written_by_these_addresses(method: str) -> None:
    answer = await call(door(InMemory()), "/actor", method=method, headers={"accept": ACTIVITY_JSON})
    assert (answer.status, answer.json()["reason"]) == (405, "method_not_allowed")


async def test_a_crowd_is_asked_to_come_again() -> None:
    class Slow(InMemory):
        go = asyncio.Event()

        async def rooms(self) -> Any:
            await self.go.wait()
            return await super().rooms()

    shown = Slow()
    app = door(shown)
    waiting = [asyncio.ensure_future(call(app, "/", headers={"accept": ACTIVITY_JSON})) for _ in range(AT_ONCE)]
    await asyncio.sleep(0)
    late = await call(app, "/", headers={"accept": ACTIVITY_JSON})
    assert (late.status, late.json()["reason"], late.headers["retry-after"]) == (503, "door_busy", "5")
    shown.go.set()
    assert {answer.status for answer in await asyncio.gather(*waiting)} == {200}
    assert (await call(app, "/", headers={"accept": ACTIVITY_JSON})).status == 200


async def test_a_fault_of_ours_tells_nothing_of_itself() -> None:
    class Broken(InMemory):
        async def rooms(self) -> Any:
            raise RuntimeError("le contenu d’un message")

    answer = await get("/", shown=Broken())
    assert (answer.status, answer.json()["reason"]) == (500, "door_failed")
    assert "contenu" not in answer.text


def test_every_document_is_one_that_our_own_client_takes() -> None:
    assert all(holds_activity(offer.value) for offer in Offer if offer is not Offer.PAGE)
