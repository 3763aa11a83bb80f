"""The door of other servers: all that ActivityPub asks of this one, on one screen; a process of its own, for strangers reach it."""

from __future__ import annotations

import importlib.metadata
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from hub import bootstrap
from hub.door import server
from hub.federation.actors import Actors
from hub.federation.addresses import Addresses
from hub.federation.book import PeerBook
from hub.federation.doorway import application
from hub.federation.published import ActorKeys
from hub.federation.reception import reception
from hub.federation.serving import Here, Pages
from hub.federation.signed_fetch import Pen, SignedFetching
from hub.peer_reading import SqlPublished
from schemas.keys import SigningKey
from schemas.rsa_keys import RsaSigningKey
from schemas.wire import telemetry
from schemas.wire.egress import EgressSettings
from schemas.wire.fetching import DevelopmentRules, GuardedClient, PublicRules

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from hub.registry.peers import Peer
    from hub.settings import HubSettings
    from schemas.wire.kafka import KafkaSettings, TopicNames

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Keys:
    """The pair by which every actor of this server signs, in the host actor's name."""

    ed25519: SigningKey
    rsa: RsaSigningKey

    @classmethod
    def of(cls, settings: HubSettings, addresses: Addresses) -> Keys:
        """Read both files; raises OSError or KeyMalformed."""
        owner, secret = addresses.host_actor, settings.federation_secret
        return cls(SigningKey.load(owner, settings.federation_key, secret), RsaSigningKey.load(owner, settings.federation_rsa_key, secret))

    @property
    def public(self) -> ActorKeys:
        """What the actors' documents show of them."""
        return ActorKeys(self.ed25519.public.multibase, self.rsa.public_pem)


@asynccontextmanager
async def abroad(settings: HubSettings, keys: Keys, addresses: Addresses, peers: Callable[[str], Peer | None]) -> AsyncIterator[Actors]:
    """What is asked of other servers, for as long as the block."""
    rules = DevelopmentRules() if settings.federation_loopback else PublicRules()
    agent = f"traitdunion/{importlib.metadata.version('traitdunion')} (+{addresses.base}/)"
    async with GuardedClient(EgressSettings(), rules, agent, bootstrap.clock) as client:
        fetching = SignedFetching(client, Pen(keys.ed25519, keys.rsa), peers)
        yield Actors(fetching, bootstrap.clock, lambda authority: peers(authority) is not None)


async def run(settings: HubSettings, keys: Keys, kafka_settings: KafkaSettings, names: TopicNames) -> None:
    """Serve until told to stop; metrics stay on the side of the operators."""
    addresses, database = Addresses(settings.federation_url), bootstrap.engine(settings)
    book, version = PeerBook(database, bootstrap.clock), importlib.metadata.version("traitdunion")
    shown = SqlPublished(database, settings.hub_id, addresses, bootstrap.clock)
    pages = Pages(Here(addresses, keys.public, shown, bootstrap.clock, version))
    async with (
        abroad(settings, keys, addresses, book) as others,
        reception(addresses, book, others, keys.ed25519, (kafka_settings, names), bootstrap.clock) as taken,
    ):
        health = telemetry.Health({"kafka": lambda: taken.publisher.ready, "peers": lambda: book.ready})
        runner = await telemetry.serve(health, settings.metrics_host, settings.metrics_port)
        log.info("peer_door_starts", port=settings.federation_port, metrics_at=telemetry.address(runner))
        await server(application(pages, taken.inboxes, health.failing), settings.federation_host, settings.federation_port).serve()
        await runner.cleanup()
    await database.dispose()
