"""traitdunion peers rekey: another Trait d'union signs by a pair that its former one did not name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hub.commands import admission, registry, terminal
from schemas.application import Kind

if TYPE_CHECKING:
    from hub.unit_of_work import UnitOfWork

REFUSED: Final = {
    "rekey_without_anchor": "ce serveur n'est pas un Trait d'union dont une ancre nous fut remise : il se présente à nouveau, ou se déclare",
    "rekey_without_registry": "son registre n'est pas encore venu ici : donnez-le par --registry",
    "rekey_no_pair_signs": "son registre ne nomme pas une paire, et une seule, qui signe à présent",
    "rekey_nothing_new": "c'est déjà par cette clé qu'il signe son manifeste",
    "rekey_key_not_ended": "son registre ne dit pas finie la clé par laquelle il s'est présenté : qu'elle annonce la suivante (« keys rotate »)",
}


def rekey(
    peer: Annotated[str, typer.Argument(help="Nom de domaine du Trait d'union voisin.")],
    file: Annotated[
        Path | None, typer.Option("--registry", help="Son registre, tel qu'il le sert ; à défaut, le dernier que notre porte a cru.")
    ] = None,
) -> None:
    """Prend acte que sa paire a été remplacée sans la parole de l'ancienne : son registre, signé sous l'ancre qu'il nous a remise, le dit."""
    from hub.registry import peer_rekeying
    from hub.registry.admission_work import KeyTaken
    from hub.registry.peer_rekeying import RekeyRefused
    from schemas.manifest import RegistryRefused

    unverified = registry.document(file) if file else None

    async def use(work: UnitOfWork) -> str:
        return await peer_rekeying.rekey(peer, unverified, await terminal.presence(work), work)

    try:
        new = admission.acting(Kind.PEER, peer, use)
    except RegistryRefused as refused:
        terminal.fail(f"Son registre est refusé : {registry.why(refused)}")
    except RekeyRefused as refused:
        terminal.fail(f"Refusé : {REFUSED[refused.reason]} [{refused.reason}]")
    except KeyTaken as taken:
        terminal.fail(f"La clé {taken} est déjà celle d'un autre.")
    terminal.say(
        f"{new} signe le prochain manifeste de {peer} ; l'ancienne n'y prouve plus rien. Ensuite : « peers apply », puis deux « peers approve »."
    )
