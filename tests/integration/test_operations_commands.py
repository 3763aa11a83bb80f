"""Commands about communities, ties and messages; what each says of what it cannot do."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from hub.storage.engine import engine_for
from schemas.keys import SigningKey
from tests import fakes_hub
from tests.fakes_commands import ANNE, admitted, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_opening_a_federation_again_changes_nothing(hub: Path, people: Callable[[str], None]) -> None:
    admitted(hub, SigningKey.generate("wifip"), people)
    run("communities", "open", "c", "--title", "C")
    registry = run("registry", "show").output
    added = ("people", "add", "--name", "Anne Lefort", "--organisation", "DINUM", "--siret", "00000100600014", "--token-file")
    opening = [
        (*added, str(hub / ANNE)), ("nodes", "apply", str(hub / "manifest.json")), ("nodes", "approve", "wifip"),
        ("communities", "open", "c", "--title", "C"),
    ]  # fmt: skip
    for words in opening:
        again = run(*words)
        assert (again.exit_code, again.output.strip()[-15:]) == (0, ": rien à faire.")
    assert run("registry", "show").output == registry
    assert len(json.loads(run("people", "list", "--json").output)) == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("nodes", "approve", "absent"), "Qui agit ?"),
        (("nodes", "show", "absent"), "Aucun nœud ne s'appelle « absent »."),
        (("nodes", "release", "absent", "--reason", "x"), "Qui agit ?"),
        (("nodes", "apply", "absent.json"), "Fichier introuvable : absent.json"),
        (("people", "add", "--name", "A", "--organisation", "B", "--siret", "12345678901234"), "n'est pas un SIRET"),
        (("communities", "open", "Futurs Publics", "--title", "x"), "ne peut pas nommer une communauté"),
        (("communities", "open", "c", "--title", "x", "--audience", "unknown"), "jamais fédérée"),
        (("communities", "open", "c", "--title", ""), "1 à 200 caractères"),
        (("ties", "propose", "absent", "espace", "c"), "Aucun nœud"),
        (("trace", "absent"), "Aucun message ni événement"),
        (("dlq", "show", "topic"), "Une place s'écrit topic/partition/offset"),
        (("dlq", "show", "topic/0/x"), "Une place s'écrit topic/partition/offset"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(hub: Path, words: tuple[str, ...], sentence: str) -> None:
    result = run(*words)
    assert result.exit_code == 1
    assert sentence in result.output
    assert "Traceback" not in result.output
    assert hub.exists()


def test_communities_and_ties_are_opened_proposed_and_listed(hub: Path, people: Callable[[str], None]) -> None:
    admitted(hub, SigningKey.generate("wifip"), people)
    assert run("communities", "open", "futurs-publics", "--title", "Futurs Publics").exit_code == 0
    assert "déjà ouverte" in run("communities", "open", "futurs-publics", "--title", "Encore").output
    assert run("communities", "open", "autre", "--title", "Autre").exit_code == 0
    assert run("ties", "propose", "wifip", "espace", "futurs-publics").exit_code == 0
    assert "déjà rattaché" in run("ties", "propose", "wifip", "espace", "autre").output
    assert "Aucune communauté" in run("ties", "propose", "wifip", "espace", "absente").output
    assert [(tie["node"], tie["state"]) for tie in json.loads(run("ties", "list", "--json").output)] == [("wifip", "proposed")]
    assert [community["id"] for community in json.loads(run("communities", "list", "--json").output)] == ["autre", "futurs-publics"]
    assert "Futurs Publics" in run("communities", "list").output
    assert "proposé" in run("ties", "list").output
    assert hub.exists()


def test_a_trace_tells_the_way_and_says_what_is_unknown(hub: Path, database_url: str) -> None:
    async def fill() -> None:
        engine = engine_for(database_url)
        async with engine.begin() as connection:
            await fakes_hub.people_of(connection)
            await fakes_hub.thread_of(connection)
        await engine.dispose()

    asyncio.run(fill())
    said = run("trace", "m2").output
    for word in ("rse.inbound.v1-2-103", "hub.facts.v1-4-503", "message modifié", "en attente", "inconnu", "vérifié"):
        assert word in said
    assert "académie" not in said
    assert [step["sequence"] for step in json.loads(run("trace", "e-m2-bis", "--json").output)] == [3, 5]
    assert hub.exists()


def test_what_nodes_missed_is_listed_with_what_was_sent_of_it(hub: Path, database_url: str) -> None:
    async def fill() -> None:
        engine = engine_for(database_url)
        async with engine.begin() as connection:
            await fakes_hub.people_of(connection)
            await fakes_hub.resync(connection, "education", reached=28)
        await engine.dispose()

    assert "n'a rien redemandé" in run("nodes", "resyncs").output
    asyncio.run(fill())
    assert "en cours" in run("nodes", "resyncs").output
    (said,) = json.loads(run("nodes", "resyncs", "--json").output)
    assert (said["node"], said["reached"], said["to_go"], said["originals"], said["stand_ins"]) == ("education", 28, 12, 25, 1)
    assert hub.exists()


@pytest.mark.parametrize(
    ("variable", "words"),
    [
        ("TRAITDUNION_DATABASE_URL", ("nodes", "list")),
        ("TRAITDUNION_KAFKA_BOOTSTRAP", ("topics", "check")),
        ("TRAITDUNION_KAFKA_BOOTSTRAP", ("dlq", "list")),
    ],
)
def test_a_server_that_does_not_answer_is_named_with_a_code_of_its_own(
    monkeypatch: pytest.MonkeyPatch, variable: str, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv(variable, "127.0.0.1:1" if "KAFKA" in variable else "postgresql://nobody@127.0.0.1:1/none")
    result = run(*words)
    assert result.exit_code == 69
    assert "ne répond pas" in result.output


def test_a_database_without_tables_says_which_command_makes_them(bare_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAITDUNION_DATABASE_URL", bare_database_url)
    result = run("nodes", "list")
    assert result.exit_code == 1
    assert "traitdunion migrate" in result.output
