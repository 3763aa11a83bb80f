"""`traitdunion connector backfill …`: bring what a space held before its tie, see how far that is, stop it, take it back."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from schemas.wire.command_line import CommandLine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from adapters.backfills import Backfills, Progress
    from adapters.ledger import Ledger

app = typer.Typer(
    cls=CommandLine, help="L'historique : ce qu'un espace contenait avant son rattachement, apporté lentement, sans notifier personne."
)
Result = TypeVar("Result")
STATES: Final = {
    "surveying": "recensement", "bringing": "en cours", "done": "fait", "stopped": "arrêté", "undoing": "retrait en cours",
    "undone": "retiré",
}  # fmt: skip
Instance = Annotated[str, typer.Argument(help="L'instance, telle que le fichier des instances la nomme.")]
Space = Annotated[str, typer.Argument(help="L'espace, tel que les réglages le nomment.")]


@app.command()
def start(
    instance: Instance, space: Space, days: Annotated[int, typer.Option(min=1, max=366, help="Combien de jours avant aujourd'hui.")]
) -> None:
    """Demande les derniers jours d'un espace rattaché, ou reprend ce qui était arrêté ; ce qui est déjà apporté le reste."""

    async def ask(ledger: Ledger) -> str | None:
        from adapters.ties import Ties

        ties = Ties(ledger, instance)
        await ties.load()
        tie = ties.of(space)
        if tie is None:
            return "Cet espace n'est pas rattaché : rien ne peut en être apporté."
        now = datetime.now(UTC)
        await _of(ledger, instance).ask(space, tie.community, days, now - timedelta(days=days), now)
        return None

    _said(ask, f"Demandé : {days} jours de « {space} ». Le connecteur s'y met de lui-même ; « backfill list » dit où il en est.")


@app.command("list")
def list_() -> None:
    """Montre les historiques demandés et où ils en sont."""
    for line in asyncio.run(with_ledger(_lines)):
        typer.echo(line)


@app.command()
def stop(instance: Instance, space: Space) -> None:
    """Arrête d'apporter ; ce qui est apporté reste, « start » reprend."""
    from adapters.backfills import State

    async def turn(ledger: Ledger) -> str | None:
        turned = await _of(ledger, instance).turn(space, State.STOPPED, State.SURVEYING, State.BRINGING, State.UNDOING)
        return None if turned else "Rien n'est en cours pour cet espace."

    _said(turn, "Arrêté.")


@app.command()
def undo(instance: Instance, space: Space) -> None:
    """Retire des autres RSE tout ce qui a été apporté ; dans l'espace lui-même rien ne change."""
    from adapters.backfills import State

    async def turn(ledger: Ledger) -> str | None:
        turned = await _of(ledger, instance).turn(space, State.UNDOING, State.SURVEYING, State.BRINGING, State.DONE, State.STOPPED)
        return None if turned else "Rien n'a été apporté de cet espace."

    _said(turn, "Le connecteur retire, du plus récent au plus ancien ; « backfill list » dit où il en est.")


def _of(ledger: Ledger, instance: str) -> Backfills:
    from adapters.backfills import Backfills

    return Backfills(ledger, instance, "operator")


async def _lines(ledger: Ledger) -> list[str]:
    from adapters.backfills import progress

    return [_line(one) for one in await progress(ledger)] or ["Aucun historique n'a été demandé."]


def _line(one: Progress) -> str:
    """Numbers and names of spaces alone."""
    counts = f"{one.brought} apportés, {one.waiting} à venir, {one.left_out} laissés, {one.taken_back} retirés, sur {one.found}"
    reason = f" ({one.reason})" if one.reason else ""
    return f"{one.instance} {one.space} → {one.community} : {one.days} jours, {STATES[one.state.value]}{reason} ; {counts}"


def _said(act: Callable[[Ledger], Awaitable[str | None]], done: str) -> None:
    refused = asyncio.run(with_ledger(act))
    if refused is not None:
        typer.echo(refused, err=True)
        raise typer.Exit(1)
    typer.echo(done)


async def with_ledger(act: Callable[[Ledger], Awaitable[Result]]) -> Result:
    """Do something with the ledger that the settings name."""
    from adapters.ledger import Ledger
    from adapters.settings import AdapterSettings

    ledger = await Ledger.open(AdapterSettings().ledger_url)
    try:
        return await act(ledger)
    finally:
        await ledger.close()
