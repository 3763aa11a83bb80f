"""How a person of the federation comes in by her token, finds what waits for her, and leaves: no operator's token needed."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from hub.operations.office import COOKIE
from hub.registry import admission
from hub.settings import HubSettings
from hub.site import site
from schemas.application_faults import check, sign
from schemas.keys import SigningKey
from tests import fakes_federation
from tests.fakes_application import CHARTER, draft, peer_draft
from tests.fakes_asgi import Answer, call
from tests.fakes_hub import FakeStreams

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI

    from tests.hub_world import World

ELSEWHERE = "192.0.2.7"


@pytest.fixture
async def app(world: World, tmp_path: Path) -> FastAPI:
    await world.work(fakes_federation.present)
    world.hub_key.save(tmp_path / "hub.pem")
    settings = HubSettings(operator_token=None, signing_key=tmp_path / "hub.pem")
    return site(world.engine, settings, world.clock, FakeStreams([], []))


async def post(app: FastAPI, path: str, said: dict[str, str], cookie: str = "") -> Answer:
    headers = {"content-type": "application/x-www-form-urlencoded", "host": "hub.example", "cookie": f"{COOKIE}={cookie}"}
    return await call(app, path, method="POST", body=urlencode(said).encode(), headers=headers, client=ELSEWHERE)


async def page(app: FastAPI, path: str, cookie: str) -> Answer:
    return await call(app, path, headers={"host": "hub.example", "cookie": f"{COOKIE}={cookie}"}, client=ELSEWHERE)


async def entered(app: FastAPI) -> str:
    answer = await post(app, "/personne", {"jeton": fakes_federation.TOKENS["anne"]})
    assert (answer.status, answer.headers["location"]) == (303, "/personne")
    return answer.headers["set-cookie"].partition("=")[2].partition(";")[0]


async def candidates(world: World) -> None:
    now = world.clock()
    for key, said in ((SigningKey.generate("recherche"), draft), (SigningKey.generate("opsi.example"), peer_draft)):
        await world.work(partial(admission.apply, check(sign(said(key, now=now), key, now), CHARTER, now)))


async def test_she_reads_who_she_is_and_what_waits_and_comes_to_it(app: FastAPI, world: World) -> None:
    cookie = await entered(app)
    shown = await page(app, "/personne", cookie)
    assert (shown.status, "Anne Lefort" in shown.text, "Aucune candidature n’attend" in shown.text) == (200, True, True)
    await candidates(world)
    links = re.findall(r'<li><a href="([^"]+)">(?:recherche|opsi.example)', (await page(app, "/personne", cookie)).text)
    assert sorted(links) == ["/noeuds/recherche", "/pairs/opsi.example"]
    assert [(await page(app, link, cookie)).status for link in links] == [200, 200]


async def test_strangers_are_told_nothing_of_what_waits(app: FastAPI, world: World) -> None:
    await candidates(world)
    shown = (await page(app, "/personne", "anne.1.x")).text
    assert ("Votre jeton" in shown, "recherche" in shown) == (True, False)


async def test_she_leaves_by_her_own_form_alone(app: FastAPI) -> None:
    cookie = await entered(app)
    seal = re.search(r'name="sceau" value="([0-9a-f]+)"', (await page(app, "/personne", cookie)).text)
    assert seal is not None
    assert (await post(app, "/personne/sortie", {"sceau": "0" * 64}, cookie)).status == 403
    left = await post(app, "/personne/sortie", {"sceau": seal[1]}, cookie)
    assert (left.status, left.headers["location"]) == (303, "/personne")
    assert all(word in left.headers["set-cookie"] for word in (f'{COOKIE}=""', "Max-Age=0", "Path=/", "Secure"))


async def test_who_no_longer_acts_reads_no_more(app: FastAPI, world: World) -> None:
    cookie = await entered(app)
    await candidates(world)
    assert (await page(app, "/noeuds/recherche", cookie)).status == 200
    await world.work(lambda work: work.people.revoke("anne", work.clock()))
    assert [(await page(app, path, cookie)).status for path in ("/noeuds/recherche", "/pairs/opsi.example")] == [401, 401]
    shown = (await page(app, "/personne", cookie)).text
    assert ("Anne Lefort" in shown, "recherche" in shown) == (False, False)
