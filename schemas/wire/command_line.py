"""The manners of our command lines: French, one sentence for what is wrong, and an exit code that says what kind of wrong it is."""

from __future__ import annotations

import errno
import os
import re
import select
import sys
from typing import Any, Final, NamedTuple

from typer.core import TyperGroup
from typer.exceptions import Abort, Exit, TyperException

from schemas.wire.settings import SettingRefused, SettingTwice

IMPOSSIBLE: Final = 1
UNREACHABLE: Final = 69  # EX_UNAVAILABLE of sysexits.h
INTERRUPTED: Final = 130  # as shells tell of SIGINT
UNREAD: Final = 141  # as shells tell of SIGPIPE
NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO})
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


def of_output(error: Exception) -> Told | None:
    """Errors of writing, for any command: a server that does not answer fails otherwise. None for any other."""
    match error:
        case BrokenPipeError() if _nobody_reads():
            return Told("", UNREAD)
        case OSError(errno=int() as number, filename=None) if number in NO_ROOM:
            return Told(f"Ce que cette commande écrit ne trouve plus de place, ou n'en a pas le droit ({errno.errorcode[number]}).")
        case _:
            return None


def _nobody_reads() -> bool:
    """Whoever read our output has gone, as `head` does: nothing is wrong, and the interpreter's own last flush must say nothing either."""
    try:
        output, watched = sys.stdout.fileno(), select.poll()
    except (OSError, ValueError):  # a test's, which is no file
        return False
    watched.register(output, select.POLLOUT)
    gone = any(seen & select.POLLERR for _, seen in watched.poll(0))
    if gone:
        os.dup2(os.open(os.devnull, os.O_WRONLY), output)
    return gone


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
            _end(of_output(error) or self.explain(error))
            raise

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
            sys.stdout.flush()
        except TyperException as wrong:
            if not alone:
                raise
            _say(wrong)
            sys.exit(wrong.exit_code)
        except Abort:
            if not alone:
                raise
            _end(Told("\nInterrompu.", INTERRUPTED))
        except OSError as error:
            _end(of_output(error))
            raise
        if alone:
            sys.exit(ended if isinstance(ended, int) else 0)
        return ended


def _end(told: Told | None) -> None:
    """End with what there is to say; go on where nothing is known."""
    if told is None:
        return
    sys.stderr.write(f"{told.sentence}\n" if told.sentence else "")
    sys.exit(told.code)


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
