"""Until when a neighbour's own registry holds, as operators see it: on its page and by `peers show`."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from hub.federation.repository import KeptVersions, Shown
from hub.settings import HubSettings
from hub.site import site
from schemas.keys import SigningKey
from schemas.manifest import issue
from schemas.proof import timestamp
from tests import fakes_federation
from tests.fakes_asgi import call
from tests.fakes_commands import run
from tests.fakes_hub import FakeStreams

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from tests.hub_world import World

KEY = SigningKey.generate("opsi.example")
SIGNER = SigningKey.generate("hub")
ANCHOR = KEY.public.multibase


async def read_by_our_door(world: World, expires: datetime) -> None:
    """Our door has believed version 7 of OPSI's registry."""
    now = world.clock()
    entry = {"id": SIGNER.key_id, "publicKeyMultibase": SIGNER.public.multibase, "activeFrom": timestamp(now)}
    document = {
        "type": "TraitDUnionRegistry", "version": 7, "issued": timestamp(now - timedelta(days=30)), "expires": timestamp(expires), "nodes": [],
        "hub": {"id": "hub", "organisation": "OPSI", "platform": "traitdunion", "grade": "full", "keys": [entry]},
    }  # fmt: skip
    await KeptVersions(world.engine).keep("opsi.example", ANCHOR, 7, now, Shown(issue(document, SIGNER, now), ()))


@pytest.mark.parametrize(("left", "said"), [(timedelta(days=3), "vaut jusqu"), (timedelta(days=-3), "expiré")], ids=["holds", "expired"])
async def test_its_page_says_until_when_its_registry_holds(world: World, tmp_path: Path, left: timedelta, said: str) -> None:
    world.hub_key.save(tmp_path / "hub.pem")
    app = site(world.engine, HubSettings(operator_token=None, signing_key=tmp_path / "hub.pem"), world.clock, FakeStreams([], []))
    await world.work(partial(fakes_federation.admit_peer, KEY))
    assert "Son registre" not in (await call(app, "/pairs/opsi.example")).text
    ends = world.clock() + left
    await read_by_our_door(world, ends)
    shown = (await call(app, "/pairs/opsi.example")).text
    told = shown[shown.index("Son registre") : shown.index('id="decision"')]
    assert f'<time datetime="{ends.isoformat(timespec="milliseconds")}">' in told
    assert said in told
    assert ("ministères est refusé" in told) == (left < timedelta(0))


async def test_the_command_says_until_when_its_registry_holds(world: World, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.work(partial(fakes_federation.admit_peer, KEY))
    monkeypatch.setenv("TRAITDUNION_DATABASE_URL", database_url)
    assert "pas encore lu" in await _asked()
    ends = world.clock() + timedelta(days=3)
    await read_by_our_door(world, ends)
    assert f"version 7, lu le {world.clock():%Y-%m-%d}" in (shown := await _asked())
    assert f"vaut jusqu'au {ends:%Y-%m-%d %H:%M:%S}Z" in shown
    assert json.loads(await _asked("--json"))["registry"]["version"] == 7
    await read_by_our_door(world, world.clock() - timedelta(days=1))
    assert "expiré depuis le" in await _asked()


async def _asked(*more: str) -> str:
    return (await asyncio.to_thread(run, "peers", "show", "opsi.example", *more)).output  # commands run loops of their own
