"""Under which name a ministry stands: the one that two people accepted, whoever wrote it first."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from hub.registry import admission
from schemas import jcs
from schemas.application_faults import check, sign
from schemas.keys import SigningKey
from tests import fakes_federation
from tests.fakes_application import CHARTER, draft, peer_draft
from tests.hub_world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hub.unit_of_work import UnitOfWork

NODE = "node/recherche"
KEY, STRANGER = SigningKey.generate("recherche"), SigningKey.generate("inconnu")
SIRET, OTHER = fakes_federation.siret_of("recherche"), fakes_federation.siret_of("ailleurs")
TRUE, FALSE = "Ministère de la recherche", "Canular"


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    made = await World.make(database_url)
    yield made
    await made.close()


async def apply(world: World, key: SigningKey, name: str, siret: str = SIRET, after: timedelta = timedelta(), **changes: Any) -> None:
    now = world.clock() + after
    made = peer_draft if "." in key.owner else draft
    said = made(key, now=now, organisation={"name": name, "siret": siret}, **changes)
    assert await world.work(partial(admission.apply, check(sign(said, key, now), CHARTER, now)))


async def refuse(world: World, subject: str) -> None:
    async def use(work: UnitOfWork) -> None:
        read = await fakes_federation.waiting(subject, work)
        await admission.refuse(subject, "Un canular.", await fakes_federation.present(work), work, read)

    await world.work(use)


async def told(world: World, node: str = "recherche") -> tuple[str, str]:
    """Name and platform, as the signed registry tells them."""
    entry = (await world.reader()).node(node)
    assert entry is not None
    return entry.organisation, entry.platform


async def known(world: World) -> str:
    """Its name in the hub's own lists."""
    found: str = await world.work(_organisation)
    return found


async def _organisation(work: UnitOfWork) -> str:
    node = await work.nodes.get("recherche")
    assert node is not None
    return node.organisation_name


@pytest.mark.parametrize("refused", [True, False])
async def test_a_stranger_who_names_a_ministry_first_has_no_say_over_its_name(world: World, refused: bool) -> None:  # noqa: FBT001 - pytest's
    await apply(world, STRANGER, FALSE)
    if refused:
        await refuse(world, "node/inconnu")
    await apply(world, KEY, TRUE)
    await world.work(partial(fakes_federation.approve, NODE))
    assert (await told(world), await known(world)) == ((TRUE, "discourse"), TRUE)
    rows = await world.rows("SELECT value FROM hub.outbox ORDER BY id DESC LIMIT 1")
    assert jcs.parse(bytes(rows[0]["value"]))["organisation"] == TRUE


async def test_a_candidate_has_no_say_over_the_name_of_a_ministry_that_is_admitted(world: World) -> None:
    await apply(world, KEY, TRUE)
    await world.work(partial(fakes_federation.approve, NODE))
    await apply(world, STRANGER, FALSE)
    assert await known(world) == TRUE


async def test_a_candidate_who_comes_again_under_another_name_is_listed_by_that(world: World) -> None:
    await apply(world, KEY, FALSE)
    await apply(world, KEY, TRUE, after=timedelta(minutes=2))
    assert await known(world) == TRUE


async def test_another_name_siret_and_platform_take_effect_once_two_people_have_accepted_them(world: World) -> None:
    await apply(world, KEY, TRUE)
    await world.work(partial(fakes_federation.approve, NODE))
    await apply(world, KEY, "Ministère du savoir", OTHER, timedelta(minutes=2), platform="matrix")
    assert await told(world) == (TRUE, "discourse")
    await world.work(partial(fakes_federation.approve, NODE))
    assert await told(world) == ("Ministère du savoir", "matrix")
    (node,) = await world.rows("SELECT * FROM hub.nodes WHERE id = 'recherche'")
    assert (node["organisation"], node["platform"], node["grade"]) == (OTHER, "matrix", "full")


async def test_a_name_that_is_accepted_is_that_of_all_the_networks_of_its_ministry(world: World) -> None:
    second = SigningKey.generate("labos")
    for key, name in ((KEY, "Ministère de la recherche"), (second, "Ministère du savoir")):
        await apply(world, key, name)
        await world.work(partial(fakes_federation.approve, f"node/{key.owner}"))
    assert [(await told(world, node))[0] for node in ("recherche", "labos")] == ["Ministère du savoir"] * 2


async def test_a_server_of_others_bears_the_name_that_was_accepted_last(world: World) -> None:
    key = SigningKey.generate("opsi.example")
    for name, after in ((FALSE, timedelta()), (TRUE, timedelta(minutes=2))):
        await apply(world, key, name, after=after)
        await world.work(partial(fakes_federation.approve, "peer/opsi.example"))
    (row,) = await world.rows("SELECT name FROM hub.peers WHERE id = 'opsi.example'")
    assert row["name"] == TRUE
