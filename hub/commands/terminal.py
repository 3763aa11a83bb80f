"""How commands speak: tables for people, JSON for programs, one French sentence and an exit code when something is wrong."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import contextmanager
from datetime import UTC
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn, TypeVar

import typer

from schemas.wire import new_keys
from schemas.wire.command_line import CommandLine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from pydantic import SecretStr
    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.registry.endings import Validity
    from hub.registry.people import Presence
    from hub.settings import HubSettings
    from hub.unit_of_work import Rules, UnitOfWork
    from schemas.application_faults import SignedManifest
    from schemas.keys import SigningKey
    from schemas.manifest import Grade
    from schemas.wire.command_line import Told

T = TypeVar("T")
FAILED: Final = 1
MISWRITTEN: Final = 2
TABLE_MISSING: Final = "42P01"
PIPE_WIDTH: Final = 220
TOKEN_ACR: Final = "urn:traitdunion:acr:token"  # noqa: S105 - the name of a way to sign in
Clear = new_keys.Clear
AsJson = Annotated[bool, typer.Option("--json", help="Du JSON au lieu d'un tableau.")]


def group(help_text: str) -> typer.Typer:
    """A group of commands that shows its help when called alone."""
    return typer.Typer(cls=HubCommands, help=help_text, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def fail(sentence: str, code: int = FAILED) -> NoReturn:
    """Say what is wrong on standard error and end."""
    sys.stderr.write(f"{sentence}\n")
    raise typer.Exit(code)


def say(sentence: str) -> None:
    """One line on standard output."""
    sys.stdout.write(f"{sentence}\n")


def show_json(value: Any) -> None:
    """JSON on standard output, times in RFC 3339."""
    say(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> None:
    """A table on standard output, or a sentence where there is nothing to show. Cells are text: no markup of a stranger's is obeyed."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not rows:
        say(empty)
        return
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else PIPE_WIDTH).print(table)  # a pipe has no width, and folded cells cannot be searched


def when(at: Any) -> str:
    """A time to the second in UTC, or « inconnu »."""
    return "inconnu" if at is None else f"{at:%Y-%m-%d %H:%M:%S}Z"


def last(at: Any, never: str = "jamais") -> str:
    """When something last happened, or that it never did."""
    return never if at is None else when(at)


def moment(said: datetime) -> datetime:
    """A moment that somebody typed: UTC, as every moment that commands show, unless it says its own offset."""
    try:
        return said.astimezone(UTC) if said.tzinfo else said.replace(tzinfo=UTC)
    except OverflowError:
        fail("Ce moment est hors du calendrier.", MISWRITTEN)


def standing(grade: Grade, quarantined_at: datetime | None, validity: Validity) -> str:
    """How far somebody is admitted, whether what it sends is parked, and whether its manifest ends."""
    from hub.registry.endings import Validity
    from hub.ui import words

    more = ["en quarantaine"] if quarantined_at else []
    more += [words.validity(validity)] if validity is not Validity.CURRENT else []
    return ", ".join([words.grade(grade), *more])


def explained(error: Exception) -> Told | None:
    """A sentence and an exit code for what is no defect of ours: a server that does not answer, a file, a setting. None for the rest."""
    from asyncpg import DataError, PostgresError
    from asyncpg.exceptions import ClientConfigurationError
    from sqlalchemy.exc import DBAPIError

    from hub.operations.broker import BrokerRefused, BrokerUnreachable
    from hub.storage.engine import connection_lost
    from schemas.wire.command_line import UNREACHABLE, Told, of_machine

    of_driver = getattr(getattr(error, "orig", None), "__cause__", None)
    match error:
        case BrokerUnreachable():
            return Told(f"Kafka ne répond pas : {error}", UNREACHABLE)
        case BrokerRefused():
            return Told(f"Kafka refuse : {error}")
        case DBAPIError() if isinstance(of_driver, ClientConfigurationError):
            return Told("L'adresse de la base de données est mal écrite : TRAITDUNION_DATABASE_URL est postgresql://…")
        case DBAPIError() if type(of_driver) is DataError:  # the driver's own: it could not even be sent
            return Told(
                "Une valeur de cette commande ne peut être celle de rien : du texte qui n'est pas en UTF-8, ou un nombre trop grand.",
                MISWRITTEN,
            )
        case DBAPIError() if connection_lost(error):
            return Told("La base de données ne répond pas.", UNREACHABLE)
        case DBAPIError() if getattr(error.orig, "sqlstate", "") == TABLE_MISSING:
            return Told("La base de données n'est pas prête : lancez d'abord « traitdunion migrate ».")
        case PostgresError():  # at the connection: a role, a password or a database that it does not know
            return Told(f"La base de données refuse la connexion ({type(error).__name__}) : voyez TRAITDUNION_DATABASE_URL.")
        case OSError(filename=None):
            return Told(f"La base de données ne répond pas ({type(error).__name__}).", UNREACHABLE)
        case _:
            return of_machine(error)


class HubCommands(CommandLine):
    """The operators' command line."""

    def explain(self, error: Exception) -> Told | None:
        """Database, broker, files, settings."""
        return explained(error)


@contextmanager
def named_errors() -> Iterator[None]:
    """End with a sentence where the database or the broker does not answer, or a file is missing."""
    try:
        yield
    except Exception as error:
        told = explained(error)
        if told is None:
            raise
        fail(told.sentence, told.code)


def in_transaction(use: Callable[[UnitOfWork], Awaitable[T]], known: Rules | None = None) -> T:
    """Run a use case in one transaction and commit it; `known` are the hub's rules, where they were read before."""

    async def run() -> T:
        from hub import bootstrap
        from hub.settings import HubSettings
        from hub.unit_of_work import transaction

        settings = HubSettings()
        rules = known or hub_rules(settings)
        engine = bootstrap.engine(settings)
        try:
            async with transaction(engine, rules) as work:
                result = await use(work)
                await work.commit()
        finally:
            await engine.dispose()
        return result

    with named_errors():
        return asyncio.run(run())


def reading(use: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    """Read from the database; asks for no key of the hub's."""

    async def run() -> T:
        from hub import bootstrap
        from hub.settings import HubSettings

        engine = bootstrap.engine(HubSettings())
        try:
            async with engine.connect() as connection:
                return await use(connection)
        finally:
            await engine.dispose()

    with named_errors():
        return asyncio.run(run())


def manifest(path: Path) -> SignedManifest:
    """A signed manifest from a file; ends with every fault, one a line."""
    from hub import bootstrap
    from hub.settings import HubSettings
    from schemas.application_faults import ManifestRefused, check

    try:
        return check(path.read_bytes(), HubSettings().charter, bootstrap.clock())
    except ManifestRefused as refused:
        fail("\n".join(f"{fault.path or '(manifeste)'} : {fault.sentence} [{fault.reason}]" for fault in refused.faults))


async def presence(work: UnitOfWork) -> Presence:
    """Who acts at this terminal: by the token of the environment or of a file, else asked for without showing it."""
    from hub.registry.people import Presence

    token = _person_token()
    person = await work.people.by_token(token)
    if person is None:
        fail("Ce jeton n'est celui de personne, ou de quelqu'un qui n'agit plus (« traitdunion people list »).")
    return Presence(person, f"{work.hub}:token", TOKEN_ACR, work.clock())


def _person_token() -> str:
    from hub.settings import PersonSettings

    said = PersonSettings().person_token
    if said is not None and said.get_secret_value():
        return said.get_secret_value()
    if not sys.stdin.isatty():
        fail("Qui agit ? TRAITDUNION_PERSON_TOKEN ou TRAITDUNION_PERSON_TOKEN_FILE le dit.")
    return str(typer.prompt("Votre jeton", hide_input=True))


def passphrase() -> bytes | None:
    """The passphrase of a key file that a command names, from the environment or a file."""
    from hub.settings import PersonSettings

    said = PersonSettings().key_passphrase
    return said.get_secret_value().encode() if said is not None and said.get_secret_value() else None


def encrypting(phrase: SecretStr | None, setting: str, *, clear: bool) -> bytes | None:
    """The passphrase under which a private key is written; ends where there is none and nobody said that it may lie in clear."""
    if phrase is not None and phrase.get_secret_value():
        return phrase.get_secret_value().encode()
    if not clear:
        fail(new_keys.refusal(setting))
    return None


def signing_key(owner: str, path: Path) -> SigningKey:
    """A private key of a file that a command names, or the end with a sentence."""
    from schemas.agent import AgentSilent, open_key
    from schemas.keys import KeyMalformed

    try:
        return open_key(owner, path, passphrase())
    except AgentSilent as silent:
        fail(f"L'agent ne signe pas avec cette clé : {silent}")
    except FileNotFoundError:
        fail(f"La clé est introuvable : {path}")
    except KeyMalformed:
        fail(f"La clé ne s'ouvre pas : {path}. Chiffrée, elle demande TRAITDUNION_KEY_PASSPHRASE ou TRAITDUNION_KEY_PASSPHRASE_FILE.")


def hub_rules(settings: HubSettings) -> Rules:
    """What the hub knows of itself, its own key among it; ends with a sentence where that cannot be opened."""
    from hub import bootstrap
    from schemas.agent import AgentSilent
    from schemas.keys import KeyMalformed

    try:
        return bootstrap.rules(settings)
    except AgentSilent as silent:
        fail(f"L'agent ne signe pas avec la clé du hub : {silent}")
    except FileNotFoundError:
        fail(
            f"La clé du hub est introuvable ({settings.signing_key}) : « traitdunion keys generate hub {settings.signing_key} » en fait une."
        )
    except KeyMalformed:
        fail(f"La clé du hub ne s'ouvre pas ({settings.signing_key}) : fichier abîmé, ou phrase secrète absente ou fausse.")
