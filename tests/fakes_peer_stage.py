"""The peers' door over a stage of forgers, in memory: every server's documents, and a Kafka that takes all."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from starlette.applications import Starlette

from hub.crowd import Crowd
from hub.federation.actors import Actors
from hub.federation.inbox import BYTES_AT_ONCE, InboxParts, routes
from hub.federation.registries import PeerRegistries
from hub.federation.signatures import CAVAGE, RFC9421, Cavage, Rfc9421, Scheme
from hub.federation.verification import Trust, Verifier
from schemas.keys import SigningKey
from schemas.nonces import Nonces
from schemas.origins import same_origin
from schemas.wire.destinations import Absence, FetchRefused, Refusal, Unreachable
from schemas.wire.fetched import Fetched
from tests.fakes_abroad import KeptRecords, KeptVersions
from tests.forgeries.abroad import SERVERS, World

if TYPE_CHECKING:
    from hub.federation.actors import Asks
    from schemas.wire.fetched import Budget, Media

HERE = "http://127.0.0.1:8401"
KEY = SigningKey.generate("hub")


class Book:
    """Servers as they answer, without a socket: redirects followed once and to no other server, everything else as it stands."""

    def __init__(self, world: World) -> None:
        self._documents = world.documents
        self.asked: list[str] = []

    async def get(self, url: str, accept: Media, budget: Budget) -> Fetched:
        del accept
        budget.spend()
        self.asked.append(url)
        served = self._documents.get(url)
        if served is None:
            return Fetched(url, 404, b"")
        if served.location.startswith("http://169.254."):
            raise FetchRefused(Refusal.HOST)
        if served.location and not same_origin(served.location, url):
            raise FetchRefused(Refusal.REDIRECT)
        if served.location:
            return await self.get(served.location, budget=budget, accept=None)  # type: ignore[arg-type]  # as above
        status = int(served.status.split(" ")[0])
        if status == 503:
            raise Unreachable(Absence.CONNECTION)
        return Fetched(url, status, served.body if status // 100 == 2 else b"")


def stage() -> World:
    """The servers at addresses of their own, none of which answers."""
    return World(HERE, {name: f"http://127.0.0.1:{9000 + number}" for number, name in enumerate(SERVERS)})


def door(world: World) -> tuple[Starlette, KeptRecords]:
    """The inboxes, and what came to Kafka."""
    return door_over(world, Book(world))


def door_over(world: World, book: Asks) -> tuple[Starlette, KeptRecords]:
    """The same over this book, which tells what was asked. Any server of the registry would be asked: that only some are is the verifier's."""

    def clock() -> datetime:
        return datetime.now(UTC)

    peers, nonces, kafka = world.peers(), Nonces(), KeptRecords()
    abroad = Actors(book, clock, lambda server: server in peers)
    registries = PeerRegistries(abroad, KeptVersions(dict(world.versions_seen)), clock)
    schemes: dict[str, Scheme] = {RFC9421: Rfc9421(nonces), CAVAGE: Cavage()}
    trust = Trust(world.here, peers.get, schemes, KEY, nonces, clock, registries, lambda: True)
    return Starlette(routes=routes(InboxParts(world.here, Verifier(trust, abroad), kafka, Crowd(BYTES_AT_ONCE)))), kafka
