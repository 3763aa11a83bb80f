"""What operators see of peers: pages, JSON and commands over a real database."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert
from typer.testing import CliRunner

from hub.__main__ import command_line
from hub.federation import positions
from hub.federation.delivery import Later, Scheme, Standing
from hub.federation.positions import Refusal, Told, Writing
from hub.operations import quarantine
from hub.operations.peers import FAILING, REFUSED, TRANSMITTED, WAITING, peer_state, transmissions
from hub.registry import key_life
from hub.registry.federation_keys import EVER, Pair, SqlPairs, entry
from hub.settings import HubSettings
from hub.site import site
from hub.storage.engine import engine_for
from hub.storage.registry_tables import peers
from schemas.topics import PEERS_OUTBOUND
from tests import fakes_hub
from tests.fakes_asgi import call
from tests.fakes_hub import NOW

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncEngine

EVENT = "e-m1"
NAMES = ("current.example", "behind.example", "refusing.example", "silent.example")
CURRENT, BEHIND, REFUSING, SILENT = NAMES


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """Four peers, two activities of one event, the courier's head behind both."""
    made = engine_for(database_url)
    async with made.begin() as connection:
        await fakes_hub.people_of(connection)
        await fakes_hub.thread_of(connection)
        for name in NAMES:
            row = {
                "id": name,
                "name": "Observatoire de l’innovation",
                "organisation": "00000100700012",
                "kind": "activitypub",
                "grade": "full",
                "cavage": False,
                "networks": [],
            }
            await connection.execute(insert(peers).values(**row, anchor=None, applied_at=NOW, admitted_at=NOW))
    async with made.connect() as connection:
        await positions.write(connection, written())
        await positions.save_mark(connection, PEERS_OUTBOUND.name, 12)
    yield made
    await made.dispose()


def written() -> Writing:
    told = [
        Told(offset, EVENT, fakes_hub.COMMUNITY, "announced", (CURRENT, BEHIND, REFUSING), NOW - timedelta(hours=2)) for offset in (10, 11)
    ]
    failing = Standing(BEHIND, 10).failed(Later("peer_timeout"), 10, NOW, 0.5)
    refusing = Standing(REFUSING, 12).given_up("peer_refuses_activity", 11, NOW)
    refused = [Refusal(REFUSING, offset, "peer_refuses_activity", NOW) for offset in (10, 11)]
    return Writing([Standing(CURRENT, 11).took(10, Scheme.CAVAGE, NOW), failing, refusing], told, refused)


async def test_an_event_is_said_to_be_transmitted_and_never_arrived(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        found = {one.peer: (one.state, one.reason) for one in (await transmissions(connection, [EVENT], NOW))[EVENT]}
    assert found == {CURRENT: (TRANSMITTED, None), BEHIND: (FAILING, "peer_timeout"), REFUSING: (REFUSED, "peer_refuses_activity")}
    page = (await call(site(engine, HubSettings(), lambda: NOW, fakes_hub.FakeStreams()), "/messages/m1")).text
    assert "transmis, sans accusé" in page
    assert "en attente : serveur en échec" in page
    assert "le serveur refuse cette activité" in page


async def test_what_is_still_under_way_waits(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await positions.save_mark(connection, PEERS_OUTBOUND.name, 10)
        await positions.write(connection, Writing([Standing(CURRENT, 10)]))
        found = {one.peer: one.state for one in (await transmissions(connection, [EVENT], NOW))[EVENT]}
    assert found[CURRENT] == WAITING


async def test_the_page_names_what_stands_in_a_peers_way(engine: AsyncEngine) -> None:
    page = (await call(site(engine, HubSettings(), lambda: NOW, fakes_hub.FakeStreams()), "/pairs")).text
    for said in (
        "en service",
        "en échec",
        "rien ne lui a été porté",
        "draft-cavage, RSA",
        "prochain essai",
        "Observatoire de l’innovation",
    ):
        assert said in page
    assert "00000100700012" not in page


async def test_the_page_says_whose_activities_are_parked_and_what_ends_it(engine: AsyncEngine) -> None:
    pages = site(engine, HubSettings(), lambda: NOW, fakes_hub.FakeStreams())
    assert "en quarantaine" not in (await call(pages, "/pairs")).text
    async with engine.begin() as connection:
        await quarantine.quarantine_peers(connection, [SILENT], NOW)
    page = (await call(pages, "/pairs")).text
    assert page.count("en quarantaine") == 1
    assert "traitdunion peers release" in page


async def test_the_page_says_which_of_our_pairs_signs_and_which_will(engine: AsyncEngine) -> None:
    settings = HubSettings(federation_anchor="z6MkPremiere")
    pages = site(engine, settings, lambda: NOW, fakes_hub.FakeStreams())
    assert "le premier jour" in (await call(pages, "/pairs")).text
    old, new = key_life.rotated([entry("z6MkPremiere", EVER)], entry("z6MkSuivante"), NOW, NOW + timedelta(hours=1), timedelta(hours=48))
    async with engine.begin() as connection:
        await SqlPairs(connection).save([Pair(old), Pair(new, "z4MX")])
    page = (await call(pages, "/pairs")).text
    assert [page.index(said) for said in ("z6MkPremiere", ">signe<", "z6MkSuivante", ">suivra<")] == sorted(
        page.index(said) for said in ("z6MkPremiere", ">signe<", "z6MkSuivante", ">suivra<")
    )


async def test_a_stranger_sees_no_peers(engine: AsyncEngine) -> None:
    answer = await call(site(engine, HubSettings(), lambda: NOW, fakes_hub.FakeStreams()), "/pairs", client="192.0.2.1")
    assert answer.status == 401


async def test_a_backlog_is_counted_from_where_the_peer_is(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        found = {name: await peer_state(connection, name, NOW) for name in NAMES}
    waiting = {name: (state.waiting, state.waiting_since) for name, state in found.items() if state}
    assert waiting == {CURRENT: (0, None), BEHIND: (2, NOW - timedelta(hours=2)), REFUSING: (0, None), SILENT: (0, None)}


def test_commands_show_peers_and_leave_wishes(engine: AsyncEngine, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    del engine
    monkeypatch.setenv("TRAITDUNION_DATABASE_URL", database_url)
    runner = CliRunner()
    listed = runner.invoke(command_line(), ["peers", "list"])
    assert BEHIND in listed.output
    silent = next(line for line in listed.output.splitlines() if SILENT in line)
    assert ("jamais" in silent, "aucun" in silent, "inconnu" in silent) == (True, True, False)
    shown = runner.invoke(command_line(), ["peers", "show", BEHIND])
    assert "en échec" in shown.output
    assert runner.invoke(command_line(), ["peers", "pause", BEHIND]).exit_code == 0
    assert '"wish": "pause"' in runner.invoke(command_line(), ["peers", "show", BEHIND, "--json"]).output
    assert runner.invoke(command_line(), ["peers", "retry", SILENT]).exit_code == 1
    assert runner.invoke(command_line(), ["peers", "show", "nobody.example"]).exit_code == 1
