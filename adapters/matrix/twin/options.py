"""How the Matrix twin is set up: its command line, and the people and rooms that are there from its first start on."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.matrix.twin.push import Registration
    from adapters.matrix.twin.rooms import Rooms

ROOM_VERSION = "11"


@dataclass(frozen=True, slots=True)
class Options:
    """How a twin is set up; `people` and `rooms` are pairs of a local name and the name that is shown."""

    port: int
    state: Path
    registration: Path
    host: str = "127.0.0.1"
    server_name: str = "tchap.example"
    messages_per_second: float = 0.0
    people: tuple[tuple[str, str], ...] = ()
    rooms: tuple[tuple[str, str], ...] = ()
    password: str | None = None


def read(words: Sequence[str] | None = None) -> Options:
    """The options of a command line."""
    given = _parser().parse_args(words)
    return Options(
        port=given.port,
        state=given.state,
        registration=given.registration,
        host=given.host,
        server_name=given.server_name,
        messages_per_second=given.messages_per_second,
        people=tuple(_pair(text) for text in given.user),
        rooms=tuple(_pair(text) for text in given.room),
        password=given.password,
    )


def seed(rooms: Rooms, registration: Registration, options: Options) -> None:
    """Make the people and the rooms that are not there yet, everybody and the service's bot in each; what is there stays as it is."""
    people = [f"@{name}:{options.server_name}" for name, _ in options.people]
    for user, (_, shown) in zip(people, options.people, strict=True):
        if not rooms.knows(user):
            rooms.add_user(user, options.password)
            rooms.rename(user, shown)
    for name, title in options.rooms if people else ():
        room = f"!{name}:{options.server_name}"
        if room not in rooms.rooms():
            _furnish(rooms, room, title, [*people, registration.sender])


def _furnish(rooms: Rooms, room: str, title: str, members: Sequence[str]) -> None:
    creator, *others = members
    rooms.create(creator, {"name": title, "preset": "private_chat", "room_version": ROOM_VERSION}, room)
    for user in others:
        if not rooms.knows(user):
            rooms.add_user(user, None)
        rooms.invite(room, creator, user)
        rooms.join(room, user)


def _pair(text: str) -> tuple[str, str]:
    name, _, shown = text.partition(":")
    return name, shown or name


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m adapters.matrix.twin",
        description="Jumeau de Tchap (Matrix), pour essais. @FICHIER : d’autres mots, un par ligne ; les secrets y sont mieux que sur la ligne de commande.",
        fromfile_prefix_chars="@",
    )
    parser.add_argument("--host", default="127.0.0.1", help="adresse où écouter")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True, help="fichier où le jumeau garde tout")
    parser.add_argument("--server-name", default="tchap.example")
    parser.add_argument("--registration", type=Path, required=True, help="fichier YAML du service applicatif")
    parser.add_argument(
        "--messages-per-second", type=float, default=0.0, help="messages qu’un compte peut écrire par seconde ; 0 : sans limite"
    )
    parser.add_argument(
        "--user", action="append", default=[], metavar="claire:Claire Moreau", help="compte présent dès le premier démarrage"
    )
    parser.add_argument("--password", help="mot de passe de ces comptes ; sans lui, personne n’y entre")
    parser.add_argument(
        "--room", action="append", default=[], metavar="atelier:Atelier", help="salon fermé où sont ces comptes et le robot du service"
    )
    return parser
