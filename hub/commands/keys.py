"""traitdunion keys: keys of the hub, of a node, of the operators."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hub.commands import terminal

app = terminal.group("Les clés : celle du hub, celle d'un nœud, celle des opérateurs.")


class Kind(StrEnum):
    """Whose key."""

    HUB = "hub"
    NODE = "node"
    OPERATORS = "operators"


@app.command()
def generate(
    kind: Annotated[
        Kind,
        typer.Argument(
            help="hub : signe le registre et les numéros ; node : signe ce que dit un nœud ; operators : ouvre les corps scellés."
        ),
    ],
    path: Annotated[Path, typer.Argument(help="Fichier à écrire, lisible par vous seul.")],
    owner: Annotated[str | None, typer.Option(help="Le nœud, pour une clé de nœud.")] = None,
) -> None:
    """Fait une clé neuve, écrit sa moitié privée dans un fichier et montre sa moitié publique."""
    if path.exists():
        terminal.fail(f"{path} existe déjà : une clé ne s'écrase pas.")
    match kind:
        case Kind.HUB:
            terminal.say(_hub(path))
        case Kind.NODE if owner is None:
            terminal.fail("Une clé de nœud demande --owner.")
        case Kind.NODE:
            terminal.say(_signing(str(owner), path, None))
        case Kind.OPERATORS:
            terminal.say(_operators(path))


def _hub(path: Path) -> str:
    from hub.settings import HubSettings

    settings = HubSettings()
    secret = settings.signing_passphrase
    return _signing(settings.hub_id, path, secret.get_secret_value().encode() if secret else None)


def _signing(owner: str, path: Path, passphrase: bytes | None) -> str:
    from schemas.keys import SigningKey

    key = SigningKey.generate(owner)
    key.save(path, passphrase)
    return key.public.multibase


def _operators(path: Path) -> str:
    """An X25519 pair: the private half as 64 hexadecimal digits in a file of its owner's alone, the public half for the connectors."""
    from nacl.public import PrivateKey

    key = PrivateKey.generate()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(bytes(key).hex() + "\n")
    return bytes(key.public_key).hex()
