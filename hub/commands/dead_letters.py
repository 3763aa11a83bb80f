"""traitdunion dlq: what was refused, and why."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands import terminal

if TYPE_CHECKING:
    from hub.operations.dlq import Letter

app = terminal.group("Les rebuts : ce qui a été refusé, avec sa raison.")


@app.command("list")
def list_(
    reason: Annotated[str | None, typer.Option(help="Cette raison seulement, par exemple proof_invalid.")] = None,
    node: Annotated[str | None, typer.Option(help="Ce nœud seulement (tel que l'enregistrement le nomme).")] = None,
    since: Annotated[
        datetime | None, typer.Option(help="Depuis ce moment (UTC).", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"])
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Au plus tant.")] = 50,
    as_json: terminal.AsJson = False,
) -> None:
    """Montre les rebuts, les plus récents d'abord ; jamais leur contenu."""
    from hub.operations import dlq
    from schemas.wire.kafka import KafkaSettings, TopicNames

    wanted = dlq.Wanted(reason, node, terminal.moment(since) if since else None)
    with terminal.named_errors():
        letters = dlq.newest(KafkaSettings(), TopicNames(), wanted, limit)
    if as_json:
        terminal.show_json([letter.summary() for letter in letters])
        return
    rows = [(terminal.when(letter.at), letter.reason, letter.node, letter.said("dlq_error"), letter.place) for letter in letters]
    terminal.show_table("Rebuts", ("Quand", "Raison", "Nœud", "Précision", "Place"), rows, "Aucun rebut ne correspond.")
    if len(letters) == limit:
        terminal.say(f"Les {limit} plus récents seulement ; --limit en montre davantage.")


@app.command()
def show(
    place: Annotated[str, typer.Argument(help="topic/partition/offset, comme « dlq list » l'écrit.")],
    content: Annotated[
        bool, typer.Option("--content", help="Montre aussi le contenu ; ouvre les corps scellés avec la clé des opérateurs.")
    ] = False,
) -> None:
    """Montre un rebut : ses en-têtes et, si on le demande, son contenu."""
    from hub.operations import dlq
    from schemas.wire.kafka import KafkaSettings

    topic, partition, offset = _parts(place)
    try:
        with terminal.named_errors():
            letter = dlq.at(KafkaSettings(), topic, partition, offset)
    except dlq.LetterNotFound:
        terminal.fail(f"Rien à cette place : {place}. Le rebut a expiré, ou n'a jamais existé.")
    terminal.say(f"{letter.place}  {terminal.when(letter.at)}  {len(letter.unverified_value or b'')} octets")
    for name in sorted({name for name, _ in letter.headers}):
        terminal.say(f"  {dlq.printable(name):<18} {letter.said(name)}")
    if content:
        for line in _content(letter).decode(errors="replace").splitlines():
            terminal.say(dlq.printable(line))


def _parts(place: str) -> tuple[str, int, int]:
    topic, _, rest = place.partition("/")
    partition, _, offset = rest.partition("/")
    if not (topic and partition.isascii() and partition.isdigit() and offset.isascii() and offset.isdigit()):
        terminal.fail(f"Une place s'écrit topic/partition/offset : {place}")
    return topic, int(partition), int(offset)


def _content(letter: Letter) -> bytes:
    from hub.operations import dlq
    from hub.settings import HubSettings

    if not dlq.is_sealed(letter):
        return letter.unverified_value or b""
    settings = HubSettings()
    key, phrase = settings.operators_private_key, settings.operators_passphrase
    if key is None:
        terminal.fail("Ce corps est scellé : TRAITDUNION_OPERATORS_PRIVATE_KEY doit nommer la clé qui l'ouvre.")
    try:
        return dlq.opened(letter, key, phrase.get_secret_value().encode() if phrase else None)
    except dlq.SealNotOpened:
        terminal.fail(
            f"Cette clé n'ouvre pas ce corps, ou la phrase secrète ne l'ouvre pas elle-même (TRAITDUNION_OPERATORS_PASSPHRASE) : {key}"
        )
