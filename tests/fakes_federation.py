"""The federation's people, and what they do for a test: admit a node by its manifest, as two of them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hub.registry import admission
from hub.registry.applications import ApplicationState
from hub.registry.people import Person, Presence
from schemas import siret
from schemas.application_faults import check, sign
from schemas.manifest import Grade
from tests.fakes_application import CHARTER, draft, peer_draft

if TYPE_CHECKING:
    from hub.unit_of_work import UnitOfWork
    from schemas.keys import SigningKey
    from schemas.manifest import KeyEntry

TOKENS = {"anne": "tdu-anne", "bakary": "tdu-bakary", "chloe": "tdu-chloe"}
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
PEOPLE = {
    "anne": Person("anne", "Anne Lefort", "Équipe Trait d’union", "00000001800010", SINCE),
    "bakary": Person("bakary", "Bakary Diop", "Direction du numérique", "00000002600013", SINCE),
    "chloe": Person("chloe", "Chloé Martin", "Ministère wifip", "00000000000018", SINCE),
}


async def present(work: UnitOfWork, who: str = "anne") -> Presence:
    """One of the people, added the first time, as she acts now."""
    person = await work.people.by_token(TOKENS[who])
    if person is None:
        person = PEOPLE[who]
        await work.people.add(person, TOKENS[who])
    return Presence(person, "hub:token", "urn:traitdunion:acr:token", work.clock())


async def apply(key: SigningKey, work: UnitOfWork, *, name: str | None = None, platform: str = "discourse") -> None:
    """A node applies by its manifest."""
    organisation = {"name": name or f"Ministère {key.owner}", "siret": siret_of(key.owner)}
    said = draft(key, now=work.clock(), platform=platform, organisation=organisation)
    await admission.apply(check(sign(said, key, work.clock()), CHARTER, work.clock()), work)


async def admit(key: SigningKey, work: UnitOfWork, *, name: str | None = None, platform: str = "discourse") -> None:
    """A node applies, and two people admit it."""
    await apply(key, work, name=name, platform=platform)
    await approve(f"node/{key.owner}", work)


async def approve(subject: str, work: UnitOfWork, grade: Grade = Grade.FULL) -> None:
    """Two people bring somebody to a grade."""
    for who in ("anne", "bakary"):
        await admission.decide(subject, grade, await present(work, who), work, read=await waiting(subject, work))


async def waiting(subject: str, work: UnitOfWork) -> str | None:
    """The digest of the application that waits: what people who decide have read."""
    found = [one.digest for one in await work.applications.of(subject) if one.state is ApplicationState.OPEN]
    return found[0] if found else None


async def suspend(subject: str, work: UnitOfWork) -> None:
    """One of them suspends somebody."""
    await admission.decide(subject, Grade.SUSPENDED, await present(work), work, "essai")


async def lower(subject: str, work: UnitOfWork) -> None:
    """Two of them let somebody only read."""
    for who in ("anne", "bakary"):
        await admission.lower(subject, "essai", await present(work, who), work)


async def admit_peer(key: SigningKey, work: UnitOfWork) -> None:
    """A peer applies, and two people admit it."""
    said = peer_draft(key, now=work.clock())
    await admission.apply(check(sign(said, key, work.clock()), CHARTER, work.clock()), work)
    await approve(f"peer/{key.owner}", work)


async def rekey(node: str, work: UnitOfWork, *keys: KeyEntry) -> None:
    """Give a node other keys, whatever their dates: what a test needs of the past."""
    found = await work.nodes.get(node)
    assert found is not None
    await work.nodes.save(replace(found, keys=keys))
    await work.publish_registry()


async def expire(subject: str, at: datetime, work: UnitOfWork) -> None:
    """Somebody's manifest ends at a moment, as if it had always said so."""
    kind, _, name = subject.partition("/")
    if kind == "node":
        node = await work.nodes.get(name)
        assert node is not None
        await work.nodes.save(replace(node, expires=at))
    else:
        peer = await work.peers.get(name)
        assert peer is not None
        await work.peers.save(replace(peer, expires=at))
    await work.publish_registry()


def siret_of(name: str) -> str:
    """An invented SIRET that holds; another for each name."""
    digits = "000" + f"{int(hashlib.sha256(name.encode()).hexdigest(), 16) % 10**10:010d}"
    return next(digits + last for last in "0123456789" if siret.holds(digits + last))
