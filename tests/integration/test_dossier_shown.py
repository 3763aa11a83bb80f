"""What people read before they approve: all that a manifest says, and what a renewed one says otherwise, on pages and by commands."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from hub.registry import admission
from hub.settings import HubSettings
from hub.site import site
from schemas.application_faults import check, sign
from schemas.keys import SigningKey
from schemas.manifest import Grade
from tests import fakes_federation
from tests.fakes_application import CHARTER, declared, peer_draft
from tests.fakes_asgi import call
from tests.fakes_commands import ANNE, BAKARY, applying, run
from tests.fakes_hub import NOW, FakeStreams

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fastapi import FastAPI

    from hub.unit_of_work import UnitOfWork
    from tests.hub_world import World

PEER = ("--kind", "peer", "--server", "activitypub", "--cavage", "--network", "10.0.0.0/8")
KEY, OTHER = SigningKey.generate("opsi.example"), SigningKey.generate("opsi.example")
RENEWED: dict[str, Any] = {
    "platform": "mastodon",
    "peering": {"kind": "traitdunion", "cavage": False, "networks": ["192.168.0.0/16"], "anchor": OTHER.public.multibase},
}


def renewed(path: str, folder: Path, **changes: Any) -> str:
    """The same applicant's next manifest, signed by the command that integrators have."""
    said = json.loads((folder / "manifest.json").read_text()) | changes
    (folder / "manifest.json").write_text(json.dumps(said))
    signed = run("manifest", "sign", path, "--key", str(folder / "node.pem"))
    assert signed.exit_code == 0, signed.output
    return path


def test_the_commands_show_a_first_candidates_whole_manifest(hub: Path) -> None:
    run("peers", "apply", applying(hub, KEY, *PEER))
    shown = run("peers", "acts", "opsi.example").output
    for said in (
        "que personne n'a encore acceptée", "Réseau privé permis : 10.0.0.0/8", "draft-cavage", f"Clé : {KEY.public.multibase}",
        "Camille Roux <rssi@ministere.example>", "rse : https://rse.example/", "identités, messages", "Valable jusqu’au",
    ):  # fmt: skip
        assert said in shown


def test_the_commands_say_who_approved_what_waits_whichever_grade_it_is_for(hub: Path, people: Callable[[str], None]) -> None:
    path = applying(hub, KEY, *PEER)
    run("peers", "apply", path)
    people(ANNE)
    run("peers", "approve", "opsi.example", "--manifest", path, "--grade", "observer")
    assert "déjà approuvée par : Anne Lefort (comme observateur)" in run("peers", "acts", "opsi.example").output
    (told,) = json.loads(run("peers", "acts", "opsi.example", "--json").output)["waiting"]["approvals"]
    assert (told["by"], told["grade"]) == ("Anne Lefort", "observer")
    run("peers", "depart", "opsi.example", "--reason", "Essai")
    assert "passage à « parti » approuvé par Anne Lefort" in run("peers", "acts", "opsi.example").output
    assert [one["grade"] for one in json.loads(run("peers", "acts", "opsi.example", "--json").output)["under_way"]] == ["gone"]


def test_the_commands_show_what_a_renewed_manifest_says_otherwise(hub: Path, people: Callable[[str], None]) -> None:
    path = applying(hub, KEY, *PEER)
    run("peers", "apply", path)
    for file in (ANNE, BAKARY):
        people(file)
        assert run("peers", "approve", "opsi.example", "--manifest", path).exit_code == 0
    assert json.loads(run("peers", "acts", "opsi.example", "--json").output)["waiting"] is None
    keys = [declared(KEY, NOW), declared(OTHER, NOW)]
    assert "candidat" in run("peers", "apply", renewed(path, hub, keys=keys, **RENEWED)).output
    shown = run("peers", "acts", "opsi.example").output
    for said in (
        "+ ajouté   Réseau privé permis : 192.168.0.0/16", "- retiré   Réseau privé permis : 10.0.0.0/8",
        f"+ ajouté   Clé : {OTHER.public.multibase}", f"+ ajouté   Clé de son registre : {OTHER.public.multibase}",
        "~ changé   Signature : selon la RFC 9421 (auparavant : peut signer", "~ changé   Plateforme : mastodon (auparavant : discourse)",
        "  inchangé Organisme : Finances",
    ):  # fmt: skip
        assert said in shown
    told = json.loads(run("peers", "acts", "opsi.example", "--json").output)
    assert told["manifest"]["peering"]["networks"] == ["10.0.0.0/8"]  # what was accepted
    assert told["waiting"]["manifest"]["peering"] == RENEWED["peering"]
    assert told["waiting"]["digest"] != told["accepted"]
    assert ("Plateforme", "discourse", "mastodon", "changed") in {tuple(one.values())[:4] for one in told["waiting"]["differences"]}


@pytest.fixture
def app(world: World, tmp_path: Path) -> FastAPI:
    world.hub_key.save(tmp_path / "hub.pem")
    settings = HubSettings(operator_token=None, signing_key=tmp_path / "hub.pem")
    return site(world.engine, settings, world.clock, FakeStreams([], []))


async def present(world: World, after: timedelta = timedelta(), **changes: Any) -> None:
    now = world.clock() + after
    signed = check(sign(peer_draft(KEY, now=now, **changes), KEY, now), CHARTER, now)
    await world.work(partial(admission.apply, signed))


async def test_the_page_shows_a_first_candidates_whole_manifest(app: FastAPI, world: World) -> None:
    await present(world, peering={"kind": "activitypub", "cavage": True, "networks": ["10.0.0.0/8"]})
    shown = (await call(app, "/pairs/opsi.example")).text
    for said in ("Ce que dit sa candidature", "10.0.0.0/8", "draft-cavage", KEY.public.multibase, "dpo@ministere.example"):
        assert said in shown
    assert "Ce que dirait" not in shown


async def test_the_page_shows_what_a_renewed_manifest_says_otherwise(app: FastAPI, world: World) -> None:
    keys = [declared(KEY, world.clock()), declared(OTHER, world.clock())]
    await present(world, keys=keys[:1], peering={"kind": "activitypub", "cavage": False, "networks": ["10.0.0.0/8"]})
    await world.work(partial(fakes_federation.approve, "peer/opsi.example"))
    await present(world, timedelta(minutes=1), keys=keys, **RENEWED, organisation={"name": "<b>OPSI</b>", "siret": "00000000000018"})
    shown = (await call(app, "/pairs/opsi.example")).text
    table = shown[shown.index('id="candidature"') : shown.index('id="decision"')]
    rows = {re.sub(r"<[^>]+>", "|", row) for row in table.split("<tr>")}
    assert len({row for row in rows if "192.168.0.0/16" in row and "ajouté" in row}) == 1
    assert len({row for row in rows if "10.0.0.0/8" in row and "retiré" in row}) == 1
    assert len({row for row in rows if OTHER.public.multibase in row and "ajouté" in row}) == 2  # a key, and its registry's
    assert len({row for row in rows if KEY.public.multibase in row and "inchangé" in row}) == 1
    assert "&lt;b&gt;OPSI&lt;/b&gt;" in table
    assert "<b>" not in table
    assert 'tabindex="0"' in table
    assert "192.168.0.0/16" not in shown[: shown.index('id="candidature"')]  # above stands what was accepted


async def test_the_page_says_who_approved_whichever_grade_it_is_for(app: FastAPI, world: World) -> None:
    async def approve(work: UnitOfWork, who: str, grade: Grade, reason: str | None = None) -> None:
        presence, read = await fakes_federation.present(work, who), await fakes_federation.waiting("peer/opsi.example", work)
        await admission.decide("peer/opsi.example", grade, presence, work, reason, read)

    await present(world)
    await world.work(partial(approve, who="anne", grade=Grade.OBSERVER))
    shown = (await call(app, "/pairs/opsi.example")).text
    assert "Approuvée par Anne Lefort (comme observateur) ; il y faut encore une autre personne." in shown
    assert "Personne ne l’a encore approuvée" not in shown
    await world.work(partial(approve, who="bakary", grade=Grade.FULL))
    shown = (await call(app, "/pairs/opsi.example")).text
    assert "Bakary Diop, Anne Lefort (comme observateur) ; il y faut encore une autre personne, pour le même degré." in shown
    await world.work(partial(approve, who="chloe", grade=Grade.GONE, reason="Essai"))
    assert "Passage à « parti » approuvé par Chloé" in (await call(app, "/pairs/opsi.example")).text


async def test_what_was_loaded_before_another_manifest_came_approves_nothing(app: FastAPI, world: World) -> None:
    await world.work(fakes_federation.present)
    path, address = "/pairs/opsi.example", {"host": "hub.example", "content-type": "application/x-www-form-urlencoded"}
    await present(world)
    entered = await call(app, "/personne", method="POST", body=b"jeton=tdu-anne", headers=address)
    address["cookie"] = entered.headers["set-cookie"].partition(";")[0]
    hidden = dict(re.findall(r'name="(sceau|empreinte)" value="([0-9a-f]+)"', (await call(app, path, headers=address)).text))
    await present(world, timedelta(minutes=1), **RENEWED)
    for said in (hidden, {"sceau": hidden["sceau"]}):
        answer = await call(app, f"{path}/decision", method="POST", body=urlencode({**said, "decision": "full"}).encode(), headers=address)
        assert answer.status == 409
        assert ("cette candidature a changé depuis que vous l’avez lue" in answer.text.lower()) is ("empreinte" in said)
    assert [
        act["kind"] for act in await world.rows("SELECT kind FROM hub.acts WHERE kind = 'approved' AND subject = 'peer/opsi.example'")
    ] == []
