"""`traitdunion connector …`: run connectors, feed them payloads, see what waits and what they can do."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path  # noqa: TC003 - typer reads annotations when it runs
from typing import TYPE_CHECKING, Annotated

import typer

from adapters.backfill_commands import app as backfill
from adapters.resync_commands import app as resync
from adapters.troubles import explained
from schemas.wire import new_keys
from schemas.wire.command_line import CommandLine

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemas.wire.command_line import Told


class ConnectorCommands(CommandLine):
    """The connectors' command line, below `traitdunion` and by itself."""

    def explain(self, error: Exception) -> Told | None:
        """The ledger, the gateway, the instances file, settings."""
        return explained(error)


app = typer.Typer(
    cls=ConnectorCommands,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
)
app.add_typer(backfill, name="backfill", no_args_is_help=True)
app.add_typer(resync, name="resync", no_args_is_help=True)


DOOR = Annotated[str | None, typer.Option(help="La porte HTTPS du hub, au lieu de Kafka (TRAITDUNION_DOOR).")]


@app.callback(invoke_without_command=True)
def run_by_itself(called: typer.Context, door: DOOR = None) -> None:
    """Connecteurs : la passerelle et les scripteurs des RSE. Une porte seule (--door) les lance, comme « run »."""
    if door is None:
        return
    if called.invoked_subcommand is not None:
        raise typer.BadParameter(f"--door lance les connecteurs, et ne s'écrit pas devant « {called.invoked_subcommand} ».")
    run(door)


@app.command()
def run(door: DOOR = None) -> None:
    """Lance la passerelle et les scripteurs de toutes les instances."""
    from schemas.wire import collector

    collector.begin_to_load()
    import structlog
    import uvloop

    from adapters.assembly import SettingsIncomplete
    from adapters.assembly import run as run_all
    from adapters.settings import AdapterSettings, InstancesRefused, OptionRefused
    from schemas.wire.failures import told
    from schemas.wire.settings import SettingRefused, SettingTwice
    from schemas.wire.telemetry import configure_logs

    configure_logs("adapters")
    collector.loaded()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run_all(AdapterSettings() if door is None else AdapterSettings(door=door)))
    except SettingsIncomplete as error:
        structlog.get_logger().error("settings_incomplete", missing=str(error))
        raise typer.Exit(1) from None
    except (SettingRefused, SettingTwice, InstancesRefused, OptionRefused) as error:
        structlog.get_logger().error("settings_refused", faults=str(error))  # they name settings and repeat no value
        raise typer.Exit(1) from None
    except Exception as error:  # noqa: BLE001 - a traceback would show its text: what people wrote, parameters of SQL, a secret of the settings
        structlog.get_logger().error("connector_failed", **told(error))
        raise typer.Exit(1) from None


@app.command()
def migrate() -> None:
    """Met le registre local (PostgreSQL, schéma « adapters ») à sa dernière version."""
    from adapters.ledger import migrate as migrate_ledger
    from adapters.settings import AdapterSettings

    migrate_ledger(AdapterSettings().ledger_url)
    typer.echo("Registre local à jour.")


@app.command()
def keygen(
    path: Annotated[Path, typer.Argument(help="Fichier à écrire ; une clé qui existe ne se remplace pas.")],
    node: Annotated[str, typer.Argument(help="Identifiant du nœud, par exemple recherche.")],
    *,
    clear: new_keys.Clear = False,
) -> None:
    """Crée la clé d'un nœud, chiffrée, et montre sa moitié publique, à remettre au hub."""
    from adapters.settings import KeyFileSettings
    from schemas.envelope import NODE_PATTERN
    from schemas.keys import SigningKey

    if not re.fullmatch(NODE_PATTERN, node):
        typer.echo(f"« {node} » ne peut pas nommer un nœud : 2 à 40 caractères parmi a-z, 0-9 et -, une lettre d'abord.", err=True)
        raise typer.Exit(1)
    if path.exists():
        typer.echo(f"{path} existe déjà : une clé ne se remplace pas.", err=True)
        raise typer.Exit(1)
    said = KeyFileSettings().key_passphrase
    phrase = said.get_secret_value().encode() if said is not None else b""
    if not phrase and not clear:
        typer.echo(new_keys.refusal("TRAITDUNION_KEY_PASSPHRASE"), err=True)
        raise typer.Exit(1)
    key = SigningKey.generate(node)
    key.save(path, phrase or None)
    typer.echo(key.public.multibase)


@app.command()
def feed(
    instance: Annotated[str, typer.Argument(help="L'instance, telle que le fichier des instances la nomme.")],
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Charges utiles, comme la plateforme les enverrait.")],
    event: Annotated[str | None, typer.Option(help="Type d'événement que la plateforme annonce dans ses en-têtes.")] = None,
    wait: Annotated[float, typer.Option(help="Secondes d'attente de l'arrivée dans les autres RSE.")] = 5.0,
    space: Annotated[str | None, typer.Option(help="Espace où placer les charges utiles, au lieu du leur.")] = None,
) -> None:
    """Poste des charges utiles à la passerelle comme le ferait la plateforme, et dit ce que chacune est devenue."""
    from adapters.feeding import Wishes
    from adapters.feeding import feed as feed_files
    from adapters.settings import AdapterSettings

    well = asyncio.run(feed_files(AdapterSettings(), instance, files, Wishes(event, space, wait), typer.echo))
    sys.exit(0 if well else 1)


@app.command()
def capabilities() -> None:
    """Montre ce que chaque connecteur sait faire (tableau Markdown)."""
    from adapters.platforms import capability_table

    typer.echo(capability_table())


@app.command()
def spool() -> None:
    """Montre ce qui attend dans le registre local, par instance."""
    from adapters.feeding import what_waits
    from adapters.settings import AdapterSettings

    for line in asyncio.run(what_waits(AdapterSettings())):
        typer.echo(line)


@app.command()
def pace() -> None:
    """Montre à quel rythme chaque RSE se laisse appeler, tel que le processus en marche l'a appris, et ce qui fut de trop."""
    from adapters.observed import paces

    _show(paces)


@app.command()
def drift() -> None:
    """Montre ce que les plateformes envoient et que nos modèles ne connaissent pas, par version, depuis le démarrage."""
    from adapters.observed import drifts

    _show(drifts)


def _show(read: Callable[[str], list[str]]) -> None:
    from adapters.observed import exposition
    from adapters.settings import AdapterSettings

    for line in read(asyncio.run(exposition(AdapterSettings()))):
        typer.echo(line)
