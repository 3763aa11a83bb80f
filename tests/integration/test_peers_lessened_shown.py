"""A community's page says which servers of others it has lost, since when and what that costs; those that have nothing to do with it are not named."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

import pytest

from hub.federation.followers import Follow, Follower, FollowState
from hub.federation.repository import SqlFollowers, SqlFollows
from hub.registry import admission
from hub.settings import HubSettings
from hub.site import site
from schemas.keys import SigningKey
from schemas.manifest import Grade
from tests import fakes_federation
from tests.fakes_asgi import call
from tests.fakes_hub import FakeStreams
from tests.hub_world import COMMUNITY, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi import FastAPI

    from hub.unit_of_work import UnitOfWork

OPSI: Final = "opsi.example"
GROUP: Final = f"https://{OPSI}/groups/innovation"
PAGE: Final = f"/communautes/{COMMUNITY}"
READS_NO_MORE: Final = "Ses membres ne reçoivent plus rien"


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    made = await World.make(database_url)
    await made.tie("wifip", "education")
    await made.work(partial(fakes_federation.present, who="bakary"))
    await made.work(partial(fakes_federation.admit_peer, SigningKey.generate(OPSI)))
    yield made
    await made.close()


@pytest.fixture
def app(world: World) -> FastAPI:
    return site(world.engine, HubSettings(operator_token=None), world.clock, FakeStreams([], []))


async def follows_us(world: World, community: str = COMMUNITY) -> None:
    async with world.engine.begin() as connection:
        actor = f"https://{OPSI}/users/alice"
        await SqlFollowers(connection).add(Follower(community, actor, OPSI, f"{actor}/inbox", "", "Person", f"{actor}/f", world.clock()))


async def is_followed(world: World, state: FollowState = FollowState.ACCEPTED) -> None:
    async with world.engine.begin() as connection:
        await SqlFollows(connection).save(Follow(COMMUNITY, GROUP, OPSI, state, "https://hub.example/activities/f", world.clock()))


async def departs(work: UnitOfWork) -> None:
    for who in ("anne", "bakary"):
        await admission.decide(f"peer/{OPSI}", Grade.GONE, await fakes_federation.present(work, who), work, "fin du service")


suspended = partial(fakes_federation.suspend, f"peer/{OPSI}")


@pytest.mark.parametrize("tied", [follows_us, is_followed], ids=["that follows", "whose group is followed"])
async def test_a_suspended_server_is_named_with_what_is_lost(app: FastAPI, world: World, tied: object) -> None:
    assert callable(tied)
    await tied(world)
    assert OPSI not in (await call(app, PAGE)).text
    await world.work(suspended)
    shown = (await call(app, PAGE)).text
    assert "opsi.example est suspendu depuis le" in shown
    assert f"{READS_NO_MORE} de nouveau de ce qui se dit ici" in shown
    assert "n’arrive plus" in shown
    assert "Raison : essai." in shown
    assert "Ses agents" not in shown


async def test_a_server_that_has_gone_is_named_with_what_is_lost(app: FastAPI, world: World) -> None:
    await follows_us(world)
    await world.work(departs)
    shown = (await call(app, PAGE)).text
    assert "opsi.example est parti depuis le" in shown
    assert f"{READS_NO_MORE} de ce qui se dit ici, pas même les suppressions" in shown
    assert "Raison : fin du service." in shown


async def test_one_that_follows_and_is_followed_is_named_once(app: FastAPI, world: World) -> None:
    await follows_us(world)
    await is_followed(world)
    await world.work(suspended)
    assert (await call(app, PAGE)).text.count("opsi.example est suspendu") == 1


@pytest.mark.parametrize("state", sorted(set(FollowState) - {FollowState.ACCEPTED}))
async def test_a_server_that_has_nothing_to_do_with_the_community_is_not_named_there(
    app: FastAPI, world: World, state: FollowState
) -> None:
    await follows_us(world, "une-autre")
    await is_followed(world, state)
    await world.work(suspended)
    assert OPSI not in (await call(app, PAGE)).text
    assert READS_NO_MORE in (await call(app, "/")).text
    assert READS_NO_MORE in (await call(app, f"/pairs/{OPSI}")).text


async def test_a_server_that_only_reads_is_named_and_its_manifests_end_too(app: FastAPI, world: World) -> None:
    await follows_us(world)
    await world.work(partial(fakes_federation.expire, f"peer/{OPSI}", world.clock() + timedelta(days=29)))
    assert "Le manifeste de opsi.example expire le" in (await call(app, PAGE)).text
    await world.work(partial(fakes_federation.lower, f"peer/{OPSI}"))
    shown = (await call(app, PAGE)).text
    assert "opsi.example est observateur depuis le" in shown
    assert "est refusé à son serveur" in shown


async def test_who_may_not_read_the_page_is_told_of_no_server(app: FastAPI, world: World) -> None:
    await follows_us(world)
    await world.work(suspended)
    answer = await call(app, PAGE, client="192.0.2.1")
    assert (answer.status, OPSI in answer.text) == (401, False)


async def test_of_a_node_what_is_lost_is_said_in_its_agents_words(app: FastAPI, world: World) -> None:
    await follows_us(world)
    await world.work(partial(fakes_federation.suspend, "node/wifip"))
    shown = (await call(app, PAGE)).text
    assert "wifip est suspendu" in shown
    assert "Ses agents n’y écrivent plus" in shown
    assert OPSI not in shown
