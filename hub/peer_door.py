"""The door of other servers: all that ActivityPub asks of this one, on one screen; a process of its own, for strangers reach it."""

from __future__ import annotations

import importlib.metadata
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import structlog

from hub import bootstrap
from hub.door import server
from hub.federation.actors import Actors
from hub.federation.addresses import Addresses
from hub.federation.book import PeerBook
from hub.federation.doorway import application
from hub.federation.pair_files import PairFiles
from hub.federation.reception import reception
from hub.federation.ring import Ring, followed
from hub.federation.serving import Here, Pages
from hub.federation.signed_fetch import SignedFetching
from hub.peer_reading import SqlPublished
from hub.registry.peers import admitted
from hub.storage.engine import engine_for
from schemas.wire import telemetry
from schemas.wire.egress import EgressSettings
from schemas.wire.fetching import DevelopmentRules, GuardedClient, PublicRules

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from hub.registry.peers import Peer
    from hub.settings import HubSettings
    from schemas.wire.kafka import KafkaSettings, TopicNames

log = structlog.get_logger()


def our_ring(settings: HubSettings) -> Ring:
    """The pairs by which every actor of this server signs, out of their files; raises OSError or KeyMalformed."""
    return Ring(PairFiles.of(settings), Addresses(settings.federation_url).host_actor, bootstrap.clock)


@asynccontextmanager
async def abroad(settings: HubSettings, ring: Ring, addresses: Addresses, peers: Callable[[str], Peer | None]) -> AsyncIterator[Actors]:
    """What is asked of other servers, those alone that are admitted, for as long as the block."""
    asked = admitted(peers)
    rules = DevelopmentRules() if settings.federation_loopback else PublicRules()
    agent = f"traitdunion/{importlib.metadata.version('traitdunion')} (+{addresses.base}/)"
    async with GuardedClient(EgressSettings(), rules, agent, bootstrap.clock) as client:
        yield Actors(SignedFetching(client, ring.believed, asked), bootstrap.clock, lambda authority: asked(authority) is not None)


async def run(settings: HubSettings, ring: Ring, kafka_settings: KafkaSettings, names: TopicNames) -> None:
    """Serve until told to stop; metrics stay on the side of the operators."""
    addresses, database = Addresses(settings.federation_url), engine_for(bootstrap.own_database(settings, "peer_door_database_url"))
    book, version = PeerBook(database, bootstrap.clock), importlib.metadata.version("traitdunion")
    shown = SqlPublished(database, settings.hub_id, addresses, bootstrap.clock)
    pages = Pages(Here(addresses, ring.shown, shown, bootstrap.clock, version))
    async with (
        followed(ring, database),
        abroad(settings, ring, addresses, book) as others,
        reception(addresses, book, others, ring, (kafka_settings, names), bootstrap.clock, lambda: ring.ready) as taken,
    ):
        health = telemetry.Health({"kafka": lambda: taken.publisher.ready, "peers": lambda: book.ready, "keys": lambda: ring.ready})
        runner = await telemetry.serve(health, settings.metrics_host, settings.metrics_port)
        opened = partial(log.info, "peer_door_started", port=settings.federation_port, metrics_at=telemetry.address(runner))
        routes = application(pages, taken.inboxes, health.failing)
        await server(routes, settings.federation_host, settings.federation_port, opened).serve()
        await runner.cleanup()
    await database.dispose()
