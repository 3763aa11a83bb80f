"""Memberships through the worker's batch, on a real PostgreSQL, and what the community's page shows of them."""

from __future__ import annotations

from hub.access import permit_command_line
from hub.communities.members import NAMES, participants_of
from hub.communities.model import Participants
from hub.settings import HubSettings
from hub.site import site
from schemas.facts.membership import MembershipJoined, MembershipLeft
from schemas.facts.message import Author
from schemas.words import Audience
from tests.fakes_asgi import call
from tests.fakes_hub import FakeStreams
from tests.hub_world import COMMUNITY, NODES, World

LEFT = MembershipLeft(space=NODES["education"], member=Author(name="Camille Roux", organisation="education"))


async def participants(world: World) -> tuple[Participants, ...]:
    async with world.engine.connect() as connection:
        return await participants_of(connection, permit_command_line(), COMMUNITY)


async def test_arrivals_go_to_every_tied_node_byte_for_byte_and_are_counted_by_ministry(world: World) -> None:
    record = world.joined("wifip", "member:1")
    await world.hear(record, world.joined("wifip", "member:2", "Ali Ben", actor="b" * 32), world.joined("education", "member:1", "Zoé"))
    sent = (await world.rows("SELECT * FROM hub.outbox ORDER BY id DESC LIMIT 3"))[-1]
    assert bytes(sent["value"]) == record.value
    assert set(sent["targets"]) == set(NODES)
    assert await participants(world) == (
        Participants("wifip", "Ministère wifip", 2, ("Ali Ben", "Camille Roux")),
        Participants("education", "Ministère education", 1, ("Zoé",)),
    )


async def test_who_left_is_counted_no_more_and_her_name_is_nowhere_in_the_hub_s_rooms(world: World) -> None:
    await world.hear(world.joined("wifip", "member:1"))
    await world.hear(world.left("wifip", "member:1"), world.joined("wifip", "member:1"))
    assert await participants(world) == ()
    assert [dict(row) for row in await world.rows("SELECT name, state FROM hub.members")] == [{"name": "", "state": "left"}]


async def test_the_same_batch_twice_counts_once_and_a_new_name_replaces_the_old(world: World) -> None:
    records = world.joined("wifip", "member:1"), world.joined("wifip", "member:1", "Camille Petit", "joined:2")
    await world.hear(*records)
    await world.hear(*records)
    assert await participants(world) == (Participants("wifip", "Ministère wifip", 1, ("Camille Petit",)),)


async def test_a_person_told_anew_under_another_membership_is_counted_once(world: World) -> None:
    await world.hear(world.joined("wifip", "member:1"))
    await world.hear(world.joined("wifip", "member:2"), world.joined("wifip", "member:3", "Ali", actor="b" * 32))
    assert [one.count for one in await participants(world)] == [2]


async def test_no_ministry_is_credited_with_people_of_another_node(world: World) -> None:
    fact = MembershipJoined(space=NODES["wifip"], member=Author(name="Intruse", organisation="Ministère education"))
    await world.hear(world.record("wifip", fact, "member:1", marker="joined:1"))
    assert (world.dead_letters.reasons, await participants(world)) == (["ministry_of_another_node"], ())
    part = MembershipJoined(space=NODES["wifip"], member=Author(name="Camille Roux", organisation="Une direction de ce ministère"))
    await world.hear(world.record("wifip", part, "member:2", marker="joined:1"))
    assert [one.ministry for one in await participants(world)] == ["Ministère wifip"]


async def test_people_of_another_s_space_and_forged_departures_are_dead_letters(world: World) -> None:
    await world.hear(world.joined("wifip", "member:1"))
    elsewhere = MembershipJoined(space=NODES["education"], member=Author(name="Intruse", organisation="wifip"))
    forged = world.event("education", LEFT, "member:1", marker="left", subject=(await world.rows("SELECT id FROM hub.members"))[0]["id"])
    await world.hear(
        world.record("wifip", elsewhere, "member:2", marker="joined:1"), world.carry(forged, f"education/{NODES['education']}")
    )
    assert sorted(world.dead_letters.reasons) == ["not_owner", "not_tied"]
    assert [one.count for one in await participants(world)] == [1]


async def test_a_space_that_opened_too_wide_shows_nobody_and_who_leaves_it_is_still_forgotten(world: World) -> None:
    await world.hear(world.joined("wifip", "member:1"), world.joined("wifip", "member:2", "Ali", actor="b" * 32))
    await world.hear(world.accepted("wifip", Audience.PUBLIC))
    assert await participants(world) == ()
    await world.hear(world.left("wifip", "member:1"))
    assert world.dead_letters.reasons == []
    await world.hear(world.accepted("wifip"))
    assert await participants(world) == (Participants("wifip", "Ministère wifip", 1, ("Ali",)),)


async def test_the_count_is_whole_though_a_page_names_a_hundred(world: World) -> None:
    await world.hear(*(world.joined("wifip", f"member:{number}", f"N{number:03}", actor=f"{number:032}") for number in range(NAMES + 5)))
    (found,) = await participants(world)
    assert (found.count, len(found.names)) == (NAMES + 5, NAMES)


async def test_the_page_and_its_json_show_participants_and_no_name_becomes_markup(world: World) -> None:
    hostile = "<script>alert(1)</script>\u202eetnadrom"
    await world.hear(world.joined("wifip", "member:1", hostile), world.joined("wifip", "member:2", "", actor="b" * 32))
    app = site(world.engine, HubSettings(operator_token=None), world.clock, FakeStreams([], []))
    page = (await call(app, f"/communautes/{COMMUNITY}")).text
    assert "<bdi>&lt;script&gt;alert(1)&lt;/script&gt; etnadrom</bdi> et 1 autre" in page
    assert "Ministère wifip</bdi> : 2 participants" in page
    said = (await call(app, f"/api/communities/{COMMUNITY}/participants")).json()
    assert said["participants"][0] == {
        "node": "wifip", "ministry": "Ministère wifip", "count": 2, "names": ["<script>alert(1)</script> etnadrom"]
    }  # fmt: skip
    assert "b" * 32 not in page + str(said)


async def test_participants_are_for_operators_alone(world: World) -> None:
    app = site(world.engine, HubSettings(operator_token=None), world.clock, FakeStreams([], []))
    for path in (f"/communautes/{COMMUNITY}", f"/api/communities/{COMMUNITY}/participants"):
        assert (await call(app, path, client="192.0.2.7")).status == 401
