"""Applying and deciding through the pages and the API: what they take, what they refuse, and in whose name."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import pytest

from hub.operations.office import COOKIE
from hub.registry import key_service
from hub.settings import HubSettings
from hub.site import site
from schemas import openapi
from schemas.application_faults import sign
from schemas.envelope import object_id
from schemas.keys import SigningKey
from schemas.manifest import Grade
from tests import fakes_federation
from tests.fakes_application import draft, peer_draft
from tests.fakes_asgi import Answer, call
from tests.fakes_hub import FakeStreams
from tests.hub_world import COMMUNITY, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from fastapi import FastAPI

    from hub.unit_of_work import UnitOfWork

STRANGER: Final[dict[str, Any]] = {"client": "192.0.2.7", "headers": {"host": "hub.example", "accept": "application/json"}}
FORM = {"content-type": "application/x-www-form-urlencoded"}
KEY = SigningKey.generate("recherche")


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    made = await World.make(database_url)
    await made.work(partial(fakes_federation.present, who="bakary"))
    yield made
    await made.close()


@pytest.fixture
def app(world: World, tmp_path: Path) -> FastAPI:
    world.hub_key.save(tmp_path / "hub.pem")
    settings = HubSettings(operator_token=None, signing_key=tmp_path / "hub.pem")
    return site(world.engine, settings, world.clock, FakeStreams([], []))


def manifest(world: World, key: SigningKey = KEY, **changes: Any) -> bytes:
    made = peer_draft if "." in key.owner else draft
    return sign(made(key, now=world.clock(), **changes), key, world.clock())


async def post(app: FastAPI, path: str, said: dict[str, str], cookie: str = "") -> Answer:
    sent = {**FORM, "host": "hub.example", **({"cookie": f"{COOKIE}={cookie}"} if cookie else {})}
    return await call(app, path, method="POST", body=urlencode(said).encode(), headers=sent, client="192.0.2.7")


async def entered(app: FastAPI, who: str) -> str:
    answer = await post(app, "/personne", {"jeton": fakes_federation.TOKENS[who]})
    assert answer.status == 303
    said = answer.headers["set-cookie"]
    assert all(word in said for word in ("HttpOnly", "Secure", "SameSite=strict", "Path=/"))
    return said.partition("=")[2].partition(";")[0]


async def page(app: FastAPI, path: str, cookie: str) -> str:
    answer = await call(app, path, headers={"cookie": f"{COOKIE}={cookie}", "host": "hub.example"}, client="192.0.2.7")
    assert answer.status == 200
    return answer.text


async def decided(app: FastAPI, path: str, who: str, **said: str) -> Answer:
    cookie = await entered(app, who)
    hidden = dict(re.findall(r'name="(sceau|empreinte)" value="([0-9a-f]+)"', await page(app, path, cookie)))
    return await post(app, f"{path}/decision", {**hidden, **said}, cookie)


async def test_anybody_applies_by_the_api_and_reads_every_fault_at_once(app: FastAPI, world: World) -> None:
    good = await call(app, "/api/applications", method="POST", body=manifest(world), **STRANGER)
    assert (good.status, good.json()["subject"], good.json()["state"]) == (201, "node/recherche", "open")
    world.clock.moved = timedelta(minutes=1)
    other = manifest(world, SigningKey.generate("recherche"))
    taken = await call(app, "/api/applications", method="POST", body=other, **STRANGER)
    assert (taken.status, taken.json()["reason"], taken.headers["content-type"]) == (409, "name_taken", "application/problem+json")
    bad = await call(app, "/api/applications", method="POST", body=b'{"kind": "node"}', **STRANGER)
    assert (bad.status, bad.json()["reason"]) == (422, "manifest_refused")
    reasons = {fault["path"]: fault["reason"] for fault in bad.json()["faults"]}
    assert (reasons["organisation"], reasons["contacts"], reasons["proof"]) == ("organisation_missing", "contacts_missing", "proof_missing")
    big = await call(app, "/api/applications", method="POST", body=b" " * 70_000, **STRANGER)
    assert (big.status, big.json()["reason"]) == (413, "body_too_large")


async def test_the_form_tells_every_fault_in_french_and_keeps_what_was_typed(app: FastAPI, world: World) -> None:
    broken = json.loads(manifest(world)) | {"charter": "1999<script>"}
    answer = await post(app, "/candidature", {"manifeste": json.dumps(broken)})
    assert answer.status == 422
    assert "La version de la charte acceptée n’est pas celle en vigueur." in answer.text
    assert "<script>" not in answer.text
    assert "1999&lt;script&gt;" in answer.text
    good = await post(app, "/candidature", {"manifeste": manifest(world).decode()})
    assert (good.status, "deux personnes de la fédération la liront" in good.text) == (201, True)
    world.clock.moved = timedelta(minutes=1)
    again = await post(app, "/candidature", {"manifeste": manifest(world, SigningKey.generate("wifip")).decode()})
    assert (again.status, "ce nom est déjà pris" in again.text.lower()) == (409, True)


async def test_two_people_admit_on_the_page_and_each_is_named(app: FastAPI, world: World) -> None:
    await world.work(fakes_federation.present)
    await call(app, "/api/applications", method="POST", body=manifest(world), **STRANGER)
    assert (await decided(app, "/noeuds/recherche", "anne", decision="full")).status == 303
    cookie = await entered(app, "bakary")
    assert "Approuvée par Anne Lefort" in await page(app, "/noeuds/recherche", cookie)
    twice = await decided(app, "/noeuds/recherche", "anne", decision="full")
    assert (twice.status, "deux personnes différentes" in twice.text) == (409, True)
    assert (await decided(app, "/noeuds/recherche", "bakary", decision="full")).status == 303
    shown = await page(app, "/noeuds/recherche", cookie)
    for said in ("admis", "Bakary Diop", "attesté par le hub", "hub:page", "clé chez le ministère", "rssi@ministere.example", "SIRET"):
        assert said in shown
    keys = shown[shown.index('id="cles"') : shown.index('id="decision"')]
    assert (keys.count("jusqu’au"), keys.count("retirée")) == (1, 0)  # it is active, and has an end
    assert (await world.reader()).node("recherche") is not None


async def test_a_refusal_or_a_suspension_without_a_reason_is_refused(app: FastAPI, world: World) -> None:
    await world.work(fakes_federation.present)
    await call(app, "/api/applications", method="POST", body=manifest(world), **STRANGER)
    for path, decision in (("/noeuds/recherche", "refuse"), ("/noeuds/wifip", "suspended")):
        refused = await decided(app, path, "anne", decision=decision, raison="  ")
        assert (refused.status, "il faut dire pourquoi" in refused.text) == (422, True)
    assert (await decided(app, "/noeuds/recherche", "anne", decision="refuse", raison="Charte non signée")).status == 303
    assert "Charte non signée" in await page(app, "/noeuds/recherche", await entered(app, "anne"))


async def test_a_form_begins_with_no_decision_and_one_that_is_refused_leads_back_to_it(app: FastAPI, world: World) -> None:
    await world.work(fakes_federation.present)
    shown = await page(app, "/noeuds/wifip", await entered(app, "anne"))
    (choices,) = re.findall(r'<select id="decide" name="decision" required>(.*?)</select>', shown)
    assert re.findall(r'<option value="([^"]*)"', choices)[0] == ""
    undecided = await decided(app, "/noeuds/wifip", "anne", raison="Je veux le suspendre")
    assert (undecided.status, '<a href="/noeuds/wifip">' in undecided.text) == (400, True)
    stranger = await post(app, "/noeuds/wifip/decision", {"decision": "suspended"})
    assert (stranger.status, '<a href="/personne">' in stranger.text) == (401, True)


async def test_nobody_decides_without_a_session_of_her_own_and_its_form(app: FastAPI, world: World) -> None:
    await world.work(fakes_federation.present)
    path, said = "/noeuds/wifip", {"decision": "suspended", "raison": "x"}
    assert (await post(app, f"{path}/decision", said)).status == 401
    cookie = await entered(app, "anne")
    forged = [cookie.replace("anne", "bakary"), cookie[:-1] + ("0" if cookie[-1] != "0" else "1"), "anne", "anne.1.", ""]
    assert {(await post(app, f"{path}/decision", said, one)).status for one in forged} == {401}
    assert (await post(app, f"{path}/decision", {**said, "sceau": "0" * 64}, cookie)).status == 403
    other = re.search(r'name="sceau" value="([0-9a-f]+)"', await page(app, path, await entered(app, "bakary")))
    assert other is not None
    assert (await post(app, f"{path}/decision", {**said, "sceau": other[1]}, cookie)).status == 403
    assert (await post(app, "/personne", {"jeton": "tdu-inconnu"})).status == 401
    world.clock.moved += timedelta(minutes=31)
    assert (await post(app, f"{path}/decision", said, cookie)).status == 401
    assert (await call(app, path, headers={"cookie": f"{COOKIE}={cookie}", "host": "hub.example"}, client="192.0.2.7")).status == 401


async def test_a_session_ends_with_its_person_s_token(app: FastAPI, world: World) -> None:
    await world.work(fakes_federation.present)
    cookie = await entered(app, "anne")
    found = re.search(r'name="sceau" value="([0-9a-f]+)"', await page(app, "/noeuds/wifip", cookie))
    assert found is not None
    await world.work(lambda work: work.people.revoke("anne", work.clock()))
    answer = await post(app, "/noeuds/wifip/decision", {"sceau": found[1], "decision": "suspended", "raison": "x"}, cookie)
    assert answer.status == 401


async def test_a_suspension_is_shown_where_it_matters_and_says_what_is_lost(app: FastAPI, world: World) -> None:
    await world.tie("wifip", "education")
    await world.work(partial(fakes_federation.suspend, "node/wifip"))
    for path in ("/", f"/communautes/{COMMUNITY}", "/noeuds/wifip"):
        shown = (await call(app, path)).text
        assert "wifip est suspendu" in shown
        assert "Ses agents n’y écrivent plus" in shown
    assert "wifip est suspendu" not in (await call(app, "/noeuds/education")).text


async def test_a_node_or_peer_lowered_to_observer_is_shown_as_such_and_one_that_never_spoke_is_not(app: FastAPI, world: World) -> None:
    await world.tie("wifip", "education")
    await world.work(partial(fakes_federation.admit_peer, SigningKey.generate("opsi.example")))
    await call(app, "/api/applications", method="POST", body=manifest(world), **STRANGER)
    await world.work(partial(fakes_federation.approve, "node/recherche", grade=Grade.OBSERVER))
    assert (await decided(app, "/noeuds/wifip", "anne", decision="observer", raison=" ")).status == 422
    for who in ("anne", "bakary"):
        assert (await decided(app, "/noeuds/wifip", who, decision="observer", raison="En attendant leur RSSI")).status == 303
    await world.work(partial(fakes_federation.lower, "peer/opsi.example"))
    for path in ("/", f"/communautes/{COMMUNITY}", "/noeuds/wifip"):
        shown = (await call(app, path)).text
        assert "wifip est observateur" in shown
        assert "ce qu’on y écrit n’en sort plus" in shown
        assert "Raison : En attendant leur RSSI." in shown
    assert "opsi.example est observateur" in (await call(app, "/")).text
    assert "opsi.example est observateur" in (await call(app, "/pairs/opsi.example")).text
    assert "recherche est observateur" not in (await call(app, "/")).text + (await call(app, "/noeuds/recherche")).text


async def test_a_manifests_end_is_said_a_month_before_and_what_is_lost_after_it(app: FastAPI, world: World) -> None:
    await world.tie("wifip", "education")
    await world.work(partial(fakes_federation.admit_peer, SigningKey.generate("opsi.example")))
    pages = ("/", f"/communautes/{COMMUNITY}", "/noeuds/wifip")
    for path in pages:
        assert "Le manifeste de" not in (await call(app, path)).text
    for subject in ("node/wifip", "peer/opsi.example"):
        await world.work(partial(fakes_federation.expire, subject, world.clock() + timedelta(days=29)))
    for path in pages:
        shown = (await call(app, path)).text
        assert "Le manifeste de wifip expire le" in shown
        assert "Passé cette date il lira sans pouvoir écrire" in shown
    assert "manifeste bientôt expiré" in (await call(app, "/noeuds")).text
    assert "Le manifeste de opsi.example expire le" in (await call(app, "/pairs/opsi.example")).text
    world.clock.moved += timedelta(days=29)
    for path in pages:
        shown = (await call(app, path)).text
        assert "Le manifeste de wifip a expiré le" in shown
        assert "traitdunion nodes release" in shown
    assert "ce qu’on y écrit est refusé à son serveur" in (await call(app, "/pairs/opsi.example")).text
    for path in ("/noeuds", "/pairs"):
        assert "manifeste expiré" in (await call(app, path)).text
    assert "Le manifeste de" not in (await call(app, "/noeuds/education")).text
    (wifip,) = [one for one in (await call(app, "/api/nodes")).json()["nodes"] if one["id"] == "wifip"]
    assert wifip["manifest_expires"] is not None


async def test_a_registry_that_nobody_renews_is_said_on_the_first_page(app: FastAPI, world: World) -> None:
    assert "Le registre" not in (await call(app, "/")).text
    world.clock.moved += timedelta(days=20)
    assert "Le registre expire le" in (await call(app, "/")).text
    world.clock.moved += timedelta(days=20)
    assert "Le registre a expiré le" in (await call(app, "/")).text


async def test_a_peer_has_its_page(app: FastAPI, world: World) -> None:
    key = SigningKey.generate("opsi.example")
    await call(app, "/api/applications", method="POST", body=manifest(world, key), **STRANGER)
    await world.work(fakes_federation.present)
    assert (await decided(app, "/pairs/opsi.example", "anne", decision="observer")).status == 303
    shown = (await call(app, "/pairs/opsi.example")).text
    assert "une candidature" in shown.lower()
    assert '<p class="crumbs"><a href="/pairs">Serveurs pairs</a></p>' in shown
    assert (await call(app, "/pairs/absent.example")).status == 404


async def test_a_site_without_the_hubs_key_shows_its_pages_and_attests_nothing(world: World, tmp_path: Path) -> None:
    app = site(world.engine, HubSettings(operator_token=None, signing_key=tmp_path / "absent.pem"), world.clock, FakeStreams([], []))
    assert (await call(app, "/noeuds/wifip")).status == 200
    answer = await call(app, "/api/applications", method="POST", body=manifest(world), **STRANGER)
    assert (answer.status, answer.json()["reason"]) == (503, "hub_key_missing")


async def test_what_a_compromised_key_signed_is_shown_as_doubtful_and_what_it_signs_now_refused(app: FastAPI, world: World) -> None:
    await world.tie("wifip")
    await world.hear(world.posted("wifip", "post:1"))
    since, key = world.clock(), world.keys["wifip"].key_id
    await world.hear(world.posted("wifip", "post:2"))

    async def use(work: UnitOfWork) -> None:
        await key_service.call_compromised("wifip", key, since, await fakes_federation.present(work), work)

    await world.work(use)
    await world.hear(world.posted("wifip", "post:3"))
    assert world.dead_letters.reasons == ["key_revoked"]
    assert (await call(app, f"/communautes/{COMMUNITY}")).text.count("Douteux") == 1
    ways = [(await call(app, f"/api/trace/{object_id('wifip', native)}")).json()["steps"] for native in ("post:1", "post:2")]
    assert [step["doubtful"] for way in ways for step in way] == [False, True]
    assert "Douteux" in (await call(app, f"/messages/{object_id('wifip', 'post:2')}")).text
    assert "Compromise" in (await call(app, "/noeuds/wifip")).text


async def test_the_openapi_document_tells_how_the_api_answers(app: FastAPI, world: World) -> None:
    said = openapi.document()["paths"][openapi.APPLICATIONS]["post"]["responses"]
    answers = [
        await call(app, openapi.APPLICATIONS, method="POST", body=body, **STRANGER) for body in (manifest(world), b"{}", b" " * 70_000)
    ]
    assert {str(answer.status) for answer in answers} == {"201", "422", "413"} <= said.keys()
