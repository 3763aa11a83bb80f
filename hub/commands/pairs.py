"""traitdunion keys replace-pair: another pair for other servers, in the place of one that nobody has any more, or that too many have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.commands import anchors, terminal

if TYPE_CHECKING:
    from hub.federation.pair_files import PairFiles
    from hub.registry.key_approvals import Decision
    from hub.unit_of_work import UnitOfWork
    from schemas.keys import SigningKey
    from schemas.rsa_keys import RsaSigningKey


def replace(reason: anchors.Why, since: anchors.Since = None, clear: terminal.Clear = False) -> None:
    """Met une autre paire à la place de celle de la fédération, sans la parole de celle-ci, perdue ou volée : deux personnes de deux organismes."""
    from hub.commands import making
    from hub.federation.pair_files import PairFiles
    from hub.registry import pair_service
    from hub.settings import HubSettings

    settings = HubSettings()
    files, at = PairFiles.of(settings), terminal.moment(since) if since else None
    making.permit_pair(files, settings, clear=clear)
    new = _following(files)

    async def use(work: UnitOfWork) -> Decision:
        return await pair_service.substitute(new, at, reason, await terminal.presence(work), work)

    try:
        done = anchors.decided(use, terminal.hub_rules(settings))
    except LookupError:
        terminal.fail("Ce hub ne se fédère avec aucun serveur (TRAITDUNION_FEDERATION_ANCHOR).")
    if done.new is None:
        terminal.say(f"{new[0].public.multibase} ({files.next_ed25519}) : 1 approbation sur 2. Une autre personne dira la même commande.")
        return
    terminal.say(
        f"{new[0].public.multibase} signe pour d'autres serveurs dès maintenant, et nos acteurs la montrent ; aucune paire d'avant ne vaut plus. "
        f"Mettez {files.next_ed25519} et {files.next_rsa} à la place de {files.ed25519} et {files.rsa}, puis relancez la porte des pairs et le "
        f"courrier. Les Trait d'union voisins reprennent votre nouveau manifeste par « traitdunion peers rekey »."
    )


def _following(files: PairFiles) -> tuple[SigningKey, RsaSigningKey]:
    from schemas.keys import KeyMalformed

    try:
        return files.following()
    except (OSError, KeyMalformed):
        terminal.fail(f"La paire qui suivrait ne s'ouvre pas ({files.next_ed25519}, {files.next_rsa}).")
