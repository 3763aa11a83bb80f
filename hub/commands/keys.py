"""traitdunion keys: keys of the hub, of a node, of the operators."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hub.commands import admission, anchors, pairs, terminal
from schemas.application import Kind
from schemas.manifest import Custody

if TYPE_CHECKING:
    from hub.unit_of_work import UnitOfWork

REFUSED: Final = {"rotation_malformed": "ce n'en est pas une", "rotation_signature_invalid": "les deux clés ne l'ont pas signée"}
app = terminal.group("Les clés : celle du hub, celle d'un nœud, celle des opérateurs.")
app.command("replace-pair")(pairs.replace)


class Whose(StrEnum):
    """Whose key."""

    HUB = "hub"
    NODE = "node"
    OPERATORS = "operators"
    FEDERATION = "federation"
    FEDERATION_RSA = "federation-rsa"


@app.command()
def generate(
    kind: Annotated[
        Whose,
        typer.Argument(
            help="hub : signe le registre et les numéros ; node : signe ce que dit un nœud ; operators : ouvre les corps scellés ; "
            "federation et federation-rsa : signent ce que nous demandons et apportons à d'autres serveurs."
        ),
    ],
    path: Annotated[Path, typer.Argument(help="Fichier à écrire, lisible par vous seul.")],
    owner: Annotated[str | None, typer.Option(help="Le nœud, pour une clé de nœud.")] = None,
    clear: terminal.Clear = False,
) -> None:
    """Fait une clé neuve, écrit sa moitié privée, chiffrée, dans un fichier et montre sa moitié publique."""
    from hub.commands import making

    if path.exists():
        terminal.fail(f"{path} existe déjà : une clé ne s'écrase pas.")
    match kind:
        case Whose.HUB:
            terminal.say(making.hub(path, clear=clear))
        case Whose.NODE if owner is None:
            terminal.fail("Une clé de nœud demande --owner.")
        case Whose.NODE:
            terminal.say(making.node(str(owner), path, clear=clear))
        case Whose.OPERATORS:
            terminal.say(making.operators(path, clear=clear))
        case Whose.FEDERATION:
            terminal.say(making.federation(path, clear=clear))
        case Whose.FEDERATION_RSA:
            terminal.say(making.federation_rsa(path, clear=clear))


@app.command()
def announce(
    node: Annotated[str, typer.Argument(help="Le nœud.")],
    key: Annotated[Path, typer.Option(help="Sa clé actuelle.")],
    out: Annotated[Path, typer.Option(help="Fichier à écrire, à remettre à l'opérateur : il ne contient rien de secret.")],
    custody: Annotated[Custody, typer.Option(help="Qui gardera la nouvelle clé.")] = Custody.ORGANISATION,
    clear: terminal.Clear = False,
) -> None:
    """Fait la clé qui suivra, à côté de l'actuelle (« .next ») où le connecteur l'attend, et l'annonce signée par les deux."""
    from hub import bootstrap
    from hub.commands import making
    from schemas.rotation import announce as announced

    old, beside = terminal.signing_key(node, key), key.with_name(f"{key.name}.next")
    made = beside.exists()  # an announcement that was lost is made again for the same key
    new = terminal.signing_key(node, beside) if made else making.following_node(node, beside, clear=clear)
    out.write_bytes(announced(old, new, custody, bootstrap.clock()))
    terminal.say(f"{beside} suivra {key}. Remettez {out} à l'opérateur : « traitdunion keys rotate {out} ».")


@app.command("announce-pair")
def announce_pair(
    out: Annotated[Path, typer.Option(help="Fichier à écrire : il ne contient rien de secret.")],
    clear: terminal.Clear = False,
) -> None:
    """Fait la paire de fédération qui suivra, à côté de l'actuelle (« .next »), et l'annonce ; le même fichier vaut ici et chez les pairs."""
    from hub import bootstrap
    from hub.commands import making
    from hub.federation.pair_files import PairFiles
    from hub.settings import HubSettings
    from schemas.agent import AgentSilent
    from schemas.keys import KeyMalformed

    settings = HubSettings()
    files = PairFiles.of(settings)
    making.permit_pair(files, settings, clear=clear)
    try:
        out.write_bytes(files.announce(bootstrap.clock()))
    except FileNotFoundError as missing:
        terminal.fail(f"La clé est introuvable : {missing.filename}")
    except KeyMalformed as malformed:
        terminal.fail(f"La clé ne s'ouvre pas : {malformed} (TRAITDUNION_FEDERATION_PASSPHRASE, peut-être).")
    except AgentSilent as silent:
        terminal.fail(f"L'agent ne signe pas avec cette clé : {silent}")
    terminal.say(f"{files.next_ed25519} et {files.next_rsa} suivront. Ensuite : « traitdunion keys rotate {out} ».")


@app.command("name")
def name(
    path: Annotated[Path, typer.Argument(help="Une clé publique, Ed25519 ou RSA : un PEM, ou une ligne de « ssh-add -L ».")],
) -> None:
    """Dit le nom d'une clé publique (Multikey) : ce qui suit le « # » d'un réglage « agent:… »."""
    from schemas.agent import name_of
    from schemas.keys import KeyMalformed

    try:
        terminal.say(name_of(path.read_bytes()))
    except FileNotFoundError:
        terminal.fail(f"La clé est introuvable : {path}")
    except KeyMalformed as malformed:
        terminal.fail(f"Ce n'est pas une clé publique qui convienne : {malformed}")


@app.command("list")
def list_(as_json: terminal.AsJson = False) -> None:
    """Montre les paires par lesquelles ce hub signe pour d'autres serveurs : laquelle signe, laquelle suivra, jusqu'à quand l'ancienne est crue."""
    from hub import bootstrap
    from hub.operations.our_pairs import our_pairs
    from hub.settings import HubSettings
    from hub.ui import words

    anchor = HubSettings().federation_anchor
    found = terminal.reading(lambda connection: our_pairs(connection, anchor, bootstrap.clock()))
    if as_json:
        terminal.show_json([one.plain() for one in found])
        return
    rows = [(one.multibase, words.pair(one.role), *(terminal.when(at) if at else "" for at in (one.since, one.until))) for one in found]
    columns = ("Clé (Ed25519)", "État", "Depuis le", "Crue jusqu'au")
    terminal.show_table("Paires de fédération", columns, rows, "Ce hub ne se fédère avec aucun serveur (TRAITDUNION_FEDERATION_ANCHOR).")


@app.command()
def rotate(
    announcement: Annotated[Path, typer.Argument(help="L'annonce signée (« keys announce », ou « keys announce-pair »).")],
    lead: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=anchors.LONGEST_LEAD,
            help="Secondes avant que la nouvelle clé signe : 120 pour un nœud, 600 pour la paire de fédération.",
        ),
    ] = None,
    overlap: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=anchors.LONGEST_OVERLAP,
            help="Heures pendant lesquelles l'ancienne est encore crue, ensuite : 24, ou 48 pour la paire.",
        ),
    ] = None,
) -> None:
    """Laisse une clé en suivre une autre, sans que rien ne se perde : annoncée, active, l'ancienne bientôt retirée, puis retirée.

    L'annonce dit de qui : d'un nœud, de la paire par laquelle ce hub signe pour d'autres serveurs, ou d'un serveur pair.
    """
    from hub.commands import rotation
    from hub.registry.admission_work import KeyTaken
    from schemas.rotation import RotationRefused, read

    try:
        said = read(announcement.read_bytes())
    except FileNotFoundError:
        terminal.fail(f"Fichier introuvable : {announcement}")
    except RotationRefused as refused:
        terminal.fail(f"Cette annonce ne vaut rien : {REFUSED[refused.reason]} [{refused.reason}]")
    try:
        terminal.say(rotation.carried_out(said, rotation.Wished(lead, overlap)))
    except RotationRefused as refused:
        terminal.fail(rotation.refusal(said, refused))
    except KeyTaken:
        terminal.fail("Cette clé est déjà connue.")


@app.command()
def compromised(
    node: Annotated[
        str,
        typer.Argument(
            help="Le nœud ; « federation » pour la paire qui signe pour d'autres serveurs ; le nom du hub pour une clé à lui qui ne signe pas."
        ),
    ],
    key: Annotated[str, typer.Argument(help="La clé : nœud#z6Mk…, ou z6Mk… seule.")],
    since: Annotated[datetime, typer.Option(help="Depuis quand elle a pu être en d'autres mains (UTC).")],
) -> None:
    """Révoque une clé, et met en doute ce qu'elle a signé depuis un moment ; ce qui est déjà admis est montré comme tel."""
    from hub.registry import key_service, pair_service
    from hub.registry.federation_keys import OWNER
    from hub.settings import HubSettings

    key_id, at = key if "#" in key else f"{node}#{key}", terminal.moment(since)

    async def use(work: UnitOfWork) -> None:
        presence = await terminal.presence(work)
        if node == OWNER:
            await pair_service.call_compromised(key_id.partition("#")[2], at, presence, work)
        else:
            await key_service.call_compromised(node, key_id, at, presence, work)

    try:
        if node == HubSettings().hub_id:
            anchors.withdraw(key_id.partition("#")[2], at)
        else:
            admission.acting(Kind.NODE, node, use)
    except ValueError:
        terminal.fail("Ce moment est dans le futur.")
    terminal.say(f"{key_id} est révoquée, et ce qu'elle a signé depuis le {terminal.when(at)} est douteux.")
