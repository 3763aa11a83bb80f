"""Sending again by command and by page: what operators see of what was set aside, and in whose name it goes."""

from __future__ import annotations

import asyncio
import json
import re
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from hub.operations.office import COOKIE
from hub.settings import HubSettings
from hub.site import site
from tests import fakes_federation
from tests.fakes_asgi import Answer, call
from tests.fakes_commands import run
from tests.fakes_hub import FakeStreams
from tests.fakes_peer_town import Town
from tests.fakes_set_aside import BOTH, PEER, Carrying

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from fastapi import FastAPI

FORM = {"content-type": "application/x-www-form-urlencoded", "host": "hub.example"}


@pytest.fixture
async def carrying(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Carrying]:
    """One message that was set aside in both forms, another that was deleted since, and Anne, who acts."""
    town = await Town.make(database_url)
    await town.world.work(partial(fakes_federation.present, who="anne"))
    made = Carrying(town)
    await made.follow()
    await town.world.hear(town.world.posted("wifip", "post:1"), town.world.posted("wifip", "post:2"))
    await made.tell(refused=BOTH)
    await town.world.hear(town.world.deleted("wifip", "post:2"))
    await made.tell()
    town.world.hub_key.save(tmp_path / "hub.pem")
    (tmp_path / "anne").write_text(fakes_federation.TOKENS["anne"])
    monkeypatch.setenv("TRAITDUNION_DATABASE_URL", database_url)
    monkeypatch.setenv("TRAITDUNION_SIGNING_KEY", str(tmp_path / "hub.pem"))
    monkeypatch.setenv("TRAITDUNION_PERSON_TOKEN_FILE", str(tmp_path / "anne"))
    yield made
    await town.world.close()


@pytest.fixture
def app(carrying: Carrying, tmp_path: Path) -> FastAPI:
    world = carrying.town.world
    return site(world.engine, HubSettings(operator_token=None, signing_key=tmp_path / "hub.pem"), world.clock, FakeStreams([], []))


@pytest.fixture
def command() -> Callable[..., Awaitable[tuple[int, str]]]:
    """A command, which runs a loop of its own."""

    async def ran(*words: str) -> tuple[int, str]:
        done = await asyncio.to_thread(run, *words)
        return done.exit_code, done.output

    return ran


async def test_commands_show_what_was_set_aside_and_send_it_again(
    carrying: Carrying, command: Callable[..., Awaitable[tuple[int, str]]]
) -> None:
    shown = (await command("peers", "aside", PEER))[1]
    for said in (carrying.told[0].event, "sans groupe", "échoue chaque fois", "possible", "retiré depuis"):
        assert said in shown
    listed = json.loads((await command("peers", "aside", PEER, "--json"))[1])
    assert [one["resend"] for one in listed] == [None, None, "resend_taken_back", "resend_taken_back"]
    assert listed[0]["reason"] == "peer_fails_on_activity"
    first = (await command("peers", "aside", PEER, "--limit", "3"))[1]
    assert f"que 3, sur 4 ; la suite : traitdunion peers aside {PEER} --after {listed[2]['offset']}" in first
    rest = (await command("peers", "aside", PEER, "--after", str(listed[2]["offset"]), "--json"))[1]
    assert json.loads(rest) == listed[3:]
    again = partial(command, "peers", "resend", PEER, "--reason", "Réparé")
    assert await again() == (1, "Dites ce qui se renvoie : --activity, ou --all.\n")
    assert await again("--all", "--activity", "x") == (1, "Dites ce qui se renvoie : --activity, ou --all.\n")
    assert "[activity_not_set_aside]" in (await again("--activity", "x"))[1]
    assert "[resend_taken_back]" in (await again("--activity", carrying.told[2].event))[1]
    code, said = await again("--all")
    assert (code, "Activités renvoyées à social.example : 2." in said, "restent 2" in said) == (0, True, True)
    assert await carrying.asked() == [0, 1]
    assert "[resend_taken_back]" in (await again("--all"))[1]
    assert (await command("peers", "resend", "nobody.example", "--all", "--reason", "Réparé"))[0] == 1
    assert (await command("peers", "aside", "nobody.example"))[0] == 1
    assert "Rien n'est mis de côté" in (await command("peers", "aside", "forum.example"))[1]
    assert "activités renvoyées" in (await command("peers", "acts", PEER))[1]


async def test_a_peers_page_shows_them_and_sends_one_again_in_a_persons_name(app: FastAPI, carrying: Carrying) -> None:
    strange = await post(app, {"activite": "", "raison": "Réparé"}, "")
    assert (strange.status, strange.json()["reason"]) == (401, "person_unknown")
    cookie = await entered(app)
    page = (await call(app, f"/pairs/{PEER}", headers={"cookie": f"{COOKIE}={cookie}", "host": "hub.example"}, client="192.0.2.7")).text
    assert "4 activités que ce serveur n’a pas prises" in page
    assert re.findall(r"<option>([0-9a-z-]+)</option>", page) == [carrying.told[0].event]
    found = re.search(r'name="sceau" value="([0-9a-f]+)"', page)
    assert found is not None
    forged = await post(app, {"activite": "", "raison": "Réparé", "sceau": "0" * 64}, cookie)
    assert (forged.status, forged.json()["reason"]) == (403, "form_not_yours")
    for fields, expected in (
        ({"raison": ""}, (422, "reason_missing")),
        ({"raison": "Réparé", "activite": "x"}, (409, "activity_not_set_aside")),
        ({"raison": "Réparé", "activite": carrying.told[2].event}, (409, "resend_taken_back")),
    ):
        answer = await post(app, {"sceau": found[1], **fields}, cookie)
        assert (answer.status, answer.json()["reason"]) == expected
    assert (await post(app, {"sceau": found[1], "raison": "Réparé", "activite": carrying.told[0].event}, cookie)).status == 303
    assert await carrying.asked() == [0, 1]
    assert "activités renvoyées" in (await call(app, f"/pairs/{PEER}", headers={"host": "127.0.0.1"})).text


async def post(app: FastAPI, said: dict[str, str], cookie: str, path: str = f"/pairs/{PEER}/renvoi") -> Answer:
    sent = {**FORM, "accept": "application/json", **({"cookie": f"{COOKIE}={cookie}"} if cookie else {})}
    return await call(app, path, method="POST", body=urlencode(said).encode(), headers=sent, client="192.0.2.7")


async def entered(app: FastAPI) -> str:
    answer = await post(app, {"jeton": fakes_federation.TOKENS["anne"]}, "", "/personne")
    return answer.headers["set-cookie"].partition("=")[2].partition(";")[0]
