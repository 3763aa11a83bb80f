"""The command line: traitdunion up | worker | relay | site | door | peer-door | migrate | topics | nodes | dlq | trace | demo | connector …."""

from __future__ import annotations

import asyncio
import functools
import importlib.metadata
import sys
from pathlib import Path  # noqa: TC003 - Typer reads annotations when it runs
from typing import TYPE_CHECKING, Annotated

import typer

from hub.settings import HubSettings

if TYPE_CHECKING:
    from hub.supervisor import Child

app = typer.Typer()
GROUPS = ("inbound", "fanout", "receipts")
PEERS = "peers"
FEDERATION = ("worker peers", "peer-door", "courier")
"""The processes of federation with other servers, started where this one has an address for them."""


@app.command()
def migrate(
    door_role: Annotated[
        str | None, typer.Option(help="Rôle PostgreSQL, déjà créé, de la porte des nœuds : il reçoit les seuls droits qu'il lui faut.")
    ] = None,
    peer_door_role: Annotated[
        str | None,
        typer.Option(help="De même pour la porte des autres serveurs : il lit ce qu'elle montre, et n'écrit rien de ce qui est dit."),
    ] = None,
    courier_role: Annotated[
        str | None,
        typer.Option(help="De même pour le courrier : il sait qui suit et où en est chaque pair, et ne lit rien de ce qui est dit."),
    ] = None,
) -> None:
    """Prépare la base de données du hub, ou l'amène à cette version."""
    from hub.commands import terminal
    from hub.storage import engine, roles

    url = HubSettings().database_url
    asyncio.run(engine.migrate(url))
    try:
        for role, rights, rows in (
            (door_role, roles.NODE_DOOR, roles.NO_ROWS),
            (peer_door_role, roles.PEER_DOOR, roles.NO_ROWS),
            (courier_role, roles.COURIER, roles.COURIER_ROWS),
        ):
            if role is not None:
                asyncio.run(roles.admit_role(url, role, rights, rows))
    except roles.RoleMissing as missing:
        terminal.fail(f"Le rôle « {missing} » n'existe pas : créez-le d'abord (CREATE ROLE … LOGIN PASSWORD …).")


@app.command()
def worker(group: Annotated[str, typer.Argument(help="inbound | fanout | receipts | peers")]) -> None:
    """Traite un flux : `inbound`, `fanout`, `receipts` ou `peers`."""
    if group not in (*GROUPS, PEERS):
        raise typer.BadParameter(f"Groupe inconnu : {group} (connus : {', '.join((*GROUPS, PEERS))})")
    from hub import process

    process.run_worker(group)


@app.command()
def relay() -> None:
    """Publie dans Kafka ce que les transactions ont laissé dans la boîte d'envoi."""
    from hub import process

    process.run_relay()


@app.command()
def site() -> None:
    """Sert les pages des opérateurs et les portes des machines."""
    from hub import process

    process.run_site()


@app.command()
def door() -> None:
    """Sert la porte HTTPS des ministères sans Kafka."""
    from hub import process

    process.run_door()


@app.command("peer-door")
def peer_door() -> None:
    """Sert la porte des autres serveurs (ActivityPub)."""
    from hub import process

    process.run_peer_door()


@app.command()
def courier() -> None:
    """Porte aux serveurs pairs ce que disent les communautés publiques."""
    from hub import process

    process.run_courier()


@app.command()
def up(
    also: Annotated[list[str] | None, typer.Option(help="Un processus de plus : nom=commande.")] = None,
    logs: Annotated[Path | None, typer.Option(help="Dossier des journaux ; sans lui, la sortie d'erreur.")] = None,
) -> None:
    """Lance les processus locaux du hub et relance ceux qui s'arrêtent."""
    from hub.supervisor import Supervisor, hub_children
    from schemas.wire.telemetry import configure_logs

    settings = HubSettings()
    federation = FEDERATION if settings.federation_url else ()
    children = hub_children(GROUPS, settings.metrics_port, federation) + [_named(text) for text in also or []]
    configure_logs("up")
    if logs is not None:
        logs.mkdir(parents=True, exist_ok=True)

    async def run() -> None:
        await Supervisor(children, logs).run()

    asyncio.run(run())


def _named(text: str) -> Child:
    from hub.supervisor import child_of

    try:
        return child_of(text)
    except ValueError:
        raise typer.BadParameter(f"--also s'écrit nom=commande, non « {text} »") from None


@functools.cache
def command_line() -> typer.Typer:
    """The whole command line, with what other packages contribute to it; put together once, however often a process runs commands."""
    from hub import commands

    line = own_line()
    commands.add_to(line)
    for entry in importlib.metadata.entry_points(group="traitdunion.commands"):
        line.add_typer(entry.load(), name=entry.name)
    return line


def own_line() -> typer.Typer:
    """The hub's own processes alone, in a command line of the same manners."""
    from hub.commands import terminal

    line = terminal.group("Trait d’union : les réseaux sociaux des ministères, reliés.")
    line.add_typer(app)
    return line


def main() -> None:
    """Run the command line. A process that stays for months does not keep the operators' commands in memory."""
    own = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    (own_line() if own.intersection(sys.argv[1:2]) else command_line())()


if __name__ == "__main__":
    main()
