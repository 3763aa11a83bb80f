"""How a twin is set up, and its command line."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Options:
    """How a twin is set up; `retry_unit` and `undo_seconds` shorten its waits for tests; no answer is accepted in `unsolved` categories."""

    state: Path
    webhook: str
    secret: str
    api_key: str
    url: str
    host: str = "127.0.0.1"
    port: int = 0
    title: str = "Discourse"
    rate: int = 60
    rate_window: float = 60.0
    retry_unit: float = 1.0
    categories: tuple[str, ...] = ()
    restricted: tuple[str, ...] = ()
    unsolved: tuple[str, ...] = ()
    undo_seconds: float = 600.0
    min_post_length: int = 20
    max_post_length: int = 32_000
    people: tuple[str, ...] = ()
    staff: tuple[str, ...] = field(default=("system", "traitdunion"))


def read(words: Sequence[str] | None = None) -> Options:
    """The options of a command line."""
    arguments = _parser().parse_args(words)
    return Options(
        state=arguments.state,
        webhook=arguments.webhook,
        secret=arguments.secret,
        api_key=arguments.api_key,
        url=(arguments.url or f"http://127.0.0.1:{arguments.port}").rstrip("/"),
        host=arguments.host,
        port=arguments.port,
        title=arguments.title,
        rate=arguments.rate,
        rate_window=arguments.rate_window,
        retry_unit=arguments.retry_unit,
        undo_seconds=arguments.undo_seconds,
        categories=tuple(arguments.category + arguments.restricted_category),
        restricted=tuple(arguments.restricted_category),
        people=tuple(arguments.user),
        staff=("system", "traitdunion", *arguments.staff),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m adapters.discourse.twin",
        description="Jumeau de Discourse, pour essais. @FICHIER : d’autres mots, un par ligne ; les secrets y sont mieux que sur la ligne de commande.",
        fromfile_prefix_chars="@",
    )
    parser.add_argument("--host", default="127.0.0.1", help="adresse où écouter")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True, help="fichier où le jumeau garde tout")
    parser.add_argument("--webhook", required=True, help="adresse qui reçoit les webhooks")
    parser.add_argument("--secret", required=True, help="secret des webhooks")
    parser.add_argument("--api-key", required=True)
    parser.add_argument("--url", help="adresse publique du jumeau ; par défaut http://127.0.0.1:PORT")
    parser.add_argument("--title", default="Discourse")
    parser.add_argument("--rate", type=int, default=60, help="requêtes d’API par minute ; 0 : sans limite")
    parser.add_argument("--rate-window", type=float, default=60.0, help="secondes que dure la minute de --rate, pour l’accélérer")
    parser.add_argument("--retry-unit", type=float, default=1.0, help="durée d’une minute de Discourse, en minutes")
    parser.add_argument("--undo-seconds", type=float, default=600.0, help="combien de temps un « j’aime » peut être repris")
    parser.add_argument("--category", action="append", default=[], metavar="97:nom")
    parser.add_argument("--restricted-category", action="append", default=[], metavar="98:nom")
    parser.add_argument("--user", action="append", default=[], metavar="camille:Camille Roux")
    parser.add_argument("--staff", action="append", default=[], metavar="compte")
    return parser
