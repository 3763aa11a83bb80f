"""`traitdunion demo`: the whole way of a message, played before its reader's eyes."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from deploy.demo.cast import Way  # noqa: TC001 (Typer reads it when the command runs)

app = typer.Typer(add_completion=False)


class Rse(StrEnum):
    """Who stands on the Matrix side."""

    TWIN = "twin"
    SYNAPSE = "synapse"


@app.callback(invoke_without_command=True)
def demo(
    once: Annotated[bool, typer.Option("--once", help="Vérifie, montre le résultat et s'arrête : 0, ou 1 avec la raison.")] = False,  # noqa: FBT002 (Typer reads a flag's default where it stands)
    rse: Annotated[Rse, typer.Option(help="Qui tient la place de Tchap : le jumeau, ou un vrai serveur Synapse.")] = Rse.TWIN,
    way: Annotated[
        Way | None,
        typer.Option(help="Par où tous les connecteurs rejoignent le hub : le courtier, ou la porte HTTPS ; sinon chacun par le sien."),
    ] = None,
) -> None:
    """Joue tout le trajet d'un message, sur de vrais serveurs, puis reste jusqu'à Ctrl-C."""
    from deploy.demo.session import run

    raise typer.Exit(run(rse.value, way, once=once))
