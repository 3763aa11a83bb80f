"""What `nodes` and `peers` have in common: apply, approve, refuse, show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from hub.commands import terminal
from schemas.application import Kind
from schemas.manifest import Grade

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from hub.registry.acts import KeptAct
    from hub.registry.admission import Decision
    from hub.registry.declarations import Declaration
    from hub.registry.dossier import Dossier
    from hub.unit_of_work import UnitOfWork
    from schemas.manifest import KeyEntry

T = TypeVar("T")
Why = Annotated[str, typer.Option("--reason", help="Pourquoi, en une phrase : elle est gardée et se lit.")]
Into = Annotated[Grade, typer.Option("--grade", help="full : admis ; observer : il lit et n'écrit pas.")]
ManifestFile = Annotated[Path, typer.Argument(help="Le manifeste signé (« traitdunion manifest new »).")]
NAMES = {Kind.NODE: "nœud", Kind.PEER: "serveur pair"}
REFUSALS = {
    "already_approved": "Vous l'avez déjà approuvé : il y faut deux personnes différentes.",
    "manifest_expired": "Son manifeste a expiré : il doit en présenter un nouveau (« apply »).",
    "own_organisation_alone": "Un organisme n'admet pas seul les siens : il y faut aussi une personne d'un autre.",
}


def apply_(kind: Kind, path: Path) -> str | None:
    """Apply by a manifest: the applicant's id, None where it had come before."""
    from hub.registry import admission
    from hub.registry.admission_work import KeyTaken, ManifestReplayed, NameTaken, TooManyApplications

    signed = terminal.manifest(path)
    if signed.manifest.kind is not kind:
        terminal.fail(f"Ce manifeste est celui d'un {NAMES[signed.manifest.kind]}, non d'un {NAMES[kind]}.")
    name = signed.manifest.id
    try:
        return name if terminal.in_transaction(lambda work: admission.apply(signed, work)) else None
    except NameTaken:
        terminal.fail(f"Un {NAMES[kind]} « {name} » s'est déjà présenté, par d'autres clés, ou est parti.")
    except ManifestReplayed:
        terminal.fail(f"Un manifeste plus récent de « {name} » est déjà venu : signez-en un nouveau (« traitdunion manifest sign »).")
    except KeyTaken as taken:
        terminal.fail(f"La clé {taken} est déjà celle d'un autre.")
    except TooManyApplications:
        terminal.fail("Trop de candidatures attendent déjà : il faut d'abord décider de celles-là.")


def declare(declaration: Declaration, reason: str) -> bool:
    """Describe a server that signs no manifest, in one's own name; False where that is what stands. Ends with a sentence."""
    from hub.registry import declaring
    from hub.registry.admission_work import ManifestStands, NameTaken

    name = declaration.authority

    async def use(work: UnitOfWork) -> bool:
        return await declaring.declare(declaration, reason, await terminal.presence(work), work)

    try:
        return acting(Kind.PEER, name, use)
    except NameTaken:
        terminal.fail(f"« {name} » ne peut pas être déclaré : ce nom est réservé, ou ce serveur est parti pour toujours.")
    except ManifestStands:
        terminal.fail(f"« {name} » a signé un manifeste : c'est à lui d'en présenter un autre (« traitdunion peers apply »).")


def approve(kind: Kind, name: str, grade: Grade) -> None:
    """Approve in one's own name that somebody be admitted, and say what it brought."""
    if grade not in {Grade.FULL, Grade.OBSERVER}:
        terminal.fail("On admet comme full ou observer ; sinon : lower, suspend, depart.")
    _say(name, decide(kind, name, grade), "est admis" if grade is Grade.FULL else "est observateur")


def lower(kind: Kind, name: str, reason: str) -> None:
    """Approve in one's own name that somebody only reads from now on, and say what it brought."""
    from hub.registry import admission

    async def use(work: UnitOfWork) -> Decision:
        return await admission.lower(f"{kind.value}/{name}", reason, await terminal.presence(work), work)

    _say(name, acting(kind, name, use), "est observateur")


def suspend(kind: Kind, name: str, reason: str) -> None:
    """Suspend somebody, and say so."""
    _say(name, decide(kind, name, Grade.SUSPENDED, reason), "est suspendu")


def depart(kind: Kind, name: str, reason: str) -> None:
    """Take note that somebody leaves for ever, and say what it brought."""
    _say(name, decide(kind, name, Grade.GONE, reason), "est parti")


def decide(kind: Kind, name: str, grade: Grade, reason: str | None = None) -> Decision:
    """Approve a grade, or end with a sentence."""
    from hub.registry import admission

    subject = f"{kind.value}/{name}"

    async def use(work: UnitOfWork) -> Decision:
        return await admission.decide(subject, grade, await terminal.presence(work), work, reason)

    return acting(kind, name, use)


def refuse(kind: Kind, name: str, reason: str) -> None:
    """Turn down the open application, and say so."""
    from hub.registry import admission

    async def use(work: UnitOfWork) -> None:
        await admission.refuse(f"{kind.value}/{name}", reason, await terminal.presence(work), work)

    acting(kind, name, use)
    terminal.say(f"La candidature de {name} est refusée.")


def acting(kind: Kind, name: str, use: Callable[[UnitOfWork], Awaitable[T]]) -> T:
    """Run a use case about somebody; its refusals become sentences."""
    from hub.registry.admission_work import ApplicationMissing, ApprovalRefused, NodeNotFound, ReasonMissing
    from hub.registry.model import GradeRefused

    try:
        return terminal.in_transaction(use)
    except NodeNotFound:
        terminal.fail(f"Aucun {NAMES[kind]} ne s'appelle « {name} ».")
    except ApplicationMissing:
        terminal.fail(f"Aucune candidature de « {name} » n'attend de décision.")
    except ApprovalRefused as refused:
        terminal.fail(REFUSALS[refused.reason])
    except ReasonMissing:
        terminal.fail("Il faut dire pourquoi (--reason) ; qui est admis redevient observateur par « lower ».")
    except GradeRefused as refused:
        terminal.fail(f"Ce passage n'existe pas pour {name} : {refused}.")
    except LookupError as missing:
        terminal.fail(f"{name} n'a pas cette clé : {missing}")


def _say(name: str, decision: Decision, done: str) -> None:
    """What an approval brought, in a sentence."""
    if decision.done:
        terminal.say(f"{name} {done}.")
    elif decision.approvals >= decision.needed:
        terminal.say(f"{name} l'était déjà : rien à faire.")
    else:
        terminal.say(f"{name} : {decision.approvals} approbation sur {decision.needed} ; il y faut encore une autre personne.")


def show(kind: Kind, name: str, *, as_json: bool) -> None:
    """What the registry keeps about somebody, for people or for programs."""
    from hub.registry.dossier import dossier_of

    found = terminal.reading(lambda connection: dossier_of(connection, kind, name))
    if found is None:
        terminal.fail(f"Aucun {NAMES[kind]} ne s'appelle « {name} ».")
    if as_json:
        terminal.show_json(_plain(found))
        return
    for line in _lines(found):
        terminal.say(line)
    _show_acts(found.acts)


def _lines(found: Dossier) -> list[str]:
    from hub.registry.declarations import Declaration
    from hub.ui import words

    manifest, change = found.manifest, found.last_change()
    state = words.grade(found.member.grade.value)
    lines = [f"{found.subject} : {state}{f' depuis {terminal.when(change.at)}' if change else ''}"]
    if change and change.reason:
        lines.append(f"  raison : {change.reason}")
    if found.declaration:
        lines += ["  déclaré par la fédération, sans manifeste signé", *_described(found.declaration)]
    if manifest:
        organisation = manifest.organisation
        lines += [f"  {organisation.name}, SIRET {organisation.siret} ; {manifest.platform} ; charte {manifest.charter}"]
        lines += [f"  {_validity(found)} (jusqu'au {terminal.when(manifest.expires)})"]
        lines += [f"  {one.kind.value} : {one.url}" for one in manifest.endpoints]
        lines += [f"  {role} : {one['name']} <{one['mailbox']}>" for role, one in manifest.contacts.model_dump().items()]
    if found.waiting:
        waiting = found.waiting.said
        lines += _described(waiting) if isinstance(waiting, Declaration) and waiting != found.declaration else []
        lines.append(
            f"  une candidature attend, déjà approuvée par : {', '.join(act.name or '' for act in found.approved_by()) or 'personne'}"
        )
    lines += [f"  clé {key.id} : {words.key_state(state)}, {words.custody(key.custody)}" for key, state in _keys(found)]
    return lines


def _validity(found: Dossier) -> str:
    from hub import bootstrap
    from hub.registry.endings import validity
    from hub.ui import words

    return words.validity(validity(found.member, bootstrap.clock()))


def _described(said: Declaration) -> list[str]:
    """What two people approve: who runs the server, and what it may do that others may not."""
    siret = f", SIRET {said.organisation.siret}" if said.organisation.siret else ""
    networks = f" ; réseaux privés permis : {', '.join(said.networks)}" if said.networks else ""
    signs = "peut signer par draft-cavage" if said.cavage else "signe selon la RFC 9421"
    return [f"  {said.organisation.name}{siret} ; {signs}{networks}"]


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
    keys = [{"id": key.id, "state": state, "custody": key.custody.value if key.custody else None} for key, state in _keys(found)]
    manifest = found.manifest.model_dump(mode="json", by_alias=True) if found.manifest else None
    declaration = found.declaration.model_dump(mode="json", exclude_none=True) if found.declaration else None
    return {
        "subject": found.subject,
        "grade": found.member.grade.value,
        "keys": keys,
        "manifest": manifest,
        "declaration": declaration,
        "acts": acts,
    }
