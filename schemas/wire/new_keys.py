"""What every command that writes a private key asks: a passphrase, or a word that none is wanted."""

from __future__ import annotations

from typing import Annotated, Final

import typer

IN_CLEAR: Final = "key_in_clear"
Clear = Annotated[
    bool,
    typer.Option(
        "--clear",
        help="Permet d'écrire une clé en clair, faute de phrase secrète : pour développer, ou sur un disque chiffré par ailleurs.",
    ),
]


def refusal(setting: str) -> str:
    """Why no key is written, and which setting encrypts it."""
    return (
        f"La clé serait écrite en clair : qui lirait le fichier l'aurait. Posez d'abord sa phrase secrète : {setting}_FILE (le fichier qui la "
        f"contient) ou {setting}. « --clear » s'en passe, pour développer ou sur un disque chiffré par ailleurs. [{IN_CLEAR}]"
    )
