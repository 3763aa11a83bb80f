"""What `nodes` and `peers` have in common: apply, approve, refuse."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from hub.commands import terminal
from schemas.application import Kind
from schemas.manifest import Grade

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hub.registry.admission import Decision
    from hub.registry.declarations import Declaration
    from hub.unit_of_work import Rules, UnitOfWork

T = TypeVar("T")
Why = Annotated[str, typer.Option("--reason", help="Pourquoi, en une phrase : elle est gardée et se lit.")]
Into = Annotated[Grade, typer.Option("--grade", help="full : admis ; observer : il lit et n'écrit pas.")]
ManifestFile = Annotated[Path, typer.Argument(help="Le manifeste signé (« traitdunion manifest new »).")]
Read = Annotated[
    str | None,
    typer.Option(
        "--manifest", help="La candidature que vous avez lue : son empreinte entière, que « show » et « acts » disent, ou son fichier."
    ),
]
DIGEST: Final = re.compile(r"[0-9a-f]{64}")
"""Whole: of half a digest, an applicant could make two manifests that share it, one to be read and one to be admitted."""
NAMES = {Kind.NODE: "nœud", Kind.PEER: "serveur pair"}
REFUSALS = {
    "application_unread": "Une candidature attend : lisez-la (« nodes show », « peers acts »), puis dites laquelle, par son empreinte (--manifest).",
    "application_changed": "Cette candidature a changé depuis que vous l'avez lue : lisez celle qui attend maintenant (« nodes show », « peers acts »).",
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


def approve(kind: Kind, name: str, grade: Grade, read: str | None) -> None:
    """Approve in one's own name that somebody be admitted, and say what it brought."""
    if grade not in {Grade.FULL, Grade.OBSERVER}:
        terminal.fail("On admet comme full ou observer ; sinon : lower, suspend, depart.")
    _say(name, decide(kind, name, grade, read=digest_of(read)), "est admis" if grade is Grade.FULL else "est observateur")


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


def decide(kind: Kind, name: str, grade: Grade, reason: str | None = None, read: str | None = None) -> Decision:
    """Approve a grade, or end with a sentence."""
    from hub.registry import admission

    subject = f"{kind.value}/{name}"

    async def use(work: UnitOfWork) -> Decision:
        return await admission.decide(subject, grade, await terminal.presence(work), work, reason, read)

    return acting(kind, name, use)


def refuse(kind: Kind, name: str, reason: str, read: str | None) -> None:
    """Turn down the open application, and say so."""
    from hub.registry import admission

    digest = digest_of(read)

    async def use(work: UnitOfWork) -> None:
        await admission.refuse(f"{kind.value}/{name}", reason, await terminal.presence(work), work, digest)

    acting(kind, name, use)
    terminal.say(f"La candidature de {name} est refusée.")


def digest_of(read: str | None) -> str | None:
    """The digest of what somebody says that she has read, which may be a file; ends with a sentence."""
    import hashlib

    from schemas import jcs

    if read is None or DIGEST.fullmatch(read):
        return read
    try:
        return hashlib.sha256(jcs.canonical(jcs.parse(Path(read).read_bytes()))).hexdigest()
    except (OSError, jcs.JsonRefused):
        terminal.fail(f"« {read} » n'est ni une empreinte (64 caractères, de 0 à 9 et de a à f) ni un manifeste.")


def acting(kind: Kind, name: str, use: Callable[[UnitOfWork], Awaitable[T]], known: Rules | None = None) -> T:
    """Run a use case about somebody; its refusals become sentences. `known` are the hub's rules, where they were read before."""
    from hub.registry.admission_work import ApplicationMissing, ApprovalRefused, NodeNotFound, ReasonMissing
    from hub.registry.model import GradeRefused

    try:
        return terminal.in_transaction(use, known)
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
