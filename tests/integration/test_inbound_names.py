"""The names of tied spaces through the worker's batch, on a real PostgreSQL, and on the community's page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hub.settings import HubSettings
from hub.site import site
from schemas.facts.tie import TieAccepted
from schemas.words import Audience
from tests.fakes_asgi import call
from tests.fakes_hub import FakeStreams
from tests.hub_world import COMMUNITY, NODES, World

if TYPE_CHECKING:
    from hub.ports import Record


def called(world: World, node: str, name: str, space: str | None = None) -> Record:
    fact = TieAccepted(space=space or NODES[node], space_name=name, audience=Audience.MEMBERS, externals=False)
    return world.record(node, fact, f"tie/{node}/{space or NODES[node]}", marker=world.clock().isoformat())


async def names(world: World) -> dict[str, str]:
    return {row["node"]: row["space_name"] for row in await world.rows("SELECT node, space_name FROM hub.ties")}


async def announced(world: World) -> list[Any]:
    return [row["event"] for row in await world.rows("SELECT event FROM hub.outbox WHERE sequence IS NOT NULL ORDER BY id")]


async def test_another_name_is_told_to_every_tied_node_and_renames_that_space_alone(world: World) -> None:
    before = await announced(world)
    await world.hear(called(world, "education", "Atelier"))
    (new,) = [event for event in await announced(world) if event not in before]
    (sent,) = await world.rows(f"SELECT targets FROM hub.outbox WHERE event = '{new}'")  # noqa: S608 - an id of ours
    assert set(sent["targets"]) == set(NODES)
    assert await names(world) == {"wifip": "Salle", "education": "Atelier", "diplomatie": "Salle"}
    assert [row["title"] for row in await world.rows("SELECT title FROM hub.communities")] == ["Futurs Publics"]


async def test_the_same_name_is_told_to_nobody(world: World) -> None:
    before = await announced(world)
    await world.hear(called(world, "education", "Salle"))
    assert await announced(world) == before


async def test_no_ministry_renames_another_s_space(world: World) -> None:
    await world.hear(called(world, "education", "À nous", NODES["wifip"]))
    assert world.dead_letters.reasons == ["not_tied"]
    assert set((await names(world)).values()) == {"Salle"}


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\u202eellaS\n<script>alert(1)</script>", "<bdi>ellaS &lt;script&gt;alert(1)&lt;/script&gt;</bdi>"),
        ("", "<bdi>espace sans nom</bdi>"),
        ("x" * 255, f"<bdi>{'x' * 255}</bdi>"),
    ],
    ids=["markup, controls, direction", "empty", "long"],
)
async def test_the_page_shows_each_space_by_its_name_and_no_name_becomes_markup(world: World, hostile: str, shown: str) -> None:
    await world.hear(called(world, "education", hostile))
    app = site(world.engine, HubSettings(operator_token=None), world.clock, FakeStreams([], []))
    page = (await call(app, f"/communautes/{COMMUNITY}")).text
    assert f"<bdi>Ministère education</bdi> : {shown}" in page
    assert page.count("<bdi>Ministère") == len(NODES)
    (node,) = [one for one in (await call(app, "/api/nodes")).json()["nodes"] if one["id"] == "wifip"]
    assert [tie["name"] for tie in node["ties"]] == ["Salle"]
