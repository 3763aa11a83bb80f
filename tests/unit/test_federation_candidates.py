"""Who has applied and is not admitted is asked nothing, whoever speaks of it; and no private network is reached because a candidate wished so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import pytest

from hub import peer_door
from hub.federation.addresses import Addresses
from hub.federation.keyring import Keys
from hub.federation.signed_fetch import SignedFetching
from schemas.documents import sign_document
from schemas.keys import SigningKey
from schemas.manifest import Grade
from schemas.wire.destinations import Absence, Unreachable
from schemas.wire.fetched import Budget, Fetched, Media
from tests.fakes_abroad import NOW, RSA, Door, Person, peer
from tests.fakes_peer_stage import Book, door_over, stage
from tests.forgeries import plays
from tests.forgeries.post import deliver
from tests.forgeries.said import NETWORK

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.settings import HubSettings

NOBODYS = [None, Grade.CANDIDATE, Grade.GONE]
SOMEBODYS = [Grade.OBSERVER, Grade.FULL, Grade.SUSPENDED]
FORUM = Person("https://forum.example/category/2", "Group", "Le forum")
SENDER = Person("https://social.example/users/alice")
OTHER = Person("https://candidat.example/users/x")
WAYS: dict[str, tuple[Person, Callable[[], dict[str, Any]]]] = {
    "by an address": (FORUM, lambda: FORUM.does("Announce", OTHER.note()["id"])),
    "by what it wrote": (FORUM, lambda: FORUM.does("Announce", OTHER.creates())),
    "by what it deleted": (FORUM, lambda: FORUM.does("Announce", OTHER.does("Delete", OTHER.note()["id"]))),
    "by what it proved": (FORUM, lambda: FORUM.does("Announce", sign_document(OTHER.creates(), OTHER.key, NOW))),
    "by what it proved in another's": (SENDER, lambda: SENDER.creates(sign_document(OTHER.note(), OTHER.key, NOW))),
    "by who moves to it": (SENDER, lambda: SENDER.does("Move", SENDER.id, target=OTHER.id)),
}


def at(grade: Grade | None) -> Door:
    """A door that knows the sender, the forum, and of the other server that it applied, or left."""
    door = Door()
    door.admit(FORUM, SENDER)
    door.abroad.add(OTHER)
    if grade is not None:
        door.peers[OTHER.server] = peer(OTHER.server, grade)
    return door


@pytest.mark.parametrize("grade", NOBODYS)
@pytest.mark.parametrize("way", WAYS)
async def test_whoever_brings_it_up_nothing_is_asked_of_a_server_that_is_not_admitted(way: str, grade: Grade | None) -> None:
    door, (sender, says) = at(grade), WAYS[way]
    answer = await door.bring(sender, says())
    assert (answer.status, answer.json()["reason"]) == (403, "peer_not_admitted")
    assert [uri for uri in door.abroad.asked if OTHER.server in uri] == []


async def test_no_forgery_of_the_tables_has_us_ask_a_server_that_is_not_admitted() -> None:
    world = stage()
    book = Book(world)
    app, _ = door_over(world, book)
    for play in plays.forged(world):
        if not play.needs & NETWORK and not play.name.startswith("Create "):
            await deliver(app, play.make())
    nobody = tuple(world.origins[name] + "/" for name in ("inconnu", "candidat", "parti"))
    assert book.asked
    assert [url for url in book.asked if url.startswith(nobody)] == []


class Client:
    """The guarded client, as far as it is told where it may go."""

    def __init__(self) -> None:
        self.networks: list[tuple[str, ...]] = []

    async def get(self, url: str, *, networks: tuple[str, ...], **more: Any) -> Fetched:
        del url, more
        self.networks.append(networks)
        raise Unreachable(Absence.CONNECTION)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("grade", [*NOBODYS, *SOMEBODYS])
async def test_a_private_network_is_reached_for_a_server_that_is_admitted_alone(grade: Grade | None) -> None:
    client, known = Client(), None if grade is None else peer(OTHER.server, grade, networks=("10.0.0.0/8",))
    keys = Keys(SigningKey.generate("h"), RSA)
    fetching = SignedFetching(client, lambda: [keys], {OTHER.server: known}.get)  # type: ignore[arg-type]  # as far as it reads
    with pytest.raises(Unreachable):
        await fetching.get(OTHER.id, Media.ACTIVITY, Budget())
    assert client.networks == [("10.0.0.0/8",) if grade in SOMEBODYS else ()]


@pytest.mark.parametrize("grade", [*NOBODYS, *SOMEBODYS])
async def test_the_door_itself_asks_a_server_that_is_admitted_alone(grade: Grade | None, monkeypatch: pytest.MonkeyPatch) -> None:
    client, known = Client(), None if grade is None else peer(OTHER.server, grade)
    monkeypatch.setattr(peer_door, "GuardedClient", lambda *_: client)
    settings: HubSettings = type("Settings", (), {"federation_loopback": False})()
    ring: Any = type("Ring", (), {"believed": staticmethod(lambda: [Keys(SigningKey.generate("h"), RSA)])})
    async with peer_door.abroad(settings, ring, Addresses("https://hub.example"), {OTHER.server: known}.get) as actors:
        found = await actors.document(OTHER.id, actors.budget())
    assert (found, len(client.networks)) == (("peer_unreachable", 1) if grade in SOMEBODYS else ("peer_not_admitted", 0))
