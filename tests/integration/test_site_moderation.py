"""A community's moderation page: what animators see, and what a person of the federation does there in her own name."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from hub.access import permit_command_line
from hub.communities.moderations import taken_away
from hub.communities.service import open_community
from hub.operations.office import COOKIE
from hub.settings import HubSettings
from hub.site import site
from schemas.envelope import object_id
from schemas.facts.copy import CopyEdited
from schemas.words import Audience
from tests import fakes_federation
from tests.fakes_asgi import Answer, call
from tests.fakes_hub import FakeStreams
from tests.hub_world import COMMUNITY, NODES, World

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI

ROOT = object_id("wifip", "post:1")
PLACE = f"/communautes/{COMMUNITY}/moderation"
HERE: dict[str, Any] = {"client": "127.0.0.1", "headers": {"host": "localhost"}}


@pytest.fixture
async def app(world: World, tmp_path: Path) -> FastAPI:
    await world.work(partial(fakes_federation.present, who="bakary"))
    world.hub_key.save(tmp_path / "hub.pem")
    settings = HubSettings(operator_token=None, signing_key=tmp_path / "hub.pem")
    return site(world.engine, settings, world.clock, FakeStreams([], []))


async def post(app: FastAPI, path: str, said: dict[str, str], cookie: str = "") -> Answer:
    headers = {"content-type": "application/x-www-form-urlencoded", "host": "localhost", "accept": "application/json"}
    sent = headers | ({"cookie": f"{COOKIE}={cookie}"} if cookie else {})
    return await call(app, path, method="POST", body=urlencode(said).encode(), headers=sent, client="127.0.0.1")


async def entered(app: FastAPI) -> str:
    answer = await post(app, "/personne", {"jeton": fakes_federation.TOKENS["bakary"]})
    return answer.headers["set-cookie"].partition("=")[2].partition(";")[0]


async def page(app: FastAPI, path: str = PLACE, cookie: str = "") -> str:
    headers = {"host": "localhost", **({"cookie": f"{COOKIE}={cookie}"} if cookie else {})}
    answer = await call(app, path, client="127.0.0.1", headers=headers)
    assert answer.status == 200
    return answer.body.decode()


async def stamped(app: FastAPI, cookie: str) -> str:
    found = re.search(r'name="sceau" value="([0-9a-f]+)"', await page(app, PLACE, cookie))
    assert found is not None
    return found[1]


async def edited_copy(world: World) -> None:
    await world.hear(world.posted("wifip", "post:1", "Bonjour à tous"))
    made = world.event("education", CopyEdited(space=NODES["education"]), "$copy", marker="e", subject=ROOT)
    await world.hear(world.carry(made, f"education/{NODES['education']}"))


async def test_the_page_and_the_api_tell_what_was_done_to_copies_and_say_when_there_is_nothing(world: World, app: FastAPI) -> None:
    assert "Aucun signalement ouvert" in await page(app)
    await edited_copy(world)
    shown = await page(app)
    assert "copie modifiée" in shown
    assert "education" in shown
    assert "Modération et signalements (1)" in await page(app, f"/communautes/{COMMUNITY}")
    told = json.loads((await call(app, f"/api/communities/{COMMUNITY}/reports", **HERE)).body)
    assert [(one["kind"], one["node"], one["message"]) for one in told["reports"]] == [("edited", "education", ROOT)]
    assert told["next"] is None
    assert "Aucun signalement clos" in await page(app, f"{PLACE}?clos=true")


async def test_strangers_see_none_of_it(app: FastAPI) -> None:
    for path in (PLACE, f"/api/communities/{COMMUNITY}/reports", f"/api/communities/{COMMUNITY}/removed"):
        answer = await call(app, path, client="192.0.2.7", headers={"host": "hub.example", "accept": "application/json"})
        assert answer.status == 401


async def test_a_person_closes_a_report_with_a_word_and_has_another_copy_rewritten(world: World, app: FastAPI) -> None:
    await edited_copy(world)
    cookie = await entered(app)
    seal = await stamped(app, cookie)
    (report,) = await world.rows("SELECT id FROM hub.copy_reports")
    said = {"sceau": seal, "acte": "close", "signalement": str(report["id"]), "mot": "Vu avec elle."}
    assert (await post(app, PLACE, said, cookie)).status == 303
    assert "Vu avec elle." in await page(app, f"{PLACE}?clos=true")
    assert (await post(app, PLACE, said, cookie)).status == 409
    made = world.event("education", CopyEdited(space=NODES["education"]), "$copy", marker="e2", subject=ROOT)
    await world.hear(world.carry(made, f"education/{NODES['education']}"))
    (again,) = await world.rows("SELECT id FROM hub.copy_reports WHERE closed_at IS NULL")
    assert (await post(app, PLACE, {"sceau": seal, "acte": "rewrite", "signalement": str(again["id"])}, cookie)).status == 303
    acts = await world.rows("SELECT kind FROM hub.acts WHERE subject LIKE 'message/%' ORDER BY id")
    assert [act["kind"] for act in acts] == ["report_closed", "copy_rewritten"]


async def test_what_is_taken_away_is_shown_as_moderated_with_its_ground_and_without_a_word_of_it(world: World, app: FastAPI) -> None:
    await world.hear(world.posted("wifip", "post:1", "Bonjour à tous"))
    cookie = await entered(app)
    seal = await stamped(app, cookie)
    said = {"sceau": seal, "acte": "remove", "message": ROOT, "motif": "personal_data", "phrase": "Un numéro."}
    assert (await post(app, PLACE, said, cookie)).status == 303
    for path in (f"/communautes/{COMMUNITY}", f"/messages/{ROOT}"):
        shown = await page(app, path)
        assert "Message modéré : données personnelles. Un numéro." in shown
        assert "Bonjour à tous" not in shown
    for path in (f"/api/communities/{COMMUNITY}/messages", f"/api/messages/{ROOT}"):
        told = (await call(app, path, **HERE)).body.decode()
        assert "Bonjour à tous" not in told
        assert '"moderated"' in told
    assert (await post(app, PLACE, {"sceau": seal, "acte": "restore", "message": ROOT}, cookie)).status == 303
    assert "Bonjour à tous" in await page(app, f"/communautes/{COMMUNITY}")


async def test_what_stands_in_another_community_is_not_touched_from_this_ones_page(world: World, app: FastAPI) -> None:
    await edited_copy(world)
    await world.work(lambda work: open_community("ailleurs", "Ailleurs", Audience.MEMBERS, work))
    cookie = await entered(app)
    seal = await stamped(app, cookie)
    (report,) = await open_reports(world)
    for said in (
        {"acte": "remove", "message": ROOT, "motif": "personal_data"},
        {"acte": "rewrite", "signalement": str(report["id"])},
        {"acte": "close", "signalement": str(report["id"]), "mot": "Vu."},
    ):
        answer = await post(app, "/communautes/ailleurs/moderation", {"sceau": seal, **said}, cookie)
        assert answer.status == 409
    assert (await world.messages())[ROOT]["state"] == "visible"
    assert len(await open_reports(world)) == 1


async def test_a_messages_page_leads_to_the_forms_with_its_id_filled_in(world: World, app: FastAPI) -> None:
    await world.hear(world.posted("wifip", "post:1"))
    cookie = await entered(app)
    place = f"{PLACE}?message={ROOT}"
    assert f'<a href="{place}#retirer">Retirer ce message</a>' in await page(app, f"/messages/{ROOT}")
    shown = await page(app, place, cookie)
    assert f'id="message" name="message" value="{ROOT}"' in shown
    seal = await stamped(app, cookie)
    said = {"sceau": seal, "acte": "remove", "message": f" {ROOT} ", "motif": "personal_data"}
    assert (await post(app, PLACE, said, cookie)).status == 303
    assert f'<a href="{place}#retablir">Rétablir ce message</a>' in await page(app, f"/messages/{ROOT}")


async def test_what_is_taken_away_is_listed_by_pages_and_brought_back_from_there(world: World, app: FastAPI) -> None:
    assert "Aucun message n’est retiré." in await page(app)
    cookie = await entered(app)
    seal = await stamped(app, cookie)
    names = [object_id("wifip", f"post:{number}") for number in (1, 2)]
    for number, name in enumerate(names, 1):
        await world.hear(world.posted("wifip", f"post:{number}", "Bonjour à tous"))
        said = {"sceau": seal, "acte": "remove", "message": name, "motif": "off_topic", "phrase": f"Raison {number}."}
        assert (await post(app, PLACE, said, cookie)).status == 303
    shown = await page(app, PLACE, cookie)
    assert shown.index("Raison 2.") < shown.index("Raison 1.")
    assert "retiré le" in shown
    assert "Bonjour à tous" not in shown
    told = json.loads((await call(app, f"/api/communities/{COMMUNITY}/removed", **HERE)).body)
    assert [one["message"] for one in told["taken_away"]] == names[::-1]
    assert (told["taken_away"][0]["by"], told["next"]) == ("Bakary Diop", None)
    async with world.engine.connect() as connection:
        (newest,) = await taken_away(connection, permit_command_line(), COMMUNITY, limit=1)
        (older,) = await taken_away(connection, permit_command_line(), COMMUNITY, before=newest.at)
    assert [newest.message, older.message] == names[::-1]
    assert "Aucun message n’est retiré." in await page(app, f"{PLACE}?{urlencode({'retires_avant': older.at.isoformat()})}")
    for name in names:
        assert (await post(app, PLACE, {"sceau": seal, "acte": "restore", "message": name}, cookie)).status == 303
    assert "Aucun message n’est retiré." in await page(app)


async def open_reports(world: World) -> list[Any]:
    return await world.rows("SELECT id FROM hub.copy_reports WHERE closed_at IS NULL")


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"acte": "remove", "message": ROOT, "motif": "personal_data"}, 403),
        ({"sceau": "SEAL", "acte": "remove", "message": ROOT, "motif": "because"}, 400),
        ({"sceau": "SEAL", "acte": "remove", "message": ROOT, "motif": "unstated"}, 400),
        ({"sceau": "SEAL", "acte": "remove", "message": ROOT, "motif": ""}, 400),
        ({"sceau": "SEAL", "acte": "remove", "message": "nope", "motif": "personal_data"}, 409),
        ({"sceau": "SEAL", "acte": "close", "signalement": "-1", "mot": "x"}, 409),
        ({"sceau": "SEAL", "acte": "dance"}, 400),
    ],
)
async def test_a_form_that_is_not_hers_or_makes_no_sense_changes_nothing(
    world: World, app: FastAPI, said: dict[str, str], status: int
) -> None:
    await world.hear(world.posted("wifip", "post:1"))
    cookie = await entered(app)
    seal = await stamped(app, cookie)
    sent = {name: seal if value == "SEAL" else value for name, value in said.items()}
    assert (await post(app, PLACE, sent, cookie)).status == status
    assert (await post(app, PLACE, sent)).status == 401
    assert (await world.messages())[ROOT]["state"] == "visible"


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00%2B14:00", "9999-12-31T23:00:00-14:00", "2026-01-01T00:00:00", "hier"])
async def test_a_moment_that_nothing_can_be_before_is_refused_by_name(app: FastAPI, moment: str) -> None:
    for path in (PLACE, f"/api/communities/{COMMUNITY}/removed"):
        answer = await call(app, f"{path}?retires_avant={moment}", client="127.0.0.1", headers={"host": "localhost"})
        assert (answer.status, "retires_avant" in answer.text) == (400, True)
