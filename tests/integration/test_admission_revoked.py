"""People who no longer act: what they had approved and nobody completed counts for nothing, and their token names nobody else."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import pytest

from hub.registry import admission, anchor_service, people_service
from hub.registry.admission_work import ApprovalRefused
from hub.registry.dossier import dossier_of
from hub.registry.people import Person
from hub.registry.people_service import TokenEnded
from hub.settings import HubSettings
from hub.site import site
from schemas.application import Kind
from schemas.application_faults import check, sign
from schemas.keys import SigningKey
from schemas.manifest import Grade
from tests import fakes_federation
from tests.fakes_application import CHARTER, draft
from tests.fakes_asgi import call
from tests.fakes_commands import run
from tests.fakes_hub import FakeStreams
from tests.hub_world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from hub.registry.admission import Decision
    from hub.registry.dossier import Dossier
    from hub.unit_of_work import UnitOfWork

NODE, KEY = "node/recherche", SigningKey.generate("recherche")
ANNE = fakes_federation.PEOPLE["anne"]
AGAIN = Person("anne-2", ANNE.name, ANNE.organisation, ANNE.siret, ANNE.added_at)


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    made = await World.make(database_url)
    now = made.clock()
    await made.work(partial(admission.apply, check(sign(draft(KEY, now=now), KEY, now), CHARTER, now)))
    yield made
    await made.close()


@pytest.fixture
def named_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(fakes_federation.TOKENS, "anne-2", "tdu-anne-2")
    monkeypatch.setitem(fakes_federation.PEOPLE, "anne-2", AGAIN)


async def decide(world: World, who: str, grade: Grade = Grade.FULL, reason: str | None = None) -> Decision:
    async def use(work: UnitOfWork) -> Decision:
        return await admission.decide(
            NODE, grade, await fakes_federation.present(work, who), work, reason, await fakes_federation.waiting(NODE, work)
        )

    made: Decision = await world.work(use)
    return made


async def revoke(world: World, who: str = "anne") -> None:
    assert await world.work(partial(people_service.revoke, who))


async def dossier(world: World) -> Dossier:
    async with world.engine.connect() as connection:
        found = await dossier_of(connection, Kind.NODE, "recherche")
    assert found is not None
    return found


@pytest.mark.usefixtures("named_again")
async def test_who_lost_her_token_and_was_given_another_is_not_two_people(world: World) -> None:
    assert (await decide(world, "anne")).approvals == 1
    await revoke(world)
    again = await decide(world, "anne-2")
    assert (again.approvals, again.done) == (1, False)
    with pytest.raises(ApprovalRefused, match="already_approved"):
        await decide(world, "anne-2")
    assert (await decide(world, "bakary")).done
    changes = (await world.reader()).document.history[-1].changes
    assert [(one.act, one.approvals) for one in changes if one.subject == NODE] == [("grade_changed", 2)]


async def test_an_approval_that_was_completed_stands_after_her_token_is_revoked(world: World) -> None:
    await decide(world, "anne")
    await decide(world, "bakary")
    await revoke(world)
    found = await dossier(world)
    assert (found.member.grade, found.lapsed_approvals()) == (Grade.FULL, [])


async def test_the_page_says_whose_approval_no_longer_counts(world: World, tmp_path: Path) -> None:
    await decide(world, "anne")
    await revoke(world)
    found = await dossier(world)
    assert (found.approved_by(), [act.name for act in found.lapsed_approvals()]) == ([], ["Anne Lefort"])
    app = site(world.engine, HubSettings(operator_token=None, signing_key=tmp_path / "hub.pem"), world.clock, FakeStreams([], []))
    page = (await call(app, "/noeuds/recherche")).text
    assert "Personne ne l’a encore approuvée" in page
    assert "L’approbation de Anne Lefort ne compte plus : cette personne n’agit plus." in page


async def test_an_approval_of_another_anchor_ends_with_its_persons_token_too(world: World) -> None:
    following = SigningKey.generate("hub")

    async def use(work: UnitOfWork, who: str) -> int:
        return (await anchor_service.substitute(following, None, "Essai", await fakes_federation.present(work, who), work)).approvals

    assert await world.work(partial(use, who="anne")) == 1
    await revoke(world)
    assert await world.work(partial(use, who="bakary")) == 1


async def test_the_token_of_who_no_longer_acts_is_nobody_elses(world: World) -> None:
    await decide(world, "anne")
    await revoke(world)
    with pytest.raises(TokenEnded) as ended:
        await world.work(partial(people_service.name, AGAIN, fakes_federation.TOKENS["anne"]))
    assert ended.value.person.name == "Anne Lefort"


@pytest.mark.usefixtures("hub")
def test_the_command_says_that_the_token_of_a_file_is_that_of_who_no_longer_acts(tmp_path: Path) -> None:
    token, named = tmp_path / "jeton", ("people", "add", "--organisation", "OPSI", "--siret", "00000100600014", "--name")
    assert run(*named, "Dora Petit", "--token-file", str(token)).exit_code == 0
    (dora,) = json.loads(run("people", "list", "--json").output)
    assert run("people", "revoke", dora["id"]).exit_code == 0
    refused = run(*named, "Dora Petit", "--token-file", str(token))
    assert refused.exit_code == 1
    assert "Dora Petit, qui n'agit plus" in " ".join(refused.output.split())
