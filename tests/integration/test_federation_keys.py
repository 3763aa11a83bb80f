"""The pair by which the hub signs for other servers: followed by another, and judged by the time at which the broker took each record."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from hub.bootstrap import RegistryReader
from hub.operations import readmission
from hub.operations.doubt import count_doubtful, doubtful
from hub.operations.trace import way_of
from hub.registry import pair_service
from hub.registry.acts import acts_of
from hub.registry.admission_work import KeyTaken
from hub.registry.key_service import Plan
from hub.registry.repository import newest_document
from schemas.activities import native_id_of
from schemas.actor_keys import rsa_multikey
from schemas.envelope import object_id
from schemas.keys import SigningKey
from schemas.manifest import Custody
from schemas.proof import Reason
from schemas.rotation import RotationRefused, announce, read
from schemas.rsa_keys import RsaSigningKey
from tests import fakes_federation
from tests.fakes_peer_town import ALICE, Town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.ports import Record
    from hub.unit_of_work import UnitOfWork
    from schemas.manifest import KeyEntry
    from schemas.rotation import Announced

LEAD, OVERLAP = timedelta(minutes=10), timedelta(hours=1)
RSA = rsa_multikey(RsaSigningKey.generate("hub.example", 2048).public)


@pytest.fixture
async def town(database_url: str) -> AsyncIterator[Town]:
    made = await Town.make(database_url)
    made.world.rules = replace(made.world.rules, federation_anchor=made.door.key.public.multibase)
    yield made
    await made.world.close()


def word(town: Town, old: SigningKey, new: SigningKey, rsa: str = RSA) -> Announced:
    as_server = [one.acting_for("hub.example") for one in (old, new)]
    return read(announce(as_server[0], as_server[1], Custody.OPERATOR, town.world.clock(), rsa))


async def rotate(town: Town, said: Announced) -> KeyEntry:
    async def use(work: UnitOfWork) -> KeyEntry:
        return await pair_service.rotate(said, Plan(LEAD, OVERLAP), await fakes_federation.present(work), work)

    made: KeyEntry = await town.world.work(use)
    return made


async def says(town: Town, number: int, key: SigningKey) -> Record:
    """A post as the door takes it now, signing by this key."""
    town.door.key = key
    (record,) = await town.records((ALICE, ALICE.creates(ALICE.note(f"notes/{number}"), f"acts/{number}")))
    return record


async def test_a_pair_follows_another_and_every_reader_of_the_registry_can_tell_when(town: Town) -> None:
    old, new, now = town.door.key, SigningKey.generate("hub"), town.world.clock()
    key = await rotate(town, word(town, old, new))
    assert key.id == f"federation#{new.public.multibase}"
    registry, at = await town.world.reader(), {"before": now, "while": now + LEAD + OVERLAP / 2, "after": now + LEAD + OVERLAP * 1.1}
    assert [one.multibase for one in registry.document.federation] == [old.public.multibase, new.public.multibase]
    judged = {when: [registry.door_key_at(f"x#{one.public.multibase}", moment) for one in (old, new)] for when, moment in at.items()}
    assert judged == {
        "before": [old.public, Reason.KEY_PENDING], "while": [old.public, new.public], "after": [Reason.KEY_RETIRED, new.public],
    }  # fmt: skip
    assert [one.key for one in registry.document.history[-1].changes] == [key.id]
    async with town.world.engine.connect() as connection:
        assert [act.kind for act in await acts_of(connection, pair_service.SUBJECT)] == ["key_rotated"]


async def test_what_the_door_took_under_either_key_is_heard_however_late(town: Town) -> None:
    old, new = town.door.key, SigningKey.generate("hub")
    waiting = [await says(town, 1, old)]
    await rotate(town, word(town, old, new))
    waiting.append(await says(town, 2, old))
    town.world.clock.moved += LEAD + timedelta(minutes=1)
    waiting += [await says(town, 3, old), await says(town, 4, new)]
    town.world.clock.moved += OVERLAP * 2  # the worker stood still all that time: what waits is judged by when the broker took it
    await town.take([*waiting, await says(town, 5, new)])
    assert town.reasons == []
    assert len(await town.messages()) == 5


@pytest.mark.parametrize(
    ("whose", "after"),
    [
        ("next, before its time", timedelta(0)),
        ("former, after the overlap", LEAD + OVERLAP + timedelta(seconds=1)),
        ("nobody's", LEAD + timedelta(minutes=1)),
    ],
)
async def test_what_another_key_or_the_right_one_at_another_time_signed_is_refused(town: Town, whose: str, after: timedelta) -> None:
    old, new = town.door.key, SigningKey.generate("hub")
    await rotate(town, word(town, old, new))
    signs = {"next, before its time": new, "former, after the overlap": old, "nobody's": SigningKey.generate("hub")}[whose]
    town.world.clock.moved += after
    await town.take([await says(town, 1, signs)])
    assert town.reasons == ["provenance_key_refused"]
    assert await town.messages() == []


async def test_a_thief_of_the_former_key_cannot_date_back_what_it_signs(town: Town) -> None:
    old, new = town.door.key, SigningKey.generate("hub")
    dated_back = await says(town, 1, old)  # the door's own word says when it was received: in the key's best days
    await rotate(town, word(town, old, new))
    town.world.clock.moved += LEAD + OVERLAP + timedelta(seconds=1)
    await town.take([replace(dated_back, timestamp=town.world.clock())])
    assert town.reasons == ["provenance_key_refused"]


async def parked_and_read_again(town: Town, by: SigningKey) -> None:
    """A peer's activity that was parked under the former pair, and is read again after its end, with somebody's word on when it came."""
    old, new = town.door.key, SigningKey.generate("hub")
    parked = await says(town, 1, old)
    await rotate(town, word(town, old, new))
    town.world.clock.moved += LEAD + OVERLAP + timedelta(seconds=1)
    headers = readmission.vouched(by, parked.key, parked.value, parked.headers, parked.timestamp)
    await town.take([replace(parked, timestamp=town.world.clock(), headers=headers)])


async def test_what_was_parked_before_the_overlaps_end_is_heard_after_it_on_the_hubs_word(town: Town) -> None:
    await parked_and_read_again(town, town.world.hub_key)
    assert (town.reasons, len(await town.messages())) == ([], 1)


async def test_nobody_but_the_hub_says_when_what_was_parked_had_come(town: Town) -> None:
    await parked_and_read_again(town, town.door.key)
    assert (town.reasons, await town.messages()) == (["provenance_key_refused"], [])


async def test_nobody_else_names_the_next_pair(town: Town) -> None:
    old, new, stranger = town.door.key, SigningKey.generate("hub"), SigningKey.generate("hub")
    with pytest.raises(RotationRefused, match="rotation_by_another_key"):
        await rotate(town, word(town, stranger, new))
    with pytest.raises(RotationRefused, match="rotation_without_rsa"):
        await rotate(town, word(town, old, new, ""))
    for taken in (town.world.keys["wifip"], town.world.hub_key):
        with pytest.raises(KeyTaken):
            await rotate(town, word(town, old, taken))
    await rotate(town, word(town, old, new))
    with pytest.raises(KeyTaken):
        await rotate(town, word(town, old, new))
    with pytest.raises(RotationRefused, match="rotation_by_another_key"):
        await rotate(town, word(town, new, stranger))  # it is not active yet


async def test_a_pair_in_other_hands_is_refused_from_that_moment_on(town: Town) -> None:
    old = town.door.key
    before = await says(town, 1, old)
    town.world.clock.moved += timedelta(seconds=2)  # the moment is kept to a second
    since = town.world.clock()

    async def use(work: UnitOfWork) -> None:
        await pair_service.call_compromised(old.public.multibase, since, await fakes_federation.present(work), work)

    await town.world.work(use)
    town.world.clock.moved += timedelta(seconds=1)
    await town.take([before, await says(town, 2, old)])
    assert town.reasons == ["provenance_key_refused"]
    assert len(await town.messages()) == 1
    for wrong, at, error in (("z6MkUnknown", since, LookupError), (old.public.multibase, since + timedelta(days=1), ValueError)):

        async def again(work: UnitOfWork, wrong: str = wrong, at: datetime = at) -> None:
            await pair_service.call_compromised(wrong, at, await fakes_federation.present(work), work)

        with pytest.raises(error):
            await town.world.work(again)


async def test_who_was_told_of_an_older_registry_while_another_was_told_of_a_newer_keeps_the_newer(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents: list[tuple[int, bytes]] = []
    for _ in range(2):
        await town.world.work(_publish)
        async with town.world.engine.connect() as connection:
            newest = await newest_document(connection)
        assert newest is not None
        documents.append(newest)
    asked, told = asyncio.Event(), asyncio.Event()

    async def newest_of(_: AsyncConnection, known: int) -> tuple[int, bytes] | None:
        del known
        if asked.is_set():
            return documents[1]
        asked.set()
        await told.wait()
        return documents[0]

    monkeypatch.setattr("hub.bootstrap.newest_document", newest_of)
    reader = RegistryReader(town.world.engine, town.world.hub_key.public.multibase)
    slow = asyncio.create_task(reader())
    await asked.wait()
    quick = await reader()
    told.set()
    assert (await slow).document.version == quick.document.version == documents[1][0]


async def _publish(work: UnitOfWork) -> None:
    await work.publish_registry()


async def test_what_the_door_took_under_a_pair_since_it_was_stolen_is_doubtful_and_nothing_else(town: Town) -> None:
    old, new = town.door.key, SigningKey.generate("hub")
    await town.take([await says(town, 1, old)])
    await rotate(town, word(town, old, new))
    since = town.world.clock()
    await town.take([await says(town, 2, old)])
    town.world.clock.moved += LEAD + timedelta(minutes=1)
    await town.take([await says(town, 3, new)])
    assert await doubtful_ones(town) == ([], 0)

    async def use(work: UnitOfWork) -> None:
        await pair_service.call_compromised(old.public.multibase, since, await fakes_federation.present(work), work)

    await town.world.work(use)
    assert await doubtful_ones(town) == (["notes/2"], 1)


async def doubtful_ones(town: Town) -> tuple[list[str], int]:
    """Which of Alice's notes are shown as doubtful, on lists and on their own pages alike; how many objects are."""
    names = {object_id("hub", native_id_of(ALICE.note(f"notes/{number}")["id"])): f"notes/{number}" for number in (1, 2, 3)}
    async with town.world.engine.connect() as connection:
        listed = await doubtful(connection, names)
        ways = {name: await way_of(connection, name, town.world.clock()) for name in names}
        count = await count_doubtful(connection)
    assert all(ways.values())
    assert listed == {name for name, way in ways.items() if any(step.doubtful for step in way)}
    return sorted(names[name] for name in listed), count
