"""The key that signs the registry: followed by another, taken back, replaced out of band; by two people, and for every reader of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from hub.bootstrap import RegistryReader
from hub.registry import anchor_service, key_service
from hub.registry.acts import acts_of
from hub.registry.admission_work import ApprovalRefused, KeyTaken
from hub.registry.anchor_service import AnchorRefused
from hub.registry.hub_keys import HubFiles, HubKeys, NoHubKeySigns
from hub.registry.key_approvals import Decision
from hub.registry.key_service import Plan
from hub.registry.repository import newest_document
from hub.registry.service import propose_tie
from hub.unit_of_work import never_followed, transaction
from schemas.documents import document_holds
from schemas.keys import SigningKey
from schemas.manifest import Custody, KeyState, Registry, RegistryRefused
from schemas.proof import Reason
from schemas.rotation import announce, read
from tests import fakes_federation
from tests.hub_world import COMMUNITY, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime
    from pathlib import Path

    from hub.unit_of_work import UnitOfWork

LEAD, OVERLAP = timedelta(hours=1), timedelta(days=1)
PLAN = Plan(LEAD, OVERLAP)
SETTLED = timedelta(seconds=20)


class Hub:
    """A hub whose key stands in files, as in production, over a real database."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.files = world, HubFiles("hub", folder / "hub.pem")
        world.hub_key.save(self.files.now)
        self.new = self.files.following()
        self.keys = HubKeys(self.files, world.clock)
        world.rules = replace(world.rules, key=self.keys, follow=self.keys.follow)

    async def rotate(self, *people: str, new: SigningKey | None = None) -> Decision:
        """Said by each of them in turn; what the last was told."""
        decided = Decision(0)
        for person in people:

            async def use(work: UnitOfWork, person: str = person) -> Decision:
                presence = await fakes_federation.present(work, person)
                return await anchor_service.rotate(self.keys.held(), new or self.new, PLAN, presence, work)

            decided = await self.world.work(use)
        return decided

    async def document(self) -> bytes:
        async with self.world.engine.connect() as connection:
            found = await newest_document(connection)
        assert found is not None
        return found[1]

    async def sign_anew(self) -> bool:
        """As the relay does when it sees that another key signs."""
        async with transaction(self.world.engine, self.world.rules) as work:
            done = await work.sign_anew()
            await work.commit()
        return done

    def opened(self, document: bytes, anchor: SigningKey, seen: Registry | None = None) -> Registry:
        return Registry.open(document, anchor.public.multibase, self.world.clock(), seen)


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    world = await World.make(database_url)
    yield Hub(world, tmp_path)
    await world.close()


async def at(hub: Hub, moved: timedelta) -> datetime:
    hub.world.clock.moved += moved
    return hub.world.clock()


async def test_an_anchor_follows_another_and_a_reader_of_the_old_one_goes_with_it(hub: Hub) -> None:
    old, now = hub.world.hub_key, hub.world.clock()
    before = hub.opened(await hub.document(), old)
    assert (await hub.rotate("anne")).new is None
    decided = await hub.rotate("bakary")
    assert decided.new is not None
    announced = hub.opened(await hub.document(), old, before)
    assert announced.anchor == old.public.multibase
    assert announced.key_at("hub", hub.new.key_id, now) is Reason.KEY_PENDING
    await at(hub, LEAD + SETTLED)
    assert await hub.sign_anew()
    followed = hub.opened(await hub.document(), old, announced)
    assert followed.anchor == hub.new.public.multibase
    assert [key.state_at(hub.world.clock()) for key in followed.document.hub.keys] == [KeyState.RETIRING, KeyState.ACTIVE]
    assert not await hub.sign_anew()


async def test_a_reader_that_was_away_for_two_changes_follows_them_and_no_longer_believes_what_the_first_signs(hub: Hub) -> None:
    old, versions = hub.world.hub_key, [await hub.document()]
    for number in range(2):
        new = hub.new if number == 0 else hub.files.following()
        await hub.rotate("anne", "bakary", new=new)
        versions.append(await hub.document())
        await at(hub, LEAD + SETTLED)
        await hub.sign_anew()
        versions.append(await hub.document())
        hub.files.next.replace(hub.files.now)
        await at(hub, OVERLAP)
    away, stranger = hub.opened(versions[0], old), SigningKey.generate("hub")
    back = hub.opened(versions[-1], old, away)
    assert back.anchor == SigningKey.load("hub", hub.files.now).public.multibase
    assert len(back.chain.links) == 2
    with pytest.raises(RegistryRefused, match="registry_anchor_rolled_back"):
        hub.opened(versions[1], old, back)
    with pytest.raises(RegistryRefused, match="registry_anchor_unknown"):
        hub.opened(versions[-1], stranger)
    assert hub.opened(versions[-1], hub.new).anchor == back.anchor  # from the middle of the chain as well


async def test_it_takes_two_people_of_two_organisations_who_name_the_same_key(hub: Hub) -> None:
    await hub.rotate("anne")
    with pytest.raises(ApprovalRefused, match="already_approved"):
        await hub.rotate("anne")
    assert (await hub.rotate("bakary", new=SigningKey.generate("hub"))).new is None
    assert (await hub.rotate("bakary")).new is not None
    acts = await kept(hub, anchor_service.SUBJECT)
    assert acts == [("approved", "anne"), ("approved", "bakary"), ("approved", "bakary"), ("key_rotated", "bakary")]
    registry = hub.opened(await hub.document(), hub.world.hub_key)
    assert [(one.act, one.approvals) for one in registry.document.history[-1].changes] == [("key_rotated", 2)]


async def test_one_change_at_a_time_and_no_key_of_anybody_elses(hub: Hub) -> None:
    with pytest.raises(KeyTaken):
        await hub.rotate("anne", new=hub.world.keys["wifip"].acting_for("hub"))
    with pytest.raises(KeyTaken):
        await hub.rotate("anne", new=hub.world.hub_key)
    await hub.rotate("anne", "bakary")
    with pytest.raises(AnchorRefused, match="anchor_change_pending"):
        await hub.rotate("anne", new=SigningKey.generate("hub"))


async def test_what_the_hub_says_is_judged_by_its_key_at_the_time_of_the_broker(hub: Hub) -> None:
    world = hub.world
    await hub.rotate("anne", "bakary")
    early = await says(hub)
    start = await at(hub, LEAD + SETTLED)
    await hub.sign_anew()
    late = await says(hub)
    registry = hub.opened(await hub.document(), world.hub_key)
    assert [early, late] == [world.hub_key.key_id, hub.new.key_id]
    moments = {"before": start - LEAD, "overlap": start + OVERLAP / 2, "after": start + OVERLAP * 2}
    judged = {name: [registry.key_at("hub", key, moment) for key in (early, late)] for name, moment in moments.items()}
    assert judged == {
        "before": [world.hub_key.public, Reason.KEY_PENDING], "overlap": [world.hub_key.public, hub.new.public],
        "after": [Reason.KEY_RETIRED, hub.new.public],
    }  # fmt: skip


async def test_a_key_announced_is_taken_back_and_another_may_follow(hub: Hub) -> None:
    old = hub.world.hub_key
    await hub.rotate("anne", "bakary")
    announced = hub.opened(await hub.document(), old)
    await compromise(hub, hub.new)
    taken_back = hub.opened(await hub.document(), old, announced)
    assert taken_back.chain.links == ()
    assert [key.retired_at for key in taken_back.document.hub.keys if key.id == old.key_id] == [None]
    await at(hub, LEAD + OVERLAP * 2)
    assert not await hub.sign_anew()
    hub.files.next.unlink()
    other = hub.files.following()
    await hub.rotate("anne", "bakary", new=other)
    await at(hub, LEAD + SETTLED)
    await hub.sign_anew()
    assert hub.opened(await hub.document(), old, taken_back).anchor == other.public.multibase


async def test_a_former_key_is_revoked_by_the_one_that_followed_it_and_the_one_that_signs_by_nobody(hub: Hub) -> None:
    old = hub.world.hub_key
    with pytest.raises(AnchorRefused, match="anchor_in_force"):
        await compromise(hub, old)
    with pytest.raises(LookupError):
        await compromise(hub, SigningKey.generate("hub"))
    await hub.rotate("anne", "bakary")
    now = await at(hub, LEAD + SETTLED)
    await hub.sign_anew()
    await compromise(hub, old)
    registry = hub.opened(await hub.document(), old)
    assert registry.key_at("hub", old.key_id, now + SETTLED) is Reason.KEY_REVOKED
    assert registry.anchor == hub.new.public.multibase  # who was away still finds the way


async def test_an_anchor_that_is_lost_is_replaced_by_two_people_and_every_reader_must_be_told(hub: Hub) -> None:
    old, before = hub.world.hub_key, hub.opened(await hub.document(), hub.world.hub_key)
    since = hub.world.clock().replace(microsecond=0) - timedelta(hours=3)
    assert (await substitute(hub, "anne", since)).new is None
    with pytest.raises(ApprovalRefused):
        await substitute(hub, "anne", since)
    assert (await substitute(hub, "bakary", since)).new is not None
    document = await hub.document()
    with pytest.raises(RegistryRefused, match="registry_anchor_unknown"):
        hub.opened(document, old, before)
    registry = hub.opened(document, hub.new)
    assert registry.document.history[: len(before.document.history)] == before.document.history
    gone = next(key for key in registry.document.hub.keys if key.id == old.key_id)
    assert (gone.state_at(hub.world.clock()), gone.compromised_since) == (KeyState.REVOKED, since)
    assert await kept(hub, anchor_service.REPLACEMENT) == [("approved", "anne"), ("approved", "bakary"), ("anchor_replaced", "bakary")]
    async with hub.world.engine.connect() as connection:
        acts = await acts_of(connection, anchor_service.REPLACEMENT)
    assert all(document_holds(json.loads(act.attestation), hub.new.public) for act in acts)


async def test_approving_a_succession_is_not_approving_a_replacement(hub: Hub) -> None:
    await hub.rotate("anne")
    assert (await substitute(hub, "bakary", None)).new is None


async def test_a_process_without_the_key_that_follows_says_so_and_signs_nothing(hub: Hub) -> None:
    await hub.rotate("anne", "bakary")
    hub.files.next.unlink()
    alone = HubKeys(hub.files, hub.world.clock)
    await at(hub, LEAD + OVERLAP + SETTLED)
    async with hub.world.engine.connect() as connection:
        await alone.follow(connection)
    with pytest.raises(NoHubKeySigns):
        alone.held()


async def test_the_workers_reader_follows_the_anchor_too(hub: Hub) -> None:
    reader = RegistryReader(hub.world.engine, hub.world.hub_key.public.multibase)
    await reader()
    await hub.rotate("anne", "bakary")
    await at(hub, LEAD + SETTLED)
    await hub.sign_anew()
    assert (await reader()).anchor == hub.new.public.multibase


async def test_a_node_never_takes_a_key_that_the_hub_has_or_had(hub: Hub) -> None:
    await hub.rotate("anne", "bakary")
    said = read(announce(hub.world.keys["wifip"], hub.new.acting_for("wifip"), Custody.ORGANISATION, hub.world.clock()))

    async def use(work: UnitOfWork) -> None:
        await key_service.rotate(said, PLAN, await fakes_federation.present(work), work)

    with pytest.raises(KeyTaken):
        await hub.world.work(use)


async def substitute(hub: Hub, person: str, since: datetime | None) -> Decision:
    """As the command does: signed by the new key alone."""
    rules = replace(hub.world.rules, key=hub.new, first_anchor=hub.world.hub_key.public.multibase, follow=never_followed)
    async with transaction(hub.world.engine, rules) as work:
        presence = await fakes_federation.present(work, person)
        decided = await anchor_service.substitute(hub.new, since, "volée", presence, work)
        await work.commit()
    return decided


async def compromise(hub: Hub, key: SigningKey) -> None:
    async def use(work: UnitOfWork) -> None:
        await anchor_service.call_compromised(key.public.multibase, hub.world.clock(), await fakes_federation.present(work), work)

    await hub.world.work(use)


async def kept(hub: Hub, subject: str) -> list[tuple[str, str]]:
    async with hub.world.engine.connect() as connection:
        return [(act.kind.value, act.person or "") for act in await acts_of(connection, subject)]


async def says(hub: Hub) -> str:
    """Something of the hub's own, as a transaction signs it now; the key's id."""
    await hub.world.work(lambda work: propose_tie("wifip", hub.world.spaces["wifip"], COMMUNITY, work))
    said = await hub.world.rows("SELECT headers FROM hub.outbox ORDER BY id DESC LIMIT 1")
    return str(dict(said[0]["headers"])["ce_keyid"])
