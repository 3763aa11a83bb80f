"""A small hub's content in a real database: three ministries, one community, a thread that has been everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert

from hub.storage import tables
from schemas.keys import SigningKey
from schemas.topics import HUB_FACTS, RSE_INBOUND, outbound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.operations.dlq import Heap
    from hub.operations.streams import GroupLag

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
COMMUNITY = "futurs-publics"
NODES = {
    "wifip": ("finances", "Ministère des finances", "discourse"),
    "education": ("education", "Éducation nationale", "matrix"),
    "affaires": ("affaires", "Affaires étrangères", "discourse"),
}
KEYS = {node: SigningKey.generate(node) for node in NODES}
POSTED, EDITED, DELETED = (f"fr.gouv.rse.message.{verb}.v1" for verb in ("posted", "edited", "deleted"))


@dataclass(frozen=True)
class FakeStreams:
    """What the broker would say; None where it does not answer."""

    lags: Sequence[GroupLag] | None = None
    heaps: Sequence[Heap] | None = None

    async def lag(self) -> Sequence[GroupLag] | None:
        return self.lags

    async def dead_letters(self) -> Sequence[Heap] | None:
        return self.heaps


async def people_of(connection: AsyncConnection) -> None:
    """The three nodes, admitted, their spaces tied to one community."""
    for node, (organisation, name, platform) in NODES.items():
        await connection.execute(insert(tables.organisations).values(id=organisation, name=name))
        row = {"id": node, "organisation": organisation, "platform": platform, "grade": "full"}
        await connection.execute(
            insert(tables.nodes).values(**row, applied_at=NOW - timedelta(days=9), approved_at=NOW - timedelta(days=8))
        )
        key = KEYS[node]
        dates = {"active_from": NOW - timedelta(days=8)}
        await connection.execute(insert(tables.node_keys).values(id=key.key_id, node=node, multibase=key.public.multibase, **dates))
    opened = {"id": COMMUNITY, "title": "Futurs Publics", "audience": "members", "sequence": 40}
    await connection.execute(insert(tables.communities).values(**opened, opened_at=NOW - timedelta(days=7)))
    for node in NODES:
        tie = {"node": node, "community": COMMUNITY, "space": f"espace-{node}", "space_name": "Futurs Publics", "state": "active"}
        dates = {"proposed_at": NOW - timedelta(days=7), "attested_at": NOW - timedelta(hours=3)}
        await connection.execute(insert(tables.ties).values(**tie, audience="members", **dates))


async def message(connection: AsyncConnection, name: str, node: str, html: str, *, number: int, **more: Any) -> None:
    """A message as the inbound worker would have left it."""
    organisation = NODES[node][1]
    row = {
        "id": name, "community": COMMUNITY, "node": node, "state": "visible", "parent": None, "thread": name, "author": "Camille Exemple",
        "organisation": organisation, "title": None, "html": html, "link": f"https://{node}.example/t/{number}",
        "occurred_at": NOW - timedelta(minutes=60 - number), "first_sequence": number, "last_sequence": number, "first_event": f"e-{name}",
    }  # fmt: skip
    await connection.execute(insert(tables.messages).values(**{**row, **more}))


async def event(connection: AsyncConnection, name: str, subject: str, node: str, *, number: int, kind: str = POSTED) -> None:
    """An event that was numbered and published to all three."""
    at = NOW - timedelta(minutes=60 - number)
    row = {
        "id": name, "node": node, "type": kind, "native_id": subject, "change_marker": name, "subject": subject, "community": COMMUNITY,
        "outcome": "sequenced", "sequence": number, "digest": "ab" * 32, "key_id": KEYS[node].key_id, "correlation": "cd" * 16,
        "topic": RSE_INBOUND.name, "partition": 2, "offset": 100 + number, "occurred_at": at, "admitted_at": at,
        "handled_at": at + timedelta(milliseconds=14),
    }  # fmt: skip
    await connection.execute(insert(tables.events).values(**row))
    published = {
        "topic": HUB_FACTS.name, "key": COMMUNITY, "value": b"{}", "headers": [], "event": name, "digest": "ab" * 32,
        "community": COMMUNITY, "sequence": number, "targets": {target: f"espace-{target}" for target in NODES},
        "admitted_at": at, "published_at": at + timedelta(milliseconds=21), "partition": 4, "offset": 500 + number,
    }  # fmt: skip
    await connection.execute(insert(tables.outbox).values(**published))


async def delivery(connection: AsyncConnection, event_id: str, node: str, *, number: int, verdict: str, reason: str | None = None) -> None:
    """A node's receipt for one event."""
    at = NOW - timedelta(minutes=60 - number) + timedelta(milliseconds=84)
    row = {
        "event": event_id, "node": node, "community": COMMUNITY, "sequence": number, "topic": outbound(node).name, "partition": 0,
        "offset": number, "verdict": verdict, "reason": reason, "native_id": f"n{number}" if verdict in ("written", "confirmed") else None,
        "native_version": None, "at": at, "reported_at": at + timedelta(milliseconds=60), "receipt": "ef" * 16, "key_id": KEYS[node].key_id,
    }  # fmt: skip
    await connection.execute(insert(tables.deliveries).values(**row))


async def resync(connection: AsyncConnection, node: str, *, reached: int, state: str = "sending") -> None:
    """What a node missed, sent again as far as a number."""
    row = {"node": node, "community": COMMUNITY, "space": f"espace-{node}", "request": "ab" * 16, "since": 2, "reached": reached}
    counts = {"originals": reached - 3, "stand_ins": 1, "left_out": 0}
    await connection.execute(insert(tables.resyncs).values(**row, **counts, state=state, asked_at=NOW, moved_at=NOW))


async def everywhere(connection: AsyncConnection, name: str, node: str, *, number: int, kind: str = POSTED, event_id: str = "") -> None:
    """An event with all its receipts."""
    known_as = event_id or f"e-{name}"
    await event(connection, known_as, name, node, number=number, kind=kind)
    for target in NODES:
        await delivery(connection, known_as, target, number=number, verdict="confirmed" if target == node else "written")


async def thread_of(connection: AsyncConnection) -> None:
    """A post, a reply and its reply, an edit, a deletion, a refusal, a withdrawal, and one still on its way."""
    await message(
        connection, "m1", "wifip",
        "<p>Bonjour à toutes et tous,</p><p>Nous avons testé un <strong>guichet commun</strong> avec trois préfectures. "
        'Qui a déjà mené une démarche semblable ? Le compte rendu est <a href="https://wifip.example/compte-rendu">ici</a>.</p>'
        "<ul><li>trois ateliers</li><li>un pilote de six mois</li></ul>",
        number=2, title="Un guichet commun : premiers retours", author="Inès Exemple",
    )  # fmt: skip
    await everywhere(connection, "m1", "wifip", number=2)
    await message(
        connection, "m2", "education", "<p>Oui, à l’académie de l’Exemple. Je vous envoie notre grille.</p>", number=3,
        parent="m1", thread="m1", author="Noé Modèle", last_sequence=5,
    )  # fmt: skip
    await everywhere(connection, "m2", "education", number=3)
    await event(connection, "e-m2-bis", "m2", "education", number=5, kind=EDITED)
    await delivery(connection, "e-m2-bis", "education", number=5, verdict="confirmed")
    await delivery(connection, "e-m2-bis", "wifip", number=5, verdict="written")
    await message(
        connection,
        "m3",
        "affaires",
        "<p>La grille nous servirait aussi, merci !</p>",
        number=4,
        parent="m2",
        thread="m1",
        author="Awa Témoin",
    )
    await everywhere(connection, "m3", "affaires", number=4)
    await connection.execute(insert(tables.copies).values(object="m3", node="education", state="withdrawn", at=NOW))
    await message(
        connection, "m4", "education", "", number=6, parent="m1", thread="m1", state="deleted", last_sequence=7, author="Noé Modèle"
    )
    await everywhere(connection, "m4", "education", number=6)
    await everywhere(connection, "m4", "education", number=7, kind=DELETED, event_id="e-m4-bis")
    for name, actor, node in (("r1", "a1", "education"), ("r2", "a2", "education"), ("r3", "a3", "affaires")):
        row = {"id": name, "community": COMMUNITY, "node": node, "object": "m1", "actor": actor, "organisation": f"Ministère {node}"}
        await connection.execute(insert(tables.reactions).values(**row, emoji="❤️", state="standing", first_event=f"e-{name}", at=NOW))
    await connection.execute(insert(tables.answers).values(question="m1", community=COMMUNITY, message="m2", last_sequence=9, at=NOW))
    await message(connection, "m5", "affaires", "<p>Court.</p>", number=8, author="Awa Témoin")
    await event(connection, "e-m5", "m5", "affaires", number=8)
    await delivery(connection, "e-m5", "affaires", number=8, verdict="confirmed")
    await delivery(connection, "e-m5", "wifip", number=8, verdict="refused", reason="body_too_short")
