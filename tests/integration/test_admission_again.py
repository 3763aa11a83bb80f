"""Who applies again and again: nothing piles up, nobody else waits for it, and people still read what they have begun to read."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from hub.registry import admission
from hub.registry.admission_work import ManifestReplayed, TooManyApplications
from hub.settings import HubSettings
from hub.site import site
from schemas.application_faults import check, sign
from schemas.keys import SigningKey
from schemas.manifest import Grade
from tests import fakes_federation
from tests.fakes_application import CHARTER, draft
from tests.fakes_asgi import Answer, call
from tests.fakes_hub import FakeStreams
from tests.hub_world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from fastapi import FastAPI

    from hub.unit_of_work import UnitOfWork
    from schemas.application_faults import SignedManifest

NODE, KEY = "node/recherche", SigningKey.generate("recherche")


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    made = await World.make(database_url)
    yield made
    await made.close()


@pytest.fixture
def app(world: World, tmp_path: Path) -> FastAPI:
    world.hub_key.save(tmp_path / "hub.pem")
    return site(world.engine, HubSettings(operator_token=None, signing_key=tmp_path / "hub.pem"), world.clock, FakeStreams([], []))


def manifest(world: World, seconds: int = 0, key: SigningKey = KEY) -> SignedManifest:
    now = world.clock() + timedelta(seconds=seconds)
    return check(sign(draft(key, now=now), key, now), CHARTER, now)


async def apply(world: World, signed: SignedManifest) -> None:
    assert await world.work(partial(admission.apply, signed))


async def kept(world: World) -> list[tuple[str, str]]:
    """Each of its applications and acts that is kept, in order."""
    applications = await world.rows(f"SELECT state FROM hub.applications WHERE subject = '{NODE}' ORDER BY issued")  # noqa: S608 - ours
    acts = await world.rows(f"SELECT kind FROM hub.acts WHERE subject = '{NODE}' ORDER BY id")  # noqa: S608 - ours
    return [("application", row["state"]) for row in applications] + [("act", row["kind"]) for row in acts]


async def approve(world: World, who: str) -> None:
    async def use(work: UnitOfWork) -> None:
        read = await fakes_federation.waiting(NODE, work)
        await admission.decide(NODE, Grade.FULL, await fakes_federation.present(work, who), work, read=read)

    await world.work(use)


async def test_a_newer_manifest_takes_the_place_of_one_that_nobody_acted_upon(world: World) -> None:
    first, *others = (manifest(world, seconds) for seconds in range(5))
    for signed in (first, *others):
        await apply(world, signed)
    assert await kept(world) == [("application", "open"), ("act", "applied")]
    with pytest.raises(ManifestReplayed):
        await apply(world, first)


async def test_what_somebody_approved_is_kept_with_her_act_and_counts_no_more(world: World) -> None:
    await apply(world, manifest(world))
    await approve(world, "anne")
    for seconds in (1, 2, 3):
        await apply(world, manifest(world, seconds))
    assert await kept(world) == [
        ("application", "replaced"), ("application", "open"), ("act", "applied"), ("act", "approved"), ("act", "applied"),
    ]  # fmt: skip
    await approve(world, "bakary")
    await approve(world, "anne")
    assert (await world.reader()).node("recherche") is not None
    for seconds in (4, 5, 6):
        await apply(world, manifest(world, seconds))
    assert [what for what in await kept(world) if what[0] == "application"] == [
        ("application", "replaced"), ("application", "accepted"), ("application", "open"),
    ]  # fmt: skip


async def test_strangers_who_wait_keep_nobody_from_renewing_who_is_admitted_or_waits_already(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await apply(world, manifest(world))
    await world.work(partial(fakes_federation.approve, NODE))
    waiting = SigningKey.generate("inconnu")
    await apply(world, manifest(world, key=waiting))
    monkeypatch.setattr(admission, "OPEN_LIMIT", 1)
    await apply(world, manifest(world, 1))
    await apply(world, manifest(world, 1, waiting))
    with pytest.raises(TooManyApplications):
        await apply(world, manifest(world, key=SigningKey.generate("autre")))


async def sent(app: FastAPI, signed: SignedManifest) -> Answer:
    said: dict[str, Any] = {"client": "192.0.2.7", "headers": {"host": "hub.example", "accept": "application/json"}}
    return await call(app, "/api/applications", method="POST", body=signed.unparsed, **said)


async def test_strangers_come_again_once_a_minute_for_each_name(app: FastAPI, world: World) -> None:
    first = manifest(world)
    assert (await sent(app, first)).status == 201
    assert (await sent(app, first)).status == 200
    world.clock.moved = timedelta(seconds=20)
    soon = await sent(app, manifest(world))
    assert (soon.status, soon.json()["reason"]) == (429, "application_too_soon")
    assert "une minute" in soon.json()["title"]
    assert 0 < int(soon.headers["retry-after"]) <= 40
    assert (await sent(app, manifest(world, key=SigningKey.generate("autre")))).status == 201
    world.clock.moved = timedelta(seconds=61)
    assert (await sent(app, manifest(world))).status == 201


async def test_the_form_says_it_too(app: FastAPI, world: World) -> None:
    await sent(app, manifest(world))
    body = f"manifeste={manifest(world, 1).unparsed.decode()}".replace("+", "%2B").encode()
    headers = {"content-type": "application/x-www-form-urlencoded", "host": "hub.example"}
    page = await call(app, "/candidature", method="POST", body=body, headers=headers, client="192.0.2.7")
    assert (page.status, "application_too_soon" in page.text, "retry-after" in page.headers) == (429, True, True)
