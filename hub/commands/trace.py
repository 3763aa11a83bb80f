"""traitdunion trace: the way of one message, from what outbox and receipts store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands import terminal

if TYPE_CHECKING:
    from datetime import datetime

    from hub.operations.trace import Arrival, Step

UNKNOWN = "inconnu"


def trace(
    message: Annotated[str, typer.Argument(help="Identifiant du message, ou d'un de ses événements.")], as_json: terminal.AsJson = False
) -> None:
    """Raconte le trajet d'un message, sans son contenu ; « inconnu » pour ce qui a expiré."""
    from hub import bootstrap
    from hub.operations.trace import way_of
    from hub.operations.web import as_json as plain

    now = bootstrap.clock()
    way = terminal.reading(lambda connection: way_of(connection, message, now))
    if not way:
        terminal.fail(f"Aucun message ni événement ne porte l'identifiant « {message} ».")
    if as_json:
        terminal.show_json([plain(step) for step in way])
        return
    for step in way:
        _show(step, now)


def _show(step: Step, now: datetime) -> None:
    from hub.ui import age, words

    number = f", n° {step.sequence}" if step.sequence is not None else ""
    terminal.say(f"\n{words.change(step.type)} ({words.outcome(step.outcome)}{number})")
    for name, said in _facts(step):
        terminal.say(f"  {name:<12} {said}")
    width = max((len(arrival.node) for arrival in step.arrivals), default=0)
    for arrival in step.arrivals:
        terminal.say(f"  → {arrival.node:<{width}} {_verdict(arrival)}")
        for line in _details(arrival):
            terminal.say(f"    {'':<{width}} {line}")
    for told in step.transmissions:
        reason = f" : {words.reason(told.reason)}" if told.reason else ""
        since = f" depuis {age(now - told.since)}" if told.since else ""
        terminal.say(f"  ⇢ {told.peer} {words.transmission(told.state)}{since}{reason}")
        if word := told.word:
            terminal.say(
                f"    {words.there(word.fate, word.community, word.sequence, word.written, len(word.nodes))}, {terminal.when(word.at)}"
            )
            terminal.say(f"    accusé : {word.receipt}")


def _facts(step: Step) -> list[tuple[str, str]]:
    from hub.ui import words

    read = str(step.read_at) if step.read_at else "reçu d'un serveur pair" if step.from_peer else "dit par le hub"
    return [
        ("événement", step.event),
        ("objet", step.subject),
        ("nœud", step.node),
        ("clé", step.key_id + (f" — {words.DOUBT}" if step.doubtful else "")),
        ("empreinte", step.digest),
        ("arrivé", f"{read} à {terminal.when(step.admitted_at)}"),
        ("traité", f"{terminal.when(step.handled_at)} ({step.admitted_ms} ms)"),
        ("publié", _published(step)),
        ("corrélation", step.correlation),
    ]


def _published(step: Step) -> str:
    if step.facts:
        return f"{step.facts} à {terminal.when(step.published_at)}"
    if step.remembered:
        return "en attente du relais"
    return "sans objet : pas de numéro" if step.sequence is None else UNKNOWN


def _verdict(arrival: Arrival) -> str:
    from hub.ui import words

    verdict = words.verdict(arrival.verdict or "pending") + (f" : {words.reason(arrival.reason)}" if arrival.reason else "")
    delay = f" ({arrival.latency_ms} ms)" if arrival.latency_ms is not None else ""
    return f"{verdict}, {terminal.when(arrival.at)}{delay}"


def _details(arrival: Arrival) -> list[str]:
    place = str(arrival.place) if arrival.place else UNKNOWN
    holds = "vérifié" if arrival.verified else "clé qui ne vaut plus"
    receipt = f"{arrival.receipt} ({holds} : {arrival.key_id})" if arrival.receipt else UNKNOWN
    return [f"lu à {place} ; identifiant là-bas : {arrival.native_id or UNKNOWN}", f"accusé : {receipt}"]
