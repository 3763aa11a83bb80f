"""The manners of our command lines: French, one sentence for what is wrong, and an exit code that says what kind of wrong it is."""

from __future__ import annotations

import re
import sys
from typing import Any, Final, NamedTuple

from typer.core import TyperGroup
from typer.exceptions import Abort, Exit, TyperException

from schemas.wire.settings import SettingRefused, SettingTwice

IMPOSSIBLE: Final = 1
UNREACHABLE: Final = 69  # EX_UNAVAILABLE of sysexits.h
HELP: Final = "--help"
SHOWS_HELP: Final = "Montre cette aide."
METAVAR: Final = "COMMANDE [ARGUMENTS]..."

# What the framework says of a command that is badly written → ours. It has no French; what is not found here is said as it stands.
USAGE: Final = (
    (r"Missing argument '(.+?)'\.(?:.*from:(.*))?", r"Il manque « \1 ».\2"),
    (r"Missing option '(.+?)'\.(?:.*from:(.*))?", r"Il manque l'option \1.\2"),
    (r"Missing command\.", "Il manque une commande."),
    (r"No such command '(.+?)'\.(?: Did you mean (.+)\?)?", r"« \1 » n'est pas une commande. \2"),
    (r"No such option: (\S+)(?: .*options?: (.+)\))?", r"\1 n'est pas une option. \2"),
    (r"Got unexpected extra argument\(?s?\)? \((.+)\)", r"C'est trop : « \1 »."),
    (r"Option '(.+)' (?:requires an argument|does not take a value)\.?", r"L'option \1 est mal écrite."),
    (r"Invalid value for '(.+?)': (?:Value error, )?'(.*)' is not one of (.+)\.", r"« \2 » ne convient pas pour \1 : \3."),
    (r"Invalid value for '(.+?)': (?:Value error, )?'(.*)' does not match the formats? (.+)\.", r"« \2 » ne convient pas pour \1 : \3."),
    (r"Invalid value for '(.+?)': (?:file|path|directory) '(.+)' does not exist\.", r"Fichier introuvable : \2"),
    (r"Invalid value for '(.+?)': Input should be greater than or equal to (\S+)", r"\1 : \2 au moins."),
    (r"Invalid value for '(.+?)': Input should be less than or equal to (\S+)", r"\1 : \2 au plus."),
    (r"Invalid value for '(.+?)': .*valid (?:integer|number).*", r"\1 : un nombre est attendu."),
    (r"Invalid value for '(.+?)': .*valid (?:date|datetime).*", r"\1 : un moment est attendu, par exemple 2026-11-20T10:00:00."),
    (r"Invalid value: (.*)", r"\1"),
)


class Told(NamedTuple):
    """What an error is to whoever wrote the command."""

    sentence: str
    code: int = IMPOSSIBLE


def of_machine(error: Exception) -> Told | None:
    """Errors of settings and files, for any command; None for any other. Neither values nor contents are repeated."""
    match error:
        case SettingTwice():
            return Told(f"Réglage donné deux fois : {error}.")
        case SettingRefused():
            return Told(f"Réglage refusé : {error}")
        case FileNotFoundError(filename=str() as name):
            return Told(f"Fichier introuvable : {name}")
        case OSError(filename=str() as name):
            return Told(f"Fichier inaccessible : {name} ({type(error).__name__})")
        case _:
            return None


def usage(sentence: str) -> str:
    """The framework's sentence on a badly written command, in French."""
    said = " ".join(sentence.split())
    for pattern, ours in USAGE:
        if found := re.fullmatch(pattern, said):
            return " ".join(found.expand(ours).split())
    return said


class CommandLine(TyperGroup):
    """A group of commands that speaks French, and ends with a sentence instead of a traceback where `explain` knows one."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.subcommand_metavar = METAVAR

    def explain(self, error: Exception) -> Told | None:
        """What an error is; None lets it pass, as a defect of ours."""
        return of_machine(error)

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except (TyperException, Exit, Abort):  # the framework's own ways to end
            raise
        except Exception as error:
            told = self.explain(error)
            if told is None:
                raise
            sys.stderr.write(f"{told.sentence}\n")
            sys.exit(told.code)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command of the group, its own `--help` in French."""
        found = super().get_command(ctx, cmd_name)
        if found is not None and (option := found.get_help_option(ctx)) is not None:
            option.help = SHOWS_HELP
        return found

    def get_help_option(self, ctx: Any) -> Any:
        """The group's own `--help`."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.help = SHOWS_HELP
        return option

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help of the group."""
        _frame()
        super().format_help(ctx, formatter)

    def main(self, *given: Any, **named: Any) -> Any:
        """Run the whole line; a badly written one ends with 2."""
        alone = named.pop("standalone_mode", True)
        words = given[0] if given else named.get("args")
        if HELP in (sys.argv if words is None else words):
            _frame()
        try:
            ended = super().main(*given, **(named | {"standalone_mode": False}))
        except TyperException as wrong:
            if not alone:
                raise
            _say(wrong)
            sys.exit(wrong.exit_code)
        if alone:
            sys.exit(ended if isinstance(ended, int) else 0)
        return ended


def _say(wrong: TyperException) -> None:
    """Two lines at most; none where the help itself was the answer."""
    sentence, ctx = usage(wrong.format_message()), getattr(wrong, "ctx", None)
    if sentence:
        more = "" if ctx is None else f"« {ctx.command_path} {HELP} » dit comment l'écrire.\n"
        sys.stderr.write(f"{sentence}\n{more}")


def _frame() -> None:
    """The framework's own words around our help. Read late: with them comes the renderer, which costs a process more than its commands."""
    from typer import rich_utils

    rich_utils.ARGUMENTS_PANEL_TITLE, rich_utils.OPTIONS_PANEL_TITLE, rich_utils.COMMANDS_PANEL_TITLE = "Arguments", "Options", "Commandes"
    rich_utils.REQUIRED_LONG_STRING, rich_utils.DEFAULT_STRING = "[obligatoire]", "[à défaut : {}]"
