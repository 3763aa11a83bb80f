"""What `nodes show` and `peers acts` say: all that the registry keeps about somebody, and what waits for a decision."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from hub.commands import admission, terminal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.registry.acts import KeptAct
    from hub.registry.applications import Application
    from hub.registry.dossier import Dossier
    from schemas.application import Kind
    from schemas.manifest import KeyEntry

SIGNS: Final = {"same": " ", "added": "+", "removed": "-", "changed": "~"}
_NOTHING_SAID: Final[Mapping[str, object]] = {"manifest": None, "declaration": None}


def show(kind: Kind, name: str, *, as_json: bool) -> None:
    """What the registry keeps about somebody, for people or for programs."""
    from hub.registry.dossier import dossier_of

    found = terminal.reading(lambda connection: dossier_of(connection, kind, name))
    if found is None:
        terminal.fail(f"Aucun {admission.NAMES[kind]} ne s'appelle « {name} ».")
    if as_json:
        terminal.show_json(_plain(found))
        return
    for line in _lines(found):
        terminal.say(line)
    _show_acts(found.acts)


def _lines(found: Dossier) -> list[str]:
    from hub.ui import words

    change = found.last_change()
    state = words.grade(found.member.grade.value)
    lines = [f"{found.subject} : {state}{f' depuis {terminal.when(change.at)}' if change else ''}"]
    if change and change.reason:
        lines.append(f"  raison : {change.reason}")
    if found.told:
        lines.append(f"  {_origin(found, found.told)}")
        lines += [f"    {label} : {said}" for label, values in found.facts.items() for said in values]
    if found.waiting:
        by = ", ".join(words.approver(act.name, act.grade) for act in found.approved_by()) or "personne"
        lines.append(f"  une candidature du {terminal.when(found.waiting.applied_at)} attend, déjà approuvée par : {by}")
        lines += [f"  l'approbation de {act.name} ne compte plus : cette personne n'agit plus" for act in found.lapsed_approvals()]
        lines.append(f"  son empreinte, à dire pour l'approuver ou la refuser (--manifest) : {found.waiting.digest}")
        lines += _changes(found, found.waiting)
    lines += [
        f"  passage à « {words.grade(act.grade)} » approuvé par {act.name} ; il y faut encore une autre personne"
        for act in found.under_way()
        if act.grade
    ]
    lines += [f"  clé {key.id} : {words.key_state(state)}, {words.custody(key.custody)}" for key, state in _keys(found)]
    return [*lines, *(f"  clé : {said}" for said in peer_keys(found))]


def peer_keys(found: Dossier) -> list[str]:
    """The keys by which a peer shows who it is, one a line, or why it has none here; nothing of a node."""
    from hub.registry.model import Node
    from hub.ui import words

    if isinstance(found.member, Node):
        return []
    told = []
    for key in found.peer_keys:
        custody = f", {words.custody(key.custody)}" if key.custody else ""
        until = f" au {terminal.when(key.valid_until)}" if key.valid_until else ""
        follows = f", à la suite de {key.follows}" if key.follows else ""
        told.append(f"{key.id}{custody}, du {terminal.when(key.valid_from)}{until}{follows}")
    return told or [words.no_keys(found.member.declared, found.accepted)]


def plain_peer_keys(found: Dossier) -> list[dict[str, object]]:
    """The same for programs."""
    return [
        {"id": key.id, "custody": key.custody.value if key.custody else None, "valid_from": key.valid_from,
         "valid_until": key.valid_until, "follows": key.follows}
        for key in found.peer_keys
    ]  # fmt: skip


def peer_registry(found: Dossier) -> str:
    """Until when its own registry holds, as our door read it last: past that, what its ministries say is refused."""
    from hub import bootstrap
    from hub.registry.peers import Peer

    seen = found.registry
    if seen is None:
        return "pas encore lu" if isinstance(found.member, Peer) and found.member.acknowledges else "sans objet"
    holds = (
        f"vaut jusqu'au {terminal.when(seen.expires)}"
        if bootstrap.clock() < seen.expires
        else f"expiré depuis le {terminal.when(seen.expires)}"
    )
    return f"version {seen.version}, lu le {terminal.when(seen.read_at)}, {holds}"


def plain_peer_registry(found: Dossier) -> dict[str, object] | None:
    """The same for programs."""
    seen = found.registry
    return {"version": seen.version, "read_at": seen.read_at, "expires": seen.expires} if seen else None


def _origin(found: Dossier, told: Application) -> str:
    """Who says what follows, and whether anybody has accepted it."""
    if told.declared_here:
        return "déclaré par la fédération, sans manifeste signé"
    if not found.accepted:
        return "ce que dit sa candidature, que personne n'a encore acceptée"
    return f"{_validity(found)} (jusqu'au {terminal.when(found.member.expires)})"


def _changes(found: Dossier, waiting: Application) -> list[str]:
    """What approving would change: everything that the application says, what differs marked by a sign and a word."""
    from hub import bootstrap
    from hub.ui import words

    rows = found.changes(bootstrap.clock())
    if not rows:
        return []
    of_whom = "une déclaration de la fédération ; " if waiting.declared_here else ""
    lines = [f"  {of_whom}ce qu'elle dirait, à côté de ce qui fut accepté :"]
    for row in rows:
        kind = row.difference.value
        was = f" (auparavant : {row.before})" if row.before and row.after and row.before != row.after else ""
        note = f" ({row.note})" if row.note else ""
        lines.append(f"    {SIGNS[kind]} {words.difference(kind):<8} {row.label} : {row.after or row.before}{was}{note}")
    return lines


def _validity(found: Dossier) -> str:
    from hub import bootstrap
    from hub.registry.endings import validity
    from hub.ui import words

    return words.validity(validity(found.member, bootstrap.clock()))


def _keys(found: Dossier) -> list[tuple[KeyEntry, str]]:
    from hub import bootstrap
    from hub.registry.model import Node

    keys = found.member.keys if isinstance(found.member, Node) else ()
    return [(key, key.state_at(bootstrap.clock()).value) for key in keys]


def _show_acts(kept: Sequence[KeptAct]) -> None:
    from hub.ui import words

    rows = [
        (terminal.when(act.at), words.act(act.kind.value), words.grade(act.grade.value) if act.grade else act.key or "",
         f"{act.name} ({act.organisation})" if act.name else "par sa propre clé", act.reason or "",
         act.authentication().get("provider", ""), act.version or "")
        for act in kept
    ]  # fmt: skip
    columns = ("Quand", "Acte", "Quoi", "Qui", "Raison", "Attesté par le hub, selon", "Version")
    terminal.show_table("Actes", columns, rows, "Aucun acte n'est gardé.")


def _plain(found: Dossier) -> dict[str, object]:
    """With the attestations whole: anybody who holds the anchor checks them."""
    acts = [
        {"kind": act.kind.value, "at": act.at, "grade": act.grade.value if act.grade else None, "key": act.key, "reason": act.reason,
         "by": act.name, "organisation": act.organisation, "version": act.version, "attestation": json.loads(act.attestation)}
        for act in found.acts
    ]  # fmt: skip
    keys: list[dict[str, object]] = [
        {"id": key.id, "state": state, "custody": key.custody.value if key.custody else None} for key, state in _keys(found)
    ]
    return {
        "subject": found.subject,
        "grade": found.member.grade.value,
        "keys": keys or plain_peer_keys(found),
        **(_document(found.told) if found.told else _NOTHING_SAID),
        "accepted": found.accepted.digest if found.accepted else None,
        "waiting": _waiting(found, found.waiting) if found.waiting else None,
        "under_way": [_approval(act) for act in found.under_way()],
        "acts": acts,
    }


def _approval(act: KeptAct) -> dict[str, object]:
    """An approval that waits for another person's, and the grade that it is for."""
    return {"by": act.name, "grade": act.grade.value if act.grade else None, "at": act.at}


def _document(application: Application) -> dict[str, object]:
    """What an application says, under the name of what it is."""
    from hub.registry.declarations import Declaration

    said = application.said
    if isinstance(said, Declaration):
        return {**_NOTHING_SAID, "declaration": said.model_dump(mode="json", exclude_none=True)}
    return {**_NOTHING_SAID, "manifest": said.model_dump(mode="json", by_alias=True)}


def _waiting(found: Dossier, application: Application) -> dict[str, object]:
    """What waits for a decision, whole, and what it would change."""
    from hub import bootstrap

    differences = [
        {"label": row.label, "before": row.before, "after": row.after, "difference": row.difference.value}
        for row in found.changes(bootstrap.clock())
        if row.before != row.after
    ]
    return {
        "digest": application.digest, "applied_at": application.applied_at, **_document(application),
        "approved_by": [act.name for act in found.approved_by()], "approvals": [_approval(act) for act in found.approved_by()],
        "differences": differences,
    }  # fmt: skip
