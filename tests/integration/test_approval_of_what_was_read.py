"""An approval is of what was read: an applicant who comes with another manifest meanwhile has nobody's word for that one."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from hub.registry import admission
from hub.registry.acts import ActKind
from hub.registry.admission_work import ApprovalRefused
from hub.registry.dossier import dossier_of
from schemas.application import Kind
from schemas.application_faults import check, sign
from schemas.keys import SigningKey
from schemas.manifest import Grade
from tests import fakes_federation
from tests.fakes_application import CHARTER, draft

if TYPE_CHECKING:
    from hub.registry.admission import Decision
    from hub.registry.dossier import Dossier
    from hub.unit_of_work import UnitOfWork
    from tests.hub_world import World

NODE, KEY = "node/recherche", SigningKey.generate("recherche")


async def apply(world: World, after: int = 0, **changes: Any) -> str:
    """Come with a manifest; its digest."""
    now = world.clock() + timedelta(minutes=after)
    signed = check(sign(draft(KEY, now=now, **changes), KEY, now), CHARTER, now)
    await world.work(partial(admission.apply, signed))
    return signed.digest


async def decide(world: World, who: str, read: str | None, grade: Grade = Grade.FULL, reason: str | None = None) -> Decision:
    async def use(work: UnitOfWork) -> Decision:
        return await admission.decide(NODE, grade, await fakes_federation.present(work, who), work, reason, read)

    made: Decision = await world.work(use)
    return made


async def dossier(world: World) -> Dossier:
    async with world.engine.connect() as connection:
        found = await dossier_of(connection, Kind.NODE, "recherche")
    assert found is not None
    return found


async def test_what_two_people_have_read_does_not_admit_what_came_since(world: World) -> None:
    first = await apply(world)
    second = await apply(world, 1, platform="matrix")
    for who in ("anne", "bakary"):
        with pytest.raises(ApprovalRefused, match="application_changed"):
            await decide(world, who, first)
        with pytest.raises(ApprovalRefused, match="application_unread"):
            await decide(world, who, None)
    assert (await dossier(world)).member.grade is Grade.CANDIDATE
    await decide(world, "anne", second)
    assert (await decide(world, "bakary", second)).done


@pytest.mark.parametrize("admitted", ["no", "yes"])
async def test_both_approvals_are_of_the_same_manifest(world: World, admitted: str) -> None:
    if admitted == "yes":
        before = await apply(world, -1)
        for who in ("anne", "bakary"):
            await decide(world, who, before)
    first = await apply(world)
    assert not (await decide(world, "anne", first)).done
    second = await apply(world, 1, platform="matrix")
    half = await decide(world, "bakary", second)
    assert (half.approvals, half.done) == (1, False)
    assert [act.name for act in (await dossier(world)).approved_by()] == ["Bakary Diop"]
    assert (await decide(world, "anne", second)).done
    found = await dossier(world)
    assert (found.waiting, found.accepted and found.accepted.digest) == (None, second)
    assert found.acts[-1].application == second


async def test_a_manifest_that_comes_while_people_decide_of_a_grade_alone_is_not_approved_with_it(world: World) -> None:
    first = await apply(world)
    for who in ("anne", "bakary"):
        await decide(world, who, first)
    await decide(world, "anne", None, Grade.SUSPENDED, "fuite")
    assert not (await decide(world, "anne", None)).done
    second = await apply(world, 1)
    with pytest.raises(ApprovalRefused, match="application_unread"):
        await decide(world, "bakary", None)
    with pytest.raises(ApprovalRefused, match="application_changed"):
        await decide(world, "bakary", first)
    await decide(world, "bakary", second)
    assert (await decide(world, "anne", second)).done


async def test_who_suspends_says_nothing_of_a_manifest_that_waits(world: World) -> None:
    first = await apply(world)
    for who in ("anne", "bakary"):
        await decide(world, who, first)
    await apply(world, 1)
    assert (await decide(world, "anne", None, Grade.SUSPENDED, "fuite")).done
    last = (await dossier(world)).acts[-1]
    assert (last.kind, last.application) == (ActKind.GRADE_CHANGED, None)


async def test_nobody_refuses_a_manifest_that_she_has_not_read(world: World) -> None:
    first = await apply(world)
    second = await apply(world, 1)

    async def refuse(work: UnitOfWork, read: str) -> None:
        await admission.refuse(NODE, "Charte non signée", await fakes_federation.present(work), work, read)

    with pytest.raises(ApprovalRefused, match="application_changed"):
        await world.work(partial(refuse, read=first))
    await world.work(partial(refuse, read=second))
    assert (await dossier(world)).waiting is None
