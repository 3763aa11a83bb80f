"""Whom the courier tells: what it remembers of followers and peers is never older than what it carries for one of them."""

from __future__ import annotations

from hub.federation.parcel import Form, Parcel
from hub.federation.readership import Readership
from schemas.manifest import Grade
from tests.fakes_courier import COMMUNITY, GROUP, World

NEW = "new.example"
ANNOUNCED = Parcel(COMMUNITY, "event", GROUP, Form.ANNOUNCED, b"{}")
ACCEPT = Parcel(COMMUNITY, "", GROUP, Form.DIRECT, b"{}", to=f"https://{NEW}/users/ear", inbox=f"https://{NEW}/inbox")


async def test_a_peer_that_was_admitted_this_second_hears_that_it_may_follow_and_all_that_comes_after() -> None:
    world = World()
    readership = Readership(world)
    assert await readership.of(ANNOUNCED, 100.0) == {}
    world.known = {}  # not the answer that was remembered
    world.follow(NEW)
    assert set(await readership.of(ACCEPT, 100.5)) == {NEW}
    assert set(await readership.of(ANNOUNCED, 100.6)) == {NEW}


async def test_a_peer_that_was_suspended_this_second_is_told_nothing_for_itself_any_more() -> None:
    world = World()
    world.follow(NEW)
    readership = Readership(world)
    assert set(await readership.of(ACCEPT, 100.0)) == {NEW}
    world.known = {}
    world.follow(NEW, grade=Grade.SUSPENDED)
    assert await readership.of(ACCEPT, 100.5) == {}
