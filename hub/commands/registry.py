"""traitdunion registry: the signed document from which every verifier takes its keys, and the anchor that checks it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hub.commands import anchors, terminal

if TYPE_CHECKING:
    from schemas.manifest import Registry, RegistryRefused

app = terminal.group("Le registre signé des nœuds et des serveurs pairs.")
for command in (anchors.anchor, anchors.rotate, anchors.replace):
    app.command()(command)
EXPIRED: Final = 3
NOT_THE_SAME_HISTORY: Final = 4
CODES: Final = {
    "registry_expired": EXPIRED, "registry_rolled_back": NOT_THE_SAME_HISTORY, "registry_forked": NOT_THE_SAME_HISTORY,
    "registry_history_broken": NOT_THE_SAME_HISTORY, "registry_anchor_rolled_back": NOT_THE_SAME_HISTORY,
    "registry_anchor_forked": NOT_THE_SAME_HISTORY,
}  # fmt: skip
REFUSED: Final = {
    "registry_malformed": "ce n'est pas un registre bien formé",
    "registry_signature_invalid": "la clé de cette ancre ne l'a pas signé",
    "registry_expired": "il a expiré",
    "registry_rolled_back": "une version plus haute a déjà été vue",
    "registry_forked": "un autre document de même version a déjà été vu",
    "registry_history_broken": "son histoire n'est pas celle déjà vue",
    "registry_anchor_unknown": "aucune succession ne mène de cette ancre à la clé qui l'a signé : demandez la nouvelle ancre, de vive voix",
    "registry_anchor_unproved": "une succession de son ancre n'est pas signée par les deux clés",
    "registry_anchor_forked": "deux clés y suivent la même ancre",
    "registry_anchor_rolled_back": "il est signé par une ancre qu'une autre a déjà suivie",
    "registry_anchor_early": "il est signé par la clé qui suivra, avant son heure",
    "registry_anchor_dates": "les dates de ses ancres ne s'accordent pas",
    "registry_anchor_revoked": "il est signé par une clé qu'il dit révoquée",
}
Anchor = Annotated[str, typer.Option(help="L'ancre remise hors du réseau (z6Mk…), ou un fichier qui la contient.")]
Which = Annotated[str, typer.Argument(help="Un numéro de version, ou un fichier.")]


@app.command()
def show(version: Annotated[int | None, typer.Option(help="Une version passée ; la plus récente à défaut.")] = None) -> None:
    """Écrit le registre, octet pour octet."""
    sys.stdout.buffer.write(_kept(version) + b"\n")
    sys.stdout.flush()


@app.command()
def diff(before: Which, after: Which) -> None:
    """Dit ce que la seconde version dit autrement que la première ; leurs signatures ne sont pas vérifiées ici."""
    from schemas.manifest import RegistryRefused, read_unchecked
    from schemas.registry_diff import differences

    try:
        first, second = (read_unchecked(_document(which)) for which in (before, after))
    except RegistryRefused as refused:
        terminal.fail(f"Refusé : {why(refused)}")
    terminal.say(f"version {first.version} du {terminal.when(first.issued)} → version {second.version} du {terminal.when(second.issued)}")
    for line in differences(first, second) or ["Rien d'autre que les dates."]:
        terminal.say(f"  {line}")


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="Le registre, tel qu'il a été servi.")],
    anchor: Anchor,
    after: Annotated[Path | None, typer.Option(help="Un registre déjà vu, que celui-ci doit suivre.")] = None,
) -> None:
    """Vérifie un registre hors ligne. Sort avec 0 s'il vaut, 1 s'il est faux, 3 s'il est expiré, 4 s'il ne suit pas celui déjà vu."""
    from hub import bootstrap
    from schemas.manifest import Registry, RegistryRefused

    multibase = Path(anchor).read_text(encoding="utf-8").strip() if Path(anchor).is_file() else anchor
    now = bootstrap.clock()
    try:
        seen = Registry.believed(document(after), multibase) if after else None
        registry = Registry.open(document(file), multibase, now, seen)
    except RegistryRefused as refused:
        terminal.fail(f"Refusé : {why(refused)}", CODES.get(refused.reason, terminal.FAILED))
    terminal.say(_sentence(registry))


def why(refused: RegistryRefused) -> str:
    """A refusal as people and programs read it."""
    return f"{REFUSED[refused.reason]} [{refused}]"


def _sentence(registry: Registry) -> str:
    said = registry.document
    return (
        f"Version {said.version}, signée par {said.hub.id}#{registry.anchor}, du {terminal.when(said.issued)}, vaut jusqu'au {terminal.when(said.expires)} : "
        f"{len(said.nodes)} nœuds, {len(said.peers)} serveurs pairs, {len(said.history)} versions racontées. Empreinte : {registry.digest}"
    )


def _document(which: str) -> bytes:
    return _kept(int(which)) if which.isascii() and which.isdigit() else document(Path(which))


def document(path: Path) -> bytes:
    """A registry as it was served, from a file; ends with a sentence."""
    try:
        return path.read_bytes().removesuffix(b"\n")
    except OSError:
        terminal.fail(f"Fichier introuvable : {path}")


def _kept(version: int | None) -> bytes:
    from hub.registry.repository import document_of, newest_document

    if version is not None:
        found = terminal.reading(lambda connection: document_of(connection, version))
        if found is None:
            terminal.fail(f"Aucune version {version} n'est gardée.")
        return found
    newest = terminal.reading(newest_document)
    if newest is None:
        terminal.fail("Aucun registre n'est encore publié : admettez un premier nœud.")
    return newest[1]
