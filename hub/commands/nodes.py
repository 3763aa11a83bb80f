"""traitdunion nodes: a ministry's RSE from its application to its release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands import admission, dossiers, releasing, terminal
from schemas.application import Kind
from schemas.manifest import Grade

if TYPE_CHECKING:
    from hub.operations.overview import NodeState
    from hub.unit_of_work import UnitOfWork

app = terminal.group("Les nœuds : les RSE des ministères, de la candidature à l'admission.")
Key = Annotated[str, typer.Argument(help="La clé : nœud#z6Mk…, ou z6Mk… seule.")]
NodeName = Annotated[str, typer.Argument(help="Identifiant du nœud, par exemple wifip.")]


@app.command("apply")
def apply_(path: admission.ManifestFile) -> None:
    """Présente un nœud par son manifeste signé ; il reste candidat jusqu'à ce que deux personnes l'admettent."""
    name = admission.apply_(Kind.NODE, path)
    if name is None:
        terminal.say("Ce manifeste est déjà venu : rien à faire.")
        return
    terminal.say(
        f"{name} est candidat. Ensuite : « traitdunion nodes provision {name} », puis, deux fois, "
        f"après l'avoir lue (« traitdunion nodes show {name} ») : « traitdunion nodes approve {name} --manifest EMPREINTE »."
    )


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
def approve(node: NodeName, grade: admission.Into = Grade.FULL, manifest: admission.Read = None) -> None:
    """Approuve en votre nom qu'un nœud soit admis ; à la deuxième personne, un nouveau registre signé le dit à tous."""
    admission.approve(Kind.NODE, node, grade, manifest)


@app.command()
def refuse(node: NodeName, reason: admission.Why, manifest: admission.Read = None) -> None:
    """Refuse la candidature d'un nœud, et dit pourquoi ; il pourra en présenter une autre."""
    admission.refuse(Kind.NODE, node, reason, manifest)


@app.command()
def lower(node: NodeName, reason: admission.Why) -> None:
    """Ramène un nœud admis à observateur : il lit et n'écrit plus. Il y faut deux personnes, comme pour l'admettre de nouveau (approve)."""
    admission.lower(Kind.NODE, node, reason)


@app.command()
def suspend(node: NodeName, reason: admission.Why) -> None:
    """Suspend un nœud : il ne parle plus et ne reçoit plus, jusqu'à ce qu'il soit admis de nouveau. Une personne suffit."""
    admission.suspend(Kind.NODE, node, reason)


@app.command()
def depart(node: NodeName, reason: admission.Why) -> None:
    """Prend acte du départ d'un nœud, pour toujours ; il y faut deux personnes."""
    admission.depart(Kind.NODE, node, reason)


@app.command("revoke-key")
def revoke_key(node: NodeName, key: Key) -> None:
    """Révoque une clé dès maintenant : ce qu'elle signe ensuite est refusé, nommément."""
    from hub.registry import key_service

    key_id = key if "#" in key else f"{node}#{key}"

    async def use(work: UnitOfWork) -> None:
        await key_service.revoke_key(node, key_id, await terminal.presence(work), work)

    admission.acting(Kind.NODE, node, use)
    terminal.say(f"{key_id} est révoquée.")


@app.command()
def show(node: NodeName, as_json: terminal.AsJson = False) -> None:
    """Montre un nœud, ses clés, et chaque acte qui le concerne, attesté par le hub."""
    dossiers.show(Kind.NODE, node, as_json=as_json)


@app.command()
def release(node: NodeName, reason: admission.Why) -> None:
    """Met fin, en votre nom, à la quarantaine d'un nœud, puis rejoue ce qui en a été mis de côté, du plus ancien au plus récent."""
    releasing.release(Kind.NODE, node, reason)


@app.command("list")
def list_(as_json: terminal.AsJson = False) -> None:
    """Montre les nœuds, leur état et ce qui attend d'y être écrit."""
    from hub import bootstrap
    from hub.operations.overview import node_states

    states = terminal.reading(lambda connection: node_states(connection, bootstrap.clock()))
    if as_json:
        terminal.show_json([_plain(state) for state in states])
        return
    rows = [
        (state.node.id, state.node.organisation_name, state.node.platform,
         terminal.standing(state.node.grade, state.node.quarantined_at, state.validity), state.waiting.records,
         terminal.when(state.waiting.oldest) if state.waiting.oldest else "", terminal.last(state.last_receipt))
        for state in states
    ]  # fmt: skip
    columns = ("Nœud", "Organisme", "RSE", "État", "À écrire", "Depuis", "Dernier accusé")
    terminal.show_table("Nœuds", columns, rows, "Aucun nœud ne s'est encore présenté.")


@app.command()
def resyncs(as_json: terminal.AsJson = False) -> None:
    """Montre les nœuds auxquels le hub renvoie, ou a renvoyé, ce qu'ils ont manqué, et où cela en est."""
    from dataclasses import asdict

    from hub.communities.resyncs import all_resyncs

    found = terminal.reading(all_resyncs)
    if as_json:
        terminal.show_json([asdict(one) | {"to_go": to_go} for one, to_go in found])
        return
    rows = [
        (one.node, one.community, "en cours" if to_go else "complet" if one.state.value == "completed" else "presque complet",
         f"{one.since + 1} à {one.reached}", to_go, one.originals, one.stand_ins, one.left_out, terminal.when(one.asked_at))
        for one, to_go in found
    ]  # fmt: skip
    columns = ("Nœud", "Communauté", "État", "Numéros", "À venir", "Tels quels", "Repris", "Écartés", "Demandé")
    terminal.show_table("Resynchronisations", columns, rows, "Aucun nœud n'a rien redemandé.")


def _named(node: str) -> None:
    """A node's name becomes part of topic names and access rights: nothing but what it may hold gets there."""
    import re

    from schemas.envelope import NODE_PATTERN

    if not re.fullmatch(NODE_PATTERN, node):
        terminal.fail(f"« {node} » ne peut pas nommer un nœud : 2 à 40 caractères parmi a-z, 0-9 et -, une lettre d'abord.")


def _plain(state: NodeState) -> dict[str, object]:
    node = state.node
    return {
        "id": node.id, "organisation": node.organisation_name, "platform": node.platform, "grade": node.grade.value,
        "quarantined_at": node.quarantined_at, "manifest_expires": node.expires, "keys": [key.id for key in node.keys],
        "waiting": state.waiting.records, "waiting_since": state.waiting.oldest, "last_receipt": state.last_receipt,
    }  # fmt: skip
