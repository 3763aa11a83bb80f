"""traitdunion nodes: a ministry's RSE from its application to its release."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from hub.commands import terminal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.operations.overview import NodeState
    from hub.registry.model import Node
    from hub.unit_of_work import UnitOfWork

T = TypeVar("T")
app = terminal.group("Les nœuds : les RSE des ministères, de la candidature à l'admission.")
NodeName = Annotated[str, typer.Argument(help="Identifiant du nœud, par exemple wifip.")]


@app.command("apply")
def apply_(
    node: NodeName,
    organisation: Annotated[str, typer.Option(help="Identifiant de l'organisme, par exemple finances.")],
    name: Annotated[str, typer.Option(help="Nom de l'organisme, tel qu'on le lit.")],
    platform: Annotated[str, typer.Option(help="Sorte de RSE : discourse, matrix…")],
    key: Annotated[str, typer.Option(help="Clé publique (z6Mk…) ou fichier PEM Ed25519.")],
) -> None:
    """Présente un nœud avec sa clé ; il reste candidat jusqu'à son admission. Ne change rien s'il s'est déjà présenté ainsi."""
    from hub.registry import service

    async def use(work: UnitOfWork) -> bool:
        return await service.apply(_applying(node, organisation, name, platform, key), work)

    try:
        new = terminal.in_transaction(use)
    except service.NodeKnownError:
        terminal.fail(f"Un nœud « {node} » s'est déjà présenté, autrement.")
    if not new:
        terminal.say(f"{node} s'était déjà présenté : rien à faire.")
        return
    terminal.say(f"{node} est candidat. Ensuite : « traitdunion nodes provision {node} », puis « traitdunion nodes approve {node} ».")


@app.command()
def provision(
    node: NodeName,
    principal: Annotated[str | None, typer.Option(help="Son nom pour Kafka (SASL) ; à défaut, l'identifiant du nœud.")] = None,
) -> None:
    """Crée les topics du nœud et, avec SASL, ses droits."""
    from hub.commands.topics import show
    from hub.operations.broker import administrator
    from hub.operations.provision import RightsRefused
    from hub.operations.provision import provision as set_up
    from schemas.wire.kafka import KafkaSettings, TopicNames

    _named(node)
    settings = KafkaSettings()
    try:
        with terminal.named_errors(), administrator(settings) as admin:
            findings, rights = set_up(admin, node, principal or node, TopicNames(), settings)
    except RightsRefused as refused:
        terminal.fail(f"Kafka n'a pas pris tous les droits du nœud : {refused}")
    show(findings)
    terminal.say(f"Droits posés : {rights}." if rights else "Pas de SASL réglé : aucun droit à poser.")


@app.command()
def approve(node: NodeName) -> None:
    """Admet un candidat, ou un nœud suspendu : un nouveau registre signé le dit à tous. Ne change rien s'il est admis."""
    from hub.registry import service

    new = _change(node, lambda work: service.approve(node, work))
    terminal.say(f"{node} est admis." if new else f"{node} était déjà admis : rien à faire.")


@app.command()
def suspend(node: NodeName) -> None:
    """Suspend un nœud : il ne parle plus et ne reçoit plus, jusqu'à ce qu'il soit admis de nouveau."""
    from hub.registry import service

    _change(node, lambda work: service.suspend(node, work))
    terminal.say(f"{node} est suspendu.")


@app.command("revoke-key")
def revoke_key(node: NodeName, key: Annotated[str, typer.Argument(help="La clé : nœud#z6Mk…, ou z6Mk… seule.")]) -> None:
    """Révoque une clé dès maintenant : ce qu'elle signe ensuite est refusé, nommément."""
    from hub.registry import service

    key_id = key if "#" in key else f"{node}#{key}"
    _change(node, lambda work: service.revoke_key(node, key_id, work))
    terminal.say(f"{key_id} est révoquée.")


@app.command()
def release(node: NodeName) -> None:
    """Met fin à la quarantaine d'un nœud, puis rejoue ce qui en a été mis de côté, du plus ancien au plus récent."""
    from hub.operations import quarantine, replay
    from schemas.wire.kafka import KafkaSettings, TopicNames

    names = TopicNames()

    async def end(connection: AsyncConnection) -> tuple[bool, dict[int, int]]:
        ended = await quarantine.release(connection, node)
        start = await replay.progress(connection, node, names)
        await connection.commit()
        return ended, start

    _known(node)
    ended, start = terminal.reading(end)
    with terminal.named_errors():
        done = replay.replay(KafkaSettings(), names, node, start)

    async def remember(connection: AsyncConnection) -> None:
        await replay.remember(connection, node, names, done.reached)
        await connection.commit()

    terminal.reading(remember)
    state = "sort de quarantaine" if ended else "n'est pas en quarantaine"
    terminal.say(f"{node} {state} ; enregistrements rejoués : {done.records}.")


@app.command("list")
def list_(as_json: terminal.AsJson = False) -> None:
    """Montre les nœuds, leur état et ce qui attend d'y être écrit."""
    from hub.operations.overview import node_states

    states = terminal.reading(node_states)
    if as_json:
        terminal.show_json([_plain(state) for state in states])
        return
    rows = [
        (state.node.id, state.node.organisation_name, state.node.platform, _state(state.node), state.waiting.records,
         terminal.when(state.waiting.oldest) if state.waiting.oldest else "", terminal.when(state.last_receipt))
        for state in states
    ]  # fmt: skip
    columns = ("Nœud", "Organisme", "RSE", "État", "À écrire", "Depuis", "Dernier accusé")
    terminal.show_table("Nœuds", columns, rows, "Aucun nœud ne s'est encore présenté.")


def _applying(node: str, organisation: str, name: str, platform: str, key: str) -> Node:
    from hub import bootstrap
    from hub.registry.model import Node
    from schemas.manifest import Grade, KeyEntry

    multibase = _multibase(key)
    _named(node)
    entry = KeyEntry.model_validate({"id": f"{node}#{multibase}", "multibase": multibase}, by_name=True)
    return Node(node, organisation, name, platform, Grade.CANDIDATE, bootstrap.clock(), keys=(entry,))


def _multibase(key: str) -> str:
    """The public key as a Multikey; from a PEM file of either half, since a ministry may hand over the public one alone."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from schemas.keys import ED25519_PUBLIC, KeyMalformed, PublicKey, SigningKey, to_multibase

    try:
        if key.startswith("z"):
            return PublicKey.of(key).multibase
        pem = Path(key).read_bytes()
        if b"PUBLIC KEY" not in pem:
            return SigningKey.load("", Path(key)).public.multibase
        public = serialization.load_pem_public_key(pem)
    except FileNotFoundError:
        terminal.fail(f"Ni une clé z6Mk…, ni un fichier : {key}")
    except (KeyMalformed, ValueError):
        terminal.fail("Cette clé n'est pas une clé Ed25519 lisible (z6Mk…, ou PEM sans phrase secrète).")
    if not isinstance(public, Ed25519PublicKey):
        terminal.fail("Cette clé publique n'est pas une clé Ed25519.")
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return PublicKey.of(to_multibase(ED25519_PUBLIC + raw)).multibase


def _named(node: str) -> None:
    """A node's name becomes part of topic names and access rights: nothing but what it may hold gets there."""
    import re

    from schemas.envelope import NODE_PATTERN

    if not re.fullmatch(NODE_PATTERN, node):
        terminal.fail(f"« {node} » ne peut pas nommer un nœud : 2 à 40 caractères parmi a-z, 0-9 et -, une lettre d'abord.")


def _known(node: str) -> None:
    async def look(work: AsyncConnection) -> bool:
        from hub.registry.repository import SqlNodes

        return await SqlNodes(work).get(node) is not None

    if not terminal.reading(look):
        terminal.fail(f"Aucun nœud ne s'appelle « {node} ».")


def _change(node: str, use: Callable[[UnitOfWork], Awaitable[T]]) -> T:
    from hub.registry.model import GradeRefused
    from hub.registry.service import NodeNotFound

    try:
        return terminal.in_transaction(use)
    except NodeNotFound:
        terminal.fail(f"Aucun nœud ne s'appelle « {node} ».")
    except GradeRefused as refused:
        terminal.fail(f"Ce passage n'existe pas pour {node} : {refused}.")
    except LookupError as missing:
        terminal.fail(f"{node} n'a pas cette clé : {missing}")


def _state(node: Node) -> str:
    from hub.ui import words

    return words.grade(node.grade.value) + (", en quarantaine" if node.quarantined_at else "")


def _plain(state: NodeState) -> dict[str, object]:
    node = state.node
    return {
        "id": node.id, "organisation": node.organisation_name, "platform": node.platform, "grade": node.grade.value,
        "quarantined_at": node.quarantined_at, "keys": [key.id for key in node.keys],
        "waiting": state.waiting.records, "waiting_since": state.waiting.oldest, "last_receipt": state.last_receipt,
    }  # fmt: skip
