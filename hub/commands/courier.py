"""traitdunion peers list | show | pause | resume | retry: what the courier brings to each peer, and what stands in its way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.commands import terminal

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.operations.peers import PeerState
    from hub.registry.dossier import Dossier

Authority = Annotated[str, typer.Argument(help="Nom de domaine du serveur, avec son port s'il n'est pas l'ordinaire.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the group `peers`."""
    app.command("list")(list_)
    for command in (show, pause, resume, retry):
        app.command()(command)


def list_(as_json: terminal.AsJson = False) -> None:
    """Montre les serveurs pairs : degré, disjoncteur, retard, signature, dernier succès, dernier échec."""
    from hub import bootstrap
    from hub.operations.peers import peer_states
    from hub.ui import words

    states = terminal.reading(lambda connection: peer_states(connection, bootstrap.clock()))
    if as_json:
        terminal.show_json([plain(state) for state in states])
        return
    rows = [
        (one.peer.id, terminal.standing(one.peer.grade, one.quarantined_at, one.validity), words.breaker(one.state), one.waiting, words.scheme(one.scheme),
         terminal.last(one.last_success), terminal.last(one.last_failure, "aucun"), words.reason(one.reason) if one.reason else "")
        for one in states
    ]  # fmt: skip
    columns = ("Serveur", "Degré", "Disjoncteur", "En attente", "Signature", "Dernier succès", "Dernier échec", "Raison")
    terminal.show_table("Serveurs pairs", columns, rows, "Aucun serveur pair n'est connu.")


def show(peer: Authority, as_json: terminal.AsJson = False) -> None:
    """Montre un serveur pair et où en est ce qui lui est porté."""
    from hub import bootstrap
    from hub.commands import dossiers
    from hub.operations.peers import peer_state
    from hub.registry.dossier import dossier_of
    from schemas.application import Kind

    async def use(connection: AsyncConnection) -> tuple[PeerState | None, Dossier | None]:
        return await peer_state(connection, peer, bootstrap.clock()), await dossier_of(connection, Kind.PEER, peer)

    found, dossier = terminal.reading(use)
    if found is None or dossier is None:
        terminal.fail(f"Aucun serveur pair ne s'appelle « {peer} ».")
    if as_json:
        terminal.show_json(plain(found) | {"keys": dossiers.plain_peer_keys(dossier), "registry": dossiers.plain_peer_registry(dossier)})
        return
    for name, said in [
        *_facts(found),
        ("son registre", dossiers.peer_registry(dossier)),
        *(("clé", said) for said in dossiers.peer_keys(dossier)),
    ]:
        terminal.say(f"{name:<20} {said}")


def pause(peer: Authority) -> None:
    """Ne lui porte plus rien ; ce qui lui est destiné attend, sans se perdre, aussi longtemps que le topic le garde."""
    from hub.federation.positions import Wish

    _wish(peer, Wish.PAUSE)
    terminal.say(f"{peer} sera mis en pause dans la seconde, si le courrier est en marche.")


def resume(peer: Authority) -> None:
    """Met fin à sa pause : il rattrape ce qui l'attendait, dans l'ordre."""
    from hub.federation.positions import Wish

    _wish(peer, Wish.RESUME)
    terminal.say(f"{peer} sera repris dans la seconde, si le courrier est en marche.")


def retry(peer: Authority) -> None:
    """Le sollicite maintenant, sans attendre l'heure du prochain essai."""
    from hub.federation.positions import Wish

    _wish(peer, Wish.RETRY)
    terminal.say(f"{peer} sera sollicité dans la seconde, si le courrier est en marche.")


def plain(state: PeerState) -> dict[str, Any]:
    """A peer's state for machines."""
    peer = state.peer
    return {
        "id": peer.id, "name": peer.name, "organisation": peer.organisation, "kind": peer.kind.value, "grade": peer.grade.value,
        "anchor": peer.anchor, "followers": state.followers, "breaker": state.state, "behind": state.behind,
        "waiting": state.waiting, "waiting_since": state.waiting_since, "failures": state.failures, "next_try": state.next_try,
        "signature": state.scheme, "last_success": state.last_success, "last_failure": state.last_failure, "reason": state.reason,
        "wish": state.wish, "refused": state.refused, "quarantined_at": state.quarantined_at,
        "manifest_expires": peer.expires,
        "unacknowledged": state.unacknowledged.count if state.unacknowledged else None,
        "unacknowledged_since": state.unacknowledged.since if state.unacknowledged else None,
        "silent": state.unacknowledged.silent if state.unacknowledged else None,
        "silent_since": state.unacknowledged.silent_since if state.unacknowledged else None,
    }  # fmt: skip


def _facts(state: PeerState) -> list[tuple[str, object]]:
    from hub.ui import words

    peer = state.peer
    failure = f"{terminal.when(state.last_failure)} : {words.reason(state.reason)}" if state.reason else "aucun"
    return [
        ("serveur", f"{peer.id} ({peer.name}, {peer.organisation})"),
        ("degré", words.grade(peer.grade.value)),
        ("manifeste", f"{words.validity(state.validity)}, jusqu'au {terminal.when(peer.expires)}" if peer.expires else "aucun"),
        ("quarantaine", f"depuis le {terminal.when(state.quarantined_at)}" if state.quarantined_at else "aucune"),
        ("clé de son registre", peer.anchor or "sans objet"),
        ("abonnés", state.followers),
        ("disjoncteur", words.breaker(state.state)),
        ("en attente", f"{state.waiting}, le plus ancien de {terminal.when(state.waiting_since)}" if state.waiting else 0),
        ("échecs de suite", state.failures),
        ("prochain essai", terminal.when(state.next_try) if state.next_try else "sans objet"),
        ("signature", words.scheme(state.scheme)),
        ("dernier succès", terminal.last(state.last_success)),
        ("dernier échec", failure),
        ("refusés", state.refused),
        ("accusés attendus", _unacknowledged(state)),
        ("sans accusé", _silent(state)),
    ]


def _unacknowledged(state: PeerState) -> str:
    if state.unacknowledged is None:
        return "sans objet : ce serveur n'en donne pas"
    return (
        f"{state.unacknowledged.count}, le plus ancien de {terminal.when(state.unacknowledged.since)}"
        if state.unacknowledged.since
        else "aucun"
    )


def _silent(state: PeerState) -> str:
    from hub.operations.awaited import SILENT_AFTER
    from hub.ui import age

    found = state.unacknowledged
    if found is None:
        return "sans objet"
    waited = f"attendus {age(SILENT_AFTER)} en vain"
    return f"{found.silent}, {waited}, le plus ancien de {terminal.when(found.silent_since)}" if found.silent_since else "aucun"


def _wish(peer: str, wished: Any) -> None:
    from hub.federation import positions

    async def use(connection: AsyncConnection) -> bool:
        found = await positions.wish(connection, peer, wished)
        await connection.commit()
        return found

    if not terminal.reading(use):
        terminal.fail(f"Rien n'a encore été porté à « {peer} ».")
