"""`traitdunion connector resync …`: ask the hub again for what a space missed, and see what is awaited."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from adapters.backfill_commands import with_ledger
from adapters.resyncs import Lost, Resyncs, resyncs_of
from adapters.ties import Ties
from schemas.wire.command_line import CommandLine

if TYPE_CHECKING:
    from adapters.ledger import Ledger
    from adapters.resyncs import Awaited

app = typer.Typer(cls=CommandLine, help="La resynchronisation : redemander au hub ce qu'un espace a manqué.")
REASONS: Final = {
    "log_expired": "le topic a oublié", "log_replaced": "le topic a été refait", "sequence_gap": "un numéro manque",
    "operator": "demandé à la main",
}  # fmt: skip


@app.command()
def start(
    instance: Annotated[str, typer.Argument(help="L'instance, telle que le fichier des instances la nomme.")],
    space: Annotated[str, typer.Argument(help="L'espace, tel que les réglages le nomment.")],
) -> None:
    """Redemande au hub ce qui suit le dernier numéro traité ; le connecteur en marche s'y met de lui-même."""

    async def ask(ledger: Ledger) -> bool:
        ties = Ties(ledger, instance)
        await ties.load()
        tie = ties.known(space)
        if tie is not None:
            await Resyncs(ledger, instance).begin(tie.community, space, Lost.ASKED.value, datetime.now(UTC))
        return tie is not None

    if not asyncio.run(with_ledger(ask)):
        typer.echo("Cet espace n'a jamais été rattaché : rien ne peut lui manquer.", err=True)
        raise typer.Exit(1)
    typer.echo(f"Demandé pour « {space} » ; « resync list » dit où cela en est.")


@app.command("list")
def list_() -> None:
    """Montre ce qui est attendu du hub, et ce qui en est revenu."""

    async def lines(ledger: Ledger) -> list[str]:
        return [_line(instance, one) for instance, one in await resyncs_of(ledger)]

    for line in asyncio.run(with_ledger(lines)) or ["Rien n'a jamais manqué."]:
        typer.echo(line)


def _line(instance: str, one: Awaited) -> str:
    if one.completed_at is not None:
        state = f"complet depuis {one.completed_at:%F %T}"
    else:
        state = f"demandé {one.asked_at:%F %T}" if one.asked_at is not None else "pas encore demandé"
    return f"{instance} {one.space} → {one.community} : {REASONS.get(one.reason, one.reason)} ({one.missed_at:%F %T}), {state}"
