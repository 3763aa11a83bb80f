"""How a twin is set up, and its command line."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Options:
    """How a twin is set up. `gone_status` is what v1 answers for what is not there: 404 since Meeds, 401 before."""

    state: Path
    api_key: str
    url: str
    host: str = "127.0.0.1"
    port: int = 0
    title: str = "eXo"
    rate: int = 0
    rate_window: float = 60.0
    account: str = "traitdunion"
    gone_status: int = 404
    spaces: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    managers: tuple[str, ...] = ()


def read(words: Sequence[str] | None = None) -> Options:
    """The options of a command line."""
    arguments = _parser().parse_args(words)
    return Options(
        state=arguments.state,
        api_key=arguments.api_key,
        url=(arguments.url or f"http://127.0.0.1:{arguments.port}").rstrip("/"),
        host=arguments.host,
        port=arguments.port,
        title=arguments.title,
        rate=arguments.rate,
        rate_window=arguments.rate_window,
        account=arguments.account,
        gone_status=arguments.gone_status,
        spaces=tuple(arguments.space + arguments.closed_space),
        closed=tuple(arguments.closed_space),
        people=tuple(arguments.user),
        managers=tuple(arguments.manager),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m adapters.exo.twin",
        description="Jumeau d’eXo et de Meeds, pour essais. @FICHIER : d’autres mots, un par ligne ; les secrets y sont mieux que sur la ligne de commande.",
        fromfile_prefix_chars="@",
    )
    parser.add_argument("--host", default="127.0.0.1", help="adresse où écouter")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True, help="fichier où le jumeau garde tout")
    parser.add_argument("--api-key", required=True, help="mot de passe de tous les comptes, et jeton de celui du connecteur")
    parser.add_argument("--account", default="traitdunion", help="compte que nomme le jeton")
    parser.add_argument("--url", help="adresse publique du jumeau ; par défaut http://127.0.0.1:PORT")
    parser.add_argument("--title", default="eXo")
    parser.add_argument("--rate", type=int, default=0, help="requêtes d’API par minute ; 0, comme eXo : sans limite")
    parser.add_argument("--rate-window", type=float, default=60.0, help="secondes que dure la minute de --rate, pour l’accélérer")
    parser.add_argument("--gone-status", type=int, default=404, help="ce que la v1 répond pour ce qui n’est plus là")
    parser.add_argument("--space", action="append", default=[], metavar="12:futurs_publics:Futurs Publics")
    parser.add_argument("--closed-space", action="append", default=[], metavar="13:reserve:Réservé")
    parser.add_argument("--user", action="append", default=[], metavar="camille:Camille Roux")
    parser.add_argument("--manager", action="append", default=[], metavar="compte")
    return parser
