"""Moderation through the worker's batch on a real PostgreSQL: who may, what is numbered, what is kept, what animators are told."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from hub.access import permit_command_line, permit_everybody
from hub.communities import animation
from hub.communities.acquaintance import NotOne, author, member_named
from hub.communities.reports import ReportKind, open_reports, reports_of
from hub.operations import kept
from hub.ports import RefusedError
from hub.unit_of_work import transaction
from schemas import jcs
from schemas.envelope import object_id
from schemas.facts.copy import CopyEdited, CopyWithdrawn
from schemas.facts.moderation import MessageModerated, MessageRestored
from schemas.words import Ground
from tests.fakes_federation import present, suspend
from tests.fakes_streams import becomes
from tests.hub_world import COMMUNITY, NODES, World

if TYPE_CHECKING:
    from hub.communities.reports import Report
    from hub.unit_of_work import UnitOfWork

ROOT = object_id("wifip", "post:1")
LEA, NOE = "b" * 32, "c" * 32


async def name_lea(work: UnitOfWork, node: str = "education") -> bool:
    return await animation.name_moderator(COMMUNITY, node, LEA, "Léa Exemple", await present(work), work)


async def take_away(work: UnitOfWork, message: str = ROOT) -> bool:
    return await animation.take_away(message, Ground.PERSONAL_DATA, "Un numéro de téléphone.", await present(work), work)


async def bring_back(work: UnitOfWork) -> bool:
    return await animation.bring_back(ROOT, await present(work), work) is not None


def of_copy(world: World, fact: CopyWithdrawn | CopyEdited, actor: str, marker: str) -> Any:
    made = world.event("education", fact, "$copy", marker=marker, subject=ROOT, actor=actor)
    return world.carry(made, f"education/{NODES['education']}")


def withdrawn(world: World, actor: str, marker: str = "w") -> Any:
    return of_copy(world, CopyWithdrawn(space=NODES["education"]), actor, marker)


async def said(world: World) -> list[tuple[str, dict[str, Any], dict[str, str]]]:
    """(type, fact, targets) of what was numbered, in order."""
    rows = await world.rows(
        "SELECT e.type, o.value, o.targets FROM hub.outbox o JOIN hub.events e ON e.id = o.event WHERE o.sequence IS NOT NULL ORDER BY o.sequence"
    )
    return [(row["type"], jcs.parse(bytes(row["value"])), row["targets"]) for row in rows]


async def open_ones(world: World) -> list[Report]:
    async with world.engine.connect() as connection:
        return list(await reports_of(connection, permit_command_line(), COMMUNITY, closed=False))


async def test_a_moderators_withdrawal_is_numbered_for_all_and_attested_when_she_was_named(world: World) -> None:
    await world.hear(world.posted("wifip", "post:1"))
    assert await world.work(name_lea)
    assert not await world.work(name_lea)
    await world.hear(withdrawn(world, LEA))
    kind, fact, targets = (await said(world))[-1]
    assert (kind, fact) == (MessageModerated.event_type, {"ground": "unstated", "note": ""})
    assert set(targets) == set(NODES)
    assert (await world.messages())[ROOT]["state"] == "moderated"
    (act,) = await world.rows("SELECT * FROM hub.acts WHERE kind = 'moderator_named'")
    assert act["subject"] == f"moderator/{COMMUNITY}/education/{LEA}"
    assert b"TraitDUnionAttestation" in act["attestation"]
    assert await open_ones(world) == []


async def test_once_her_role_has_ended_her_withdrawal_is_local_and_reported(world: World) -> None:
    await world.hear(world.posted("wifip", "post:1"))
    await world.work(name_lea)

    async def end(work: UnitOfWork) -> bool:
        return await animation.end_moderator(COMMUNITY, "education", LEA, await present(work), work)

    assert await world.work(end)
    assert not await world.work(end)
    await world.hear(withdrawn(world, LEA))
    assert (await world.messages())[ROOT]["state"] == "visible"
    (report,) = await open_ones(world)
    assert (report.kind, report.node, report.message, report.times) == (ReportKind.WITHDRAWN, "education", ROOT, 1)


async def test_a_moderators_withdrawal_of_what_another_took_away_is_reported_so_that_her_copy_can_come_back_too(world: World) -> None:
    await world.hear(world.posted("wifip", "post:1"))
    await world.work(name_lea)
    await world.work(take_away)
    await world.hear(withdrawn(world, LEA))
    assert await world.work(bring_back)
    assert (await said(world))[-1][1].get("withdrawn_in") is None
    (report,) = await open_ones(world)
    assert (report.kind, report.node, report.state) == (ReportKind.WITHDRAWN, "education", "visible")


async def test_an_edit_in_the_same_batch_as_the_withdrawal_is_what_comes_back(world: World) -> None:
    await world.hear(world.posted("wifip", "post:1"))
    await world.work(name_lea)
    await world.hear(withdrawn(world, LEA), world.edited("wifip", "post:1", "corrigé"))
    assert [kind for kind, _, _ in await said(world)][-1] == MessageModerated.event_type
    assert (await world.rows("SELECT outcome FROM hub.events WHERE change_marker = 'edited'"))[0]["outcome"] == "withheld"
    assert await world.work(bring_back)
    kind, fact, _ = (await said(world))[-1]
    assert (kind, fact["withdrawn_in"]) == (MessageRestored.event_type, "education")
    assert "corrigé" in fact["said"]["value"]
    assert await world.rows("SELECT * FROM hub.moderations") == []
    assert await world.rows("SELECT * FROM hub.copies") == []
    assert await world.work(take_away)
    assert await world.work(bring_back)
    again = (await said(world))[-1][1]["said"]  # also the second time, when the edit stands in the restoration alone
    assert jcs.parse(again["attributes"].encode())["type"] == "fr.gouv.rse.message.edited.v1"


async def test_a_suspended_node_is_told_what_was_taken_away_and_not_what_came_back(world: World) -> None:
    await world.hear(world.posted("wifip", "post:1"))
    await world.work(partial(suspend, "node/education"))
    await world.work(take_away)
    await world.work(bring_back)
    moderated, restored = (await said(world))[-2:]
    assert ("education" in moderated[2], "education" in restored[2]) == (True, False)


async def test_a_back_fill_does_not_bring_back_what_is_moderated(world: World) -> None:
    await world.hear(world.posted("wifip", "post:1"))
    await world.work(take_away)
    await world.hear(world.posted("wifip", "post:1", marker="again"))
    assert (await world.messages())[ROOT]["state"] == "moderated"
    assert [kind for kind, _, _ in await said(world)][-1] == MessageModerated.event_type


@pytest.mark.parametrize("fact", [MessageModerated(ground=Ground.INSULTING), MessageRestored()])
async def test_a_node_cannot_say_itself_that_a_message_is_moderated(world: World, fact: MessageModerated | MessageRestored) -> None:
    await world.hear(world.posted("wifip", "post:1"))
    made = world.event("education", fact, "$copy", marker="m", subject=ROOT)
    await world.hear(world.carry(made, f"education/{NODES['education']}"))
    assert world.dead_letters.reasons == ["word_of_the_hub"]
    assert (await world.messages())[ROOT]["state"] == "visible"


async def test_reports_are_counted_while_open_closed_with_a_word_and_opened_anew(world: World) -> None:
    await world.hear(world.posted("wifip", "post:1"))
    for number in range(3):
        await world.hear(of_copy(world, CopyEdited(space=NODES["education"]), NOE, f"e{number}"))
    await world.hear(withdrawn(world, NOE))
    one, edited = await open_ones(world)
    assert [(report.kind, report.times) for report in (one, edited)] == [(ReportKind.WITHDRAWN, 1), (ReportKind.EDITED, 3)]

    async def close(work: UnitOfWork, word: str = "Vu avec elle.") -> None:
        await animation.close(edited.id, word, await present(work), work)

    with pytest.raises(RefusedError, match="reason_missing"):
        await world.work(partial(close, word=" "))
    await world.work(close)
    with pytest.raises(RefusedError, match="report_unknown"):
        await world.work(close)
    async with world.engine.connect() as connection:
        (closed,) = await reports_of(connection, permit_command_line(), COMMUNITY, closed=True)
        assert await open_reports(connection) == {COMMUNITY: 1}
    assert (closed.word, closed.by is not None) == ("Vu avec elle.", True)
    await world.hear(of_copy(world, CopyEdited(space=NODES["education"]), NOE, "e9"))
    assert [report.times for report in await open_ones(world)] == [1, 1]


async def test_a_copy_is_written_again_by_its_own_node_alone_and_its_report_closed(world: World) -> None:
    await world.hear(world.posted("wifip", "post:1"))
    await world.hear(withdrawn(world, NOE))
    (report,) = await open_ones(world)

    async def rewrite(work: UnitOfWork) -> None:
        await animation.rewrite(report.id, await present(work), work)

    before = await world.sequences()
    await world.work(rewrite)
    assert await world.sequences() == before
    (row,) = await world.rows("SELECT topic, value FROM hub.outbox WHERE topic LIKE 'node.%' AND sequence IS NULL ORDER BY id DESC LIMIT 1")
    assert row["topic"] == "node.education.outbound.v1"
    assert "Bonjour" in jcs.parse(bytes(row["value"]))["said"]["value"]
    assert await open_ones(world) == []
    assert await world.rows("SELECT * FROM hub.copies") == []


async def test_a_rewriting_and_the_next_report_of_the_same_copy_wait_for_each_other_and_neither_is_given_up(world: World) -> None:
    await world.hear(world.posted("wifip", "post:1"))
    await world.hear(of_copy(world, CopyEdited(space=NODES["education"]), NOE, "e1"))
    (report,) = await open_ones(world)

    async def rewrite(work: UnitOfWork) -> None:
        await animation.rewrite(report.id, await present(work), work)

    async with transaction(world.engine, world.rules) as worker:
        await worker.communities.get(COMMUNITY)  # as a batch does first
        rewriting = asyncio.create_task(world.work(rewrite))
        await becomes(partial(_waiting, world), 1)
        ((_, again),) = (await world.inbound.read([of_copy(world, CopyEdited(space=NODES["education"]), NOE, "e2")])).admitted
        worker.reports.add(again, ReportKind.EDITED)
        await worker.commit()
    await rewriting
    assert await open_ones(world) == []


async def _waiting(world: World) -> int:
    """How many transactions wait for another's lock."""
    query = "SELECT count(*) AS waiting FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return int((await world.rows(query))[0]["waiting"])


async def test_a_moderator_is_found_by_her_name_or_by_what_she_wrote(world: World) -> None:
    await world.hear(world.joined("education", "$lea", "Léa Exemple", actor=LEA), world.posted("education", "$1"))
    async with world.engine.connect() as connection:
        assert await member_named(connection, "léa exemple", COMMUNITY, "education") == (LEA, "Léa Exemple")
        assert await author(connection, object_id("education", "$1"), COMMUNITY, "education") == ("a" * 32, "Camille Roux")
        for missing in (member_named(connection, "Noé", COMMUNITY, "education"), author(connection, ROOT, COMMUNITY, "wifip")):
            with pytest.raises(NotOne):
                await missing


async def test_other_servers_are_shown_nothing_of_what_was_taken_away(database_url: str) -> None:
    world = await World.make(database_url, federates=True)
    await world.tie()
    await world.work(lambda work: work.connection.exec_driver_sql("UPDATE hub.communities SET audience = 'public'"))
    await world.hear(world.posted("wifip", "post:1"), world.posted("wifip", "post:2"))
    await world.work(take_away)
    permit = permit_everybody()
    async with world.engine.connect() as connection:
        assert await kept.last_of(connection, permit, ROOT) is None
        assert await kept.last_of(connection, permit, object_id("wifip", "post:2")) is not None
        page = await kept.newest(connection, permit, COMMUNITY, before=None, limit=10)
    said = [dict(one.event.headers) for one in page]
    assert not any(b"post:1" in one.get("ce_nativeid", b"") and b"posted" in one["ce_type"] for one in said)
    await world.close()
