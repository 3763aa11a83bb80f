"""traitdunion registry anchor…: the key that signs the registry; how another follows it, or takes its place."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from hub.commands import admission, terminal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.operations.our_pairs import OurPair
    from hub.registry.hub_keys import HubFiles
    from hub.registry.key_approvals import Decision
    from hub.unit_of_work import Rules, UnitOfWork
    from schemas.keys import SigningKey

T = TypeVar("T")
REFUSED: Final = {
    "anchor_change_pending": "Une clé est déjà annoncée : elle suivra d'abord, ou se retire par « traitdunion keys compromised hub ».",
    "anchor_not_in_force": "La clé de ce fichier n'est pas celle par laquelle le registre est signé à présent.",
    "anchor_in_force": "C'est la clé qui signe le registre : elle ne se révoque pas elle-même. « traitdunion registry replace » la remplace.",
}
LONGEST_LEAD: Final = 90 * 86_400
LONGEST_OVERLAP: Final = 366 * 24
"""Seconds and hours past which a change of key is none."""
Lead = Annotated[
    float,
    typer.Option(
        min=0,
        max=LONGEST_LEAD,
        help="Secondes entre l'annonce et la première signature : une heure, pour qui voudrait la retirer.",
    ),
]
Overlap = Annotated[
    float, typer.Option(min=0, max=LONGEST_OVERLAP, help="Heures pendant lesquelles ce qu'a signé l'ancienne est encore cru, ensuite.")
]
Why = Annotated[str, typer.Option(help="Pourquoi : perdue, volée… ; l'acte le garde.")]
Since = Annotated[
    datetime | None, typer.Option(help="Depuis quand l'ancienne a pu être en d'autres mains (UTC) ; absent : elle est perdue.")
]


def anchor(as_json: terminal.AsJson = False) -> None:
    """Montre l'ancre, la clé publique du hub, à remettre par un autre chemin que le réseau ; puis celles d'avant, et celle qui suivra."""
    from hub.registry.pair_roles import Role
    from hub.ui import words

    found = terminal.reading(_anchors)
    if as_json:
        terminal.show_json([one.plain() for one in found])
        return
    terminal.say(next((one.multibase for one in found if one.role is Role.SIGNING), None) or _of_the_file())
    for one in (one for one in found if one.role is not Role.SIGNING):
        until = f", crue jusqu'au {terminal.when(one.until)}" if one.until else ""
        terminal.say(f"  {one.multibase} : {words.pair(one.role)}, depuis le {terminal.last(one.since, 'premier jour')}{until}")


def rotate(lead: Lead = 3600, overlap: Overlap = 24, clear: terminal.Clear = False) -> None:
    """Laisse une autre clé suivre l'ancre : deux personnes de deux organismes, l'une après l'autre. Les lecteurs la suivent d'eux-mêmes."""
    from hub import bootstrap
    from hub.commands import making
    from hub.registry import anchor_service
    from hub.registry.key_service import Plan
    from hub.settings import HubSettings

    settings = HubSettings()
    plan = Plan(timedelta(seconds=lead), timedelta(hours=overlap))
    files = bootstrap.hub_files(settings)
    making.permit_hub(files, settings, clear=clear)
    new = _following(files)
    rules = terminal.hub_rules(settings)

    async def use(work: UnitOfWork) -> Decision:
        return await anchor_service.rotate(rules.key.held(), new, plan, await terminal.presence(work), work)

    done = decided(use, rules)
    if done.new is None:
        terminal.say(f"{new.public.multibase} ({files.next}) : 1 approbation sur 2. Une autre personne dira la même commande.")
        return
    terminal.say(
        f"{new.public.multibase} signera le registre dès le {terminal.when(done.new.active_from)}, annoncée par l'ancienne. "
        f"Remettez-la aux nouveaux venus dès lors ; quand l'ancienne ne sera plus crue, {files.next} prendra la place de {files.now}."
    )


def replace(reason: Why, since: Since = None, clear: terminal.Clear = False) -> None:
    """Met une autre clé à la place de l'ancre, sans la parole de celle-ci, perdue ou volée : deux personnes, puis chacun en main propre."""
    from hub import bootstrap
    from hub.commands import making
    from hub.registry import anchor_service
    from hub.registry.repository import newest_signer
    from hub.settings import HubSettings

    settings, former = HubSettings(), terminal.reading(newest_signer)
    if former is None:
        terminal.fail("Aucun registre n'est encore publié : une autre clé n'a personne à qui manquer.")
    files, at = bootstrap.hub_files(settings), terminal.moment(since) if since else None
    making.permit_hub(files, settings, clear=clear)
    new = _following(files)

    async def use(work: UnitOfWork) -> Decision:
        return await anchor_service.substitute(new, at, reason, await terminal.presence(work), work)

    done = decided(use, dataclasses.replace(bootstrap.rules_of(settings, new), first_anchor=former))
    if done.new is None:
        terminal.say(f"{new.public.multibase} ({files.next}) : 1 approbation sur 2. Une autre personne dira la même commande.")
        return
    terminal.say(
        f"{new.public.multibase} est la nouvelle ancre. Aucun lecteur ne la croira avant de l'avoir reçue en main propre : les ministères "
        f"et la porte (TRAITDUNION_REGISTRY_ANCHOR), les Trait d'union voisins (un nouveau manifeste). "
        f"Mettez {files.next} à la place de {files.now}, puis relancez les processus du hub."
    )


def withdraw(multibase: str, since: datetime) -> None:
    """What `keys compromised hub` does: revoke a former key, or take back one that was to come."""
    from hub.registry import anchor_service
    from hub.settings import HubSettings

    async def use(work: UnitOfWork) -> None:
        await anchor_service.call_compromised(multibase, since, await terminal.presence(work), work)

    try:
        decided(use, terminal.hub_rules(HubSettings()))
    except LookupError:
        terminal.fail("Le hub n'a pas de clé de ce nom (« traitdunion registry anchor »).")


def decided(use: Callable[[UnitOfWork], Awaitable[T]], rules: Rules) -> T:
    """Run what two people decide about a key of the whole hub; its refusals become sentences."""
    from hub.registry.admission_work import ApprovalRefused, KeyTaken, ReasonMissing
    from hub.registry.anchor_service import AnchorRefused

    try:
        return terminal.in_transaction(use, rules)
    except AnchorRefused as refused:
        terminal.fail(REFUSED[refused.reason])
    except ApprovalRefused as refused:
        terminal.fail(admission.REFUSALS[refused.reason])
    except KeyTaken:
        terminal.fail("Cette clé est déjà connue.")
    except ReasonMissing:
        terminal.fail("Il faut dire pourquoi (--reason).")
    except ValueError:
        terminal.fail("Ce moment est dans le futur.")


def _following(files: HubFiles) -> SigningKey:
    from schemas.keys import KeyMalformed

    try:
        return files.following()
    except (OSError, KeyMalformed):
        terminal.fail(f"La clé qui suivrait ne s'ouvre pas ({files.next}).")


async def _anchors(connection: AsyncConnection) -> list[OurPair]:
    from hub import bootstrap
    from hub.operations.our_pairs import our_anchors

    return await our_anchors(connection, bootstrap.clock())


def _of_the_file() -> str:
    """The key of the settings, which will sign the first registry."""
    from hub import bootstrap
    from hub.settings import HubSettings
    from schemas.keys import KeyMalformed

    settings = HubSettings()
    try:
        return next(iter(bootstrap.hub_files(settings).held()))
    except FileNotFoundError:
        terminal.fail(f"La clé du hub est introuvable : {settings.signing_key}")
    except KeyMalformed:
        terminal.fail(f"La clé du hub ne s'ouvre pas : {settings.signing_key}")
