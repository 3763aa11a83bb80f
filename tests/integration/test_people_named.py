"""Who is named to approve is seen: an act that the hub attests, on a page, by a command, and in the registry that everybody reads."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from hub.registry import people_service
from hub.registry.acts import ActKind, acts_about_people
from hub.registry.people import Person
from hub.settings import HubSettings
from hub.site import site
from schemas.documents import document_holds
from schemas.keys import SigningKey
from tests.fakes_asgi import call
from tests.fakes_commands import ANNE, admitted, run
from tests.fakes_hub import FakeStreams

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.hub_world import World

NEW = ("people", "add", "--name", "Dora Petit", "--organisation", "OPSI", "--siret", "00000100600014")


async def test_naming_and_revoking_somebody_are_acts_that_the_hub_attests_and_the_registry_tells(world: World, tmp_path: Path) -> None:
    person = Person("dora", "Dora Petit", "OPSI", "00000100600014", world.clock())
    assert await world.work(partial(people_service.name, person, "tdu-dora"))
    assert not await world.work(partial(people_service.name, person, "tdu-dora"))
    assert await world.work(partial(people_service.revoke, "dora"))
    assert not await world.work(partial(people_service.revoke, "dora"))
    assert not await world.work(partial(people_service.revoke, "personne"))
    async with world.engine.connect() as connection:
        acts = await acts_about_people(connection)
    assert [act.kind for act in acts] == [ActKind.PERSON_NAMED, ActKind.PERSON_REVOKED]
    for act in acts:
        said = json.loads(act.attestation)
        assert document_holds(said, world.hub_key.public)
        assert said["person"] == {"id": "dora", "name": "Dora Petit", "organisation": "OPSI", "siret": "00000100600014"}
    registry = await world.reader()
    told = [[(change.act, change.subject) for change in one.changes] for one in registry.document.history[-2:]]
    assert told == [[("person_named", "person/dora")], [("person_revoked", "person/dora")]]
    assert [act.version for act in acts] == [one.version for one in registry.document.history[-2:]]
    assert b"Dora" not in registry.unparsed
    app = site(world.engine, HubSettings(operator_token=None, signing_key=tmp_path / "hub.pem"), world.clock, FakeStreams([], []))
    shown = (await call(app, "/noeuds")).text
    for word in ("Les personnes qui approuvent", "Dora Petit", "personne nommée pour approuver", "personne qui n’approuve plus"):
        assert word in shown


def test_the_commands_tell_who_was_named_before_there_was_a_registry_and_since(hub: Path, people: Callable[[str], None]) -> None:
    people(ANNE)
    assert run("registry", "show").exit_code == 1  # nobody has anything to read yet
    admitted(hub, SigningKey.generate("wifip"), people)
    run(*NEW)
    shown = run("people", "acts").output
    for word in ("Anne Lefort", "Bakary Diop", "Dora Petit", "personne nommée pour approuver"):
        assert word in shown
    told = json.loads(run("people", "acts", "--json").output)
    assert [(one["person"]["name"], one["version"]) for one in told] == [("Anne Lefort", None), ("Bakary Diop", None), ("Dora Petit", 2)]
    dora = told[-1]["person"]["id"]
    run("people", "revoke", dora)
    assert [one["kind"] for one in json.loads(run("people", "acts", "--json").output)][-1] == "person_revoked"
    lines = run("registry", "diff", "1", "3").output
    assert f"person/{dora} : nommée pour approuver" in lines
    assert f"person/{dora} : n’approuve plus" in lines
