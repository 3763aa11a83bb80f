"""The keys of servers of others, as operators see them: an accepted manifest's, those that followed, none of a declared server."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import pytest

from hub.registry import declaring, peer_keys
from hub.registry.declarations import Declaration, DeclaredOrganisation
from hub.registry.dossier import dossier_of
from hub.settings import HubSettings
from hub.site import site
from schemas.application import Kind
from schemas.keys import SigningKey
from schemas.manifest import Custody
from schemas.rotation import announce, read
from tests import fakes_federation
from tests.fakes_asgi import call
from tests.fakes_commands import ANNE, BAKARY, applying, run
from tests.fakes_hub import FakeStreams

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hub.unit_of_work import UnitOfWork
    from tests.hub_world import World

KEY = SigningKey.generate("opsi.example")


def test_the_commands_show_a_peers_keys_and_that_a_declared_one_has_none(hub: Path, people: Callable[[str], None]) -> None:
    path = applying(hub, KEY, "--kind", "peer", "--server", "activitypub")
    run("peers", "apply", path)
    assert "n’est pas accepté" in run("peers", "acts", "opsi.example").output
    for file in (ANNE, BAKARY):
        people(file)
        run("peers", "approve", "opsi.example", "--manifest", path)
    run("peers", "declare", "social.example", "--organisation", "OPSI", "--reason", "n'en signe pas")
    for command in ("show", "acts"):
        shown = run("peers", command, "opsi.example").output
        assert f"{KEY.key_id}, clé chez le ministère, du " in shown
        (key,) = json.loads(run("peers", command, "opsi.example", "--json").output)["keys"]
        assert (key["id"], key["custody"], key["follows"]) == (KEY.key_id, "organisation", None)
        assert "Aucune ici : déclaré sans manifeste signé" in run("peers", command, "social.example").output
        assert json.loads(run("peers", command, "social.example", "--json").output)["keys"] == []


@pytest.mark.parametrize("then", ["as accepted", "followed"])
async def test_the_page_shows_a_peers_keys_and_those_that_followed(world: World, tmp_path: Path, then: str) -> None:
    world.hub_key.save(tmp_path / "hub.pem")
    app = site(world.engine, HubSettings(operator_token=None, signing_key=tmp_path / "hub.pem"), world.clock, FakeStreams([], []))
    await world.work(partial(fakes_federation.admit_peer, KEY))
    new = SigningKey.generate("opsi.example")

    async def rotate(work: UnitOfWork) -> None:
        said = read(announce(KEY, new, Custody.OPERATOR, work.clock()))
        await peer_keys.rotate(said, await fakes_federation.present(work), work)

    if then == "followed":
        await world.work(rotate)
    shown = (await call(app, "/pairs/opsi.example")).text
    keys = shown[shown.index('id="cles"') : shown.index('id="decision"')]
    assert KEY.public.multibase in keys
    assert (new.public.multibase in keys, "à la suite de" in keys) == (then == "followed", then == "followed")
    async with world.engine.connect() as connection:
        found = await dossier_of(connection, Kind.PEER, "opsi.example")
    assert found is not None
    assert {key.id for key in found.peer_keys} == {(new if then == "followed" else KEY).key_id}


async def test_the_page_says_that_a_declared_server_has_no_keys_here(world: World, tmp_path: Path) -> None:
    app = site(world.engine, HubSettings(operator_token=None, signing_key=tmp_path / "hub.pem"), world.clock, FakeStreams([], []))

    async def declare(work: UnitOfWork) -> None:
        said = Declaration(authority="social.example", organisation=DeclaredOrganisation(name="OPSI"), issued=work.clock())
        await declaring.declare(said, "n’en signe pas", await fakes_federation.present(work), work)
        await fakes_federation.approve("peer/social.example", work)

    await world.work(declare)
    assert "Aucune ici : déclaré sans manifeste signé" in (await call(app, "/pairs/social.example")).text
