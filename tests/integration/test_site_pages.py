"""The pages and their JSON over a real database."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert, update

from hub.communities.repository import PAGE
from hub.federation.repository import REPORTS_PAGE
from hub.operations.dlq import Heap
from hub.operations.streams import GroupLag
from hub.registry.repository import add_document
from hub.settings import HubSettings
from hub.site import site
from hub.storage import tables
from hub.storage.engine import engine_for
from hub.storage.federation_tables import reports
from tests import fakes_hub
from tests.fakes_asgi import call
from tests.fakes_streams import becomes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi import FastAPI
    from sqlalchemy.ext.asyncio import AsyncEngine

THREAD = f"/communautes/{fakes_hub.COMMUNITY}"
MESSAGES = f"/api/communities/{fakes_hub.COMMUNITY}/messages"


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = engine_for(database_url)
    yield engine
    await engine.dispose()


@pytest.fixture
async def filled(engine: AsyncEngine) -> AsyncEngine:
    async with engine.begin() as connection:
        await fakes_hub.people_of(connection)
        await fakes_hub.thread_of(connection)
    return engine


def links(page: str) -> list[tuple[str, str]]:
    """Where the links between pages lead, and their words."""
    pager = page[page.index('class="pager"') :]
    return [
        (place.replace("&amp;", "&"), words) for place, words in re.findall(r'href="([^"]+)">([^<]+)</a>', pager[: pager.index("</nav>")])
    ]


def app_over(engine: AsyncEngine, streams: fakes_hub.FakeStreams | None = None) -> FastAPI:
    return site(engine, HubSettings(operator_token=None), lambda: fakes_hub.NOW, streams or fakes_hub.FakeStreams())


async def test_an_empty_hub_says_what_to_do_next(engine: AsyncEngine) -> None:
    app = app_over(engine, fakes_hub.FakeStreams([], []))
    said = {page: (await call(app, page)).text for page in ("/", "/noeuds", "/rattachements", "/rebuts", "/signalements")}
    assert "Aucune communauté n’est ouverte" in said["/"]
    assert "traitdunion nodes apply" in said["/noeuds"]
    assert "traitdunion ties propose" in said["/rattachements"]
    assert "Aucun signalement" in said["/signalements"]
    assert "rien n’a été refusé" in said["/rebuts"]


async def test_an_empty_community_says_so(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await fakes_hub.people_of(connection)
    assert "Aucun message pour l’instant" in (await call(app_over(engine), THREAD)).text


async def test_the_overview_tells_each_nodes_state_and_backlog(filled: AsyncEngine) -> None:
    lags = [GroupLag("node.education", "node.education.outbound.v1", 1204, fakes_hub.NOW - timedelta(minutes=12))]
    async with filled.begin() as connection:
        quarantine = update(tables.nodes).where(tables.nodes.c.id == "affaires").values(quarantined_at=fakes_hub.NOW)
        await connection.execute(quarantine)
    page = (await call(app_over(filled, fakes_hub.FakeStreams(lags)), "/")).text
    for said in ("Futurs Publics", "Ministère des finances", "en quarantaine", "1\u202f204", "12 min", "5 messages"):
        assert said in page


async def test_the_overview_tells_which_node_is_being_brought_up_to_date(filled: AsyncEngine) -> None:
    async with filled.begin() as connection:
        await fakes_hub.resync(connection, "education", reached=28)
        await fakes_hub.resync(connection, "wifip", reached=40, state="completed")
    page = (await call(app_over(filled), "/noeuds")).text
    assert page.count("resynchronisation : 12 à renvoyer") == page.count("resynchronisation") == 1


async def test_a_silent_broker_leaves_the_rest_readable(filled: AsyncEngine) -> None:
    app = app_over(filled, fakes_hub.FakeStreams(None, None))
    assert "Kafka ne répond pas" in (await call(app, "/noeuds")).text
    assert "le nombre de rebuts est inconnu" in (await call(app, "/rebuts")).text


async def test_the_thread_tells_where_each_message_came_from_and_has_arrived(filled: AsyncEngine) -> None:
    page = (await call(app_over(filled), THREAD)).text
    reply = page[page.index('id="m-m2"') : page.index('id="m-m3"')]
    for said in ("Noé Modèle", "Éducation nationale", "modifié", "modification en attente", "modification confirmée", "84 ms"):
        assert said in reply
    assert "retirée localement" in page[page.index('id="m-m3"') :]
    assert "Message supprimé" in page[page.index('id="m-m4"') :]
    assert "body_too_short" in page[page.index('id="m-m5"') :]


async def test_what_came_from_another_server_is_not_said_to_be_the_hubs(filled: AsyncEngine) -> None:
    async with filled.begin() as connection:
        await connection.execute(update(tables.messages).where(tables.messages.c.id == "m5").values(node="hub"))
    for address in (THREAD, "/messages/m5"):
        page = (await call(app_over(filled), address)).text
        assert page.count("reçu d’un autre serveur") == 1
        assert 'écrit dans <span class="node">hub</span>' not in page


async def test_a_public_community_is_said_to_be_read_by_anybody(filled: AsyncEngine) -> None:
    for audience, said in (("members", False), ("public", True)):
        async with filled.begin() as connection:
            await connection.execute(update(tables.communities).values(audience=audience))
        for address in ("/", THREAD):
            assert (
                "toute personne sur Internet (page publique) et les serveurs extérieurs admis"
                in (await call(app_over(filled), address)).text
            ) is said


async def test_replies_are_nested_under_the_original(filled: AsyncEngine) -> None:
    page = (await call(app_over(filled), THREAD)).text
    first, reply, deeper, last = (page.index(f'id="m-{name}"') for name in ("m1", "m2", "m3", "m5"))
    assert page[first:reply].count('<ol class="replies"') == 1
    assert page[reply:deeper].count('<ol class="replies"') == 1
    assert page[:last].count('<ol class="replies"') == page[:last].count("</ol>")


async def test_a_name_cannot_turn_round_the_ministry_behind_it(engine: AsyncEngine) -> None:
    turned = "Eve \u202e)eérosserpmi("
    async with engine.begin() as connection:
        await fakes_hub.people_of(connection)
        await fakes_hub.message(connection, "turned", "wifip", "<p>x</p>", number=1, author=turned)
    said = (await call(app_over(engine), THREAD)).text
    assert f'<bdi>{turned}</bdi></strong> <bdi class="ministry">' in said


async def test_what_a_ministry_wrote_cannot_run_in_the_operators_browser(filled: AsyncEngine) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    async with filled.begin() as connection:
        await fakes_hub.message(
            connection, "m9", "wifip", f"<p>bonjour</p>{evil}", number=9, author=evil, organisation=evil, title=evil,
            link="javascript:alert(3)",
        )  # fmt: skip
        await connection.execute(update(tables.communities).values(title=evil))
        await connection.execute(update(tables.ties).values(space_name=evil, reason=evil))
        await connection.execute(update(tables.organisations).values(name=evil))
        await connection.execute(update(tables.deliveries).values(reason=evil, native_id=evil))
    heaps = [Heap(evil, evil, 1, fakes_hub.NOW)]
    for path in ("/", THREAD, "/messages/m9", "/messages/m5", "/noeuds", "/rattachements", "/rebuts"):
        page = (await call(app_over(filled, fakes_hub.FakeStreams(None, heaps)), path)).text.lower()
        assert "<script" not in page, path
        assert "<img" not in page, path
        assert 'href="javascript' not in page, path


async def test_a_long_thread_is_read_page_by_page(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await fakes_hub.people_of(connection)
        for number in range(1, PAGE + 3):
            parent = "m1" if number == PAGE + 2 else None
            await fakes_hub.message(connection, f"m{number}", "wifip", f"<p>Numéro {number}.</p>", number=number, parent=parent)
    app = app_over(engine)
    first, second = await call(app, THREAD), await call(app, f"{THREAD}?after={PAGE}")
    assert f"{THREAD}?after={PAGE}" in first.text
    assert f"Numéro {PAGE}." in first.text
    assert f"Numéro {PAGE + 1}." not in first.text
    assert f"Numéro {PAGE + 1}." in second.text
    assert "un message d’une autre page" in second.text
    assert "Messages suivants" not in second.text
    assert (await call(app, f"{MESSAGES}?after=0")).json()["next"] == PAGE
    last = (await call(app, f"{MESSAGES}?after={PAGE}")).json()
    assert [message["id"] for message in last["messages"]] == [f"m{PAGE + 1}", f"m{PAGE + 2}"]
    assert last["next"] is None


async def test_a_long_thread_is_read_backwards_from_its_newest_messages(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await fakes_hub.people_of(connection)
        for number in range(1, 2 * PAGE + 31):
            await fakes_hub.message(connection, f"m{number}", "wifip", "<p>x</p>", number=number)
    app = app_over(engine)
    places = {words: place for place, words in links((await call(app, THREAD)).text)}
    assert places["Derniers messages"] == f"{THREAD}?after={PAGE + 30}"
    last = links((await call(app, places["Derniers messages"])).text)
    assert [words for _, words in last] == ["Premiers messages", "Messages précédents"]  # a whole page, and nothing behind it
    assert (f"{THREAD}?after=30", "Messages précédents") in last
    assert [words for _, words in links((await call(app, f"{THREAD}?after=30")).text)][1:] == ["Messages suivants", "Derniers messages"]
    followed = (await call(app, f"{THREAD}?after={PAGE}&suivre=5")).text
    assert f'<a href="{THREAD}?after={PAGE}">Arrêter' in followed
    assert (f"{THREAD}?suivre=5", "Premiers messages") in links(followed)
    assert f'<a href="{THREAD}?after={PAGE}&amp;suivre=5">Actualiser' in (await call(app, f"{THREAD}?after={PAGE}")).text


async def test_what_people_elsewhere_report_is_read_to_the_oldest_even_where_many_came_at_once(engine: AsyncEngine) -> None:
    many = 2 * REPORTS_PAGE + 50
    async with engine.begin() as connection:
        await fakes_hub.people_of(connection)
        for number in range(many):  # one Flag speaks of several messages: they bear one moment
            row = {
                "id": f"{number:032x}",
                "actor": "https://a.example/u",
                "peer": "a.example",
                "subject": f"m{number}",
                "comment": f"mot-{number}.",
            }
            await connection.execute(
                insert(reports).values(**row, community=fakes_hub.COMMUNITY, at=fakes_hub.NOW - timedelta(minutes=number // 40))
            )
    app, address, read = app_over(engine), "/signalements", []
    while address:
        page = (await call(app, address)).text
        read += re.findall(r"mot-(\d+)\.", page)
        address = next((place for place, words in links(page) if words == "Signalements plus anciens"), "")
    assert (len(read), sorted(map(int, read))) == (many, list(range(many)))
    assert [(await call(app, f"/signalements?avant={odd}")).status for odd in ("%00", "x", "f" * 65)] == [400, 400, 400]


@pytest.mark.parametrize("name", ["m1", "m20", "m130", f"m{2 * PAGE}"])
async def test_a_messages_own_page_leads_back_to_the_page_where_it_stands(engine: AsyncEngine, name: str) -> None:
    async with engine.begin() as connection:
        await fakes_hub.people_of(connection)
        for number in range(1, 2 * PAGE + 1):
            await fakes_hub.message(connection, f"m{number}", "wifip", "<p>x</p>", number=number)
    app = app_over(engine)
    (back,) = re.findall(rf'href="({THREAD}[^"]*#m-{name})"', (await call(app, f"/messages/{name}")).text)
    assert f'id="m-{name}"' in (await call(app, back.partition("#")[0])).text


@pytest.mark.parametrize("query", ["after=-1", "after=x", "after=99999999999999999999", "suivre=-1", "suivre=9999"])
async def test_a_malformed_parameter_is_refused_by_name(filled: AsyncEngine, query: str) -> None:
    answer = await call(app_over(filled), f"{THREAD}?{query}")
    assert answer.status == 400
    assert query.partition("=")[0] in answer.text


@pytest.mark.parametrize("path", ["/communautes/nulle", "/communautes/%00", "/messages/nul", "/messages/%00", "/messages/" + "x" * 500])
async def test_what_is_not_there_is_said_in_french(filled: AsyncEngine, path: str) -> None:
    answer = await call(app_over(filled), path)
    assert answer.status == 404
    assert "inconnu" in answer.text


@pytest.mark.parametrize("name", ["nul", "%00", "'%3B drop table hub.messages"])
async def test_a_program_is_told_by_a_problem(filled: AsyncEngine, name: str) -> None:
    for path in (f"/api/messages/{name}", f"/api/trace/{name}", f"/api/communities/{name}/messages"):
        answer = await call(app_over(filled), path)
        assert answer.status == 404
        assert answer.json()["reason"] in {"message_unknown", "community_unknown"}


async def test_a_page_follows_only_when_asked(filled: AsyncEngine) -> None:
    assert "http-equiv" not in (await call(app_over(filled), THREAD)).text
    assert '<meta http-equiv="refresh" content="5">' in (await call(app_over(filled), f"{THREAD}?suivre=5")).text


async def test_a_message_is_found_by_its_id_and_by_any_of_its_events(filled: AsyncEngine) -> None:
    by_id = (await call(app_over(filled), "/api/messages/m2")).json()
    by_edit = (await call(app_over(filled), "/api/messages/e-m2-bis")).json()
    assert by_id["message"]["html"] == by_edit["message"]["html"]
    assert [delivery["verdict"] for delivery in by_id["deliveries"]] == ["written", "confirmed", "written"]
    assert [(delivery["node"], delivery["verdict"]) for delivery in by_edit["deliveries"]] == [
        ("affaires", None), ("education", "confirmed"), ("wifip", "written"),
    ]  # fmt: skip
    assert set(by_id["deliveries"][0]) == {"node", "verdict", "reason", "native_id", "at", "latency_ms", "receipt", "verified"}
    assert (by_id["deliveries"][0]["latency_ms"], by_id["deliveries"][0]["verified"]) == (84, True)


async def test_a_receipt_under_a_key_revoked_before_it_is_not_called_verified(filled: AsyncEngine) -> None:
    async with filled.begin() as connection:
        earlier = fakes_hub.NOW - timedelta(days=1)
        await connection.execute(update(tables.node_keys).where(tables.node_keys.c.node == "wifip").values(revoked_at=earlier))
    deliveries = (await call(app_over(filled), "/api/messages/m1")).json()["deliveries"]
    assert {delivery["node"]: delivery["verified"] for delivery in deliveries} == {"affaires": True, "education": True, "wifip": False}
    assert "clé qui ne vaut plus" in (await call(app_over(filled), "/messages/m1")).text


async def test_a_trace_names_every_hop_and_holds_no_content(filled: AsyncEngine) -> None:
    answer = await call(app_over(filled), "/api/trace/m1")
    (step,) = answer.json()["steps"]
    assert step["read_at"] == "rse.inbound.v1-2-102"
    assert step["facts"] == "hub.facts.v1-4-502"
    assert {arrival["place"] for arrival in step["arrivals"]} == {f"node.{node}.outbound.v1-0-2" for node in fakes_hub.NODES}
    assert "guichet" not in answer.text
    assert "Inès" not in answer.text


async def test_what_the_outbox_has_forgotten_is_unknown_and_the_receipts_stay(filled: AsyncEngine) -> None:
    async with filled.begin() as connection:
        await connection.execute(tables.outbox.delete())
    (step,) = (await call(app_over(filled), "/api/trace/m1")).json()["steps"]
    assert step["facts"] is None
    assert len(step["arrivals"]) == 3
    assert "la boîte d’envoi l’a oublié" in (await call(app_over(filled), "/messages/m1")).text


async def test_nodes_are_told_to_programs(filled: AsyncEngine) -> None:
    nodes = {node["id"]: node for node in (await call(app_over(filled), "/api/nodes")).json()["nodes"]}
    assert (nodes["education"]["waiting"], nodes["affaires"]["waiting"], nodes["wifip"]["waiting"]) == (1, 1, 0)
    assert nodes["wifip"]["lag"] is None
    assert nodes["wifip"]["refused"] == 1


async def test_the_registry_is_served_byte_for_byte_and_asked_for_once(engine: AsyncEngine) -> None:
    app, path = app_over(engine), "/.well-known/traitdunion/registry"
    assert (await call(app, path)).status == 404
    async with engine.begin() as connection:
        await add_document(connection, 1, b'{"version":1}', fakes_hub.NOW, fakes_hub.NOW)
        await add_document(connection, 2, b'{"version": 2 }', fakes_hub.NOW, fakes_hub.NOW)
    answer = await call(app, path, client="192.0.2.7", headers={"host": "hub.example"})
    assert (answer.status, answer.body) == (200, b'{"version": 2 }')
    assert answer.headers["content-type"] == "application/json"
    assert "must-revalidate" in answer.headers["cache-control"]
    assert (await call(app, path, headers={"if-none-match": answer.headers["etag"]})).status == 304
    async with engine.begin() as connection:
        await add_document(connection, 3, b"{}", fakes_hub.NOW, fakes_hub.NOW)
    assert (await call(app, path, headers={"if-none-match": answer.headers["etag"]})).body == b"{}"


async def test_the_site_is_ready_when_its_database_is(engine: AsyncEngine) -> None:
    app = app_over(engine)

    async def status() -> int:
        return (await call(app, "/readyz")).status

    await becomes(status, 200)  # it waits a second for the database: a machine may be busier than that
    assert b"traitdunion_" in (await call(app_over(engine), "/metrics")).body


async def test_what_waits_inside_is_said(filled: AsyncEngine) -> None:
    waiting = {
        "event": "h1", "community": fakes_hub.COMMUNITY, "subject": "m", "parent": "p", "value": b"{}", "headers": [], "topic": "t",
        "partition": 0, "offset": 0, "admitted_at": fakes_hub.NOW, "until": fakes_hub.NOW,
    }  # fmt: skip
    async with filled.begin() as connection:
        await connection.execute(insert(tables.held).values(**waiting))
        await connection.execute(update(tables.outbox).where(tables.outbox.c.event == "e-m5").values(published_at=None))
    page = (await call(app_over(filled), "/")).text
    assert "1 événement attend ce dont il parle" in page
    assert "La boîte d’envoi attend le relais depuis 52 min" in page


async def test_the_thread_tells_reactions_by_ministry_and_the_accepted_answer_in_words(filled: AsyncEngine) -> None:
    page = (await call(app_over(filled), THREAD)).text
    first, second = page.split('id="m-m1"')[1].split('id="m-m2"')[0], page.split('id="m-m2"')[1].split('id="m-m3"')[0]
    assert "<bdi" in first
    assert "3<span" in first.replace(" ", "")
    assert "Ministère education (2), Ministère affaires" in first
    assert "Réponse retenue" in second
    assert page.count("Réponse retenue") == 1


async def test_the_api_tells_reactions_and_the_accepted_answer(filled: AsyncEngine) -> None:
    found = {message["id"]: message for message in (await call(app_over(filled), MESSAGES)).json()["messages"]}
    assert found["m1"]["reactions"] == [{"emoji": "❤", "count": 3, "ministries": {"Ministère education": 2, "Ministère affaires": 1}}]
    assert [name for name, message in found.items() if message["accepted"]] == ["m2"]
