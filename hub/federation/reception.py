"""The inboxes' parts at work: the peers as they stand, the producer; taken apart again at the end."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.crowd import Crowd
from hub.federation.inbox import BYTES_AT_ONCE, InboxParts, routes
from hub.federation.registries import PeerRegistries, own_registry
from hub.federation.repository import KeptVersions
from hub.federation.signatures import CAVAGE, RFC9421, Cavage, Rfc9421
from hub.federation.verification import Trust, Verifier
from hub.registry.peers import admitted
from schemas.nonces import Nonces
from schemas.wire.publisher import DOOR_LINGER_MS, KafkaPublisher

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine
    from starlette.routing import Route

    from hub.federation.abroad import Abroad
    from hub.federation.addresses import Addresses
    from hub.federation.book import PeerBook
    from hub.ports import Clock
    from schemas.keys import KeyHolder
    from schemas.wire.kafka import KafkaSettings, TopicNames


@dataclass(frozen=True, slots=True)
class Reception:
    """The routes of the inboxes and of our own registry, by which others check our ministries; and the producer behind them."""

    inboxes: Sequence[Route]
    publisher: KafkaPublisher


def beside_the_pages(parts: InboxParts, database: AsyncEngine) -> list[Route]:
    """The routes of the peers' door that are no page: the inboxes, and our own registry."""
    return [*routes(parts), own_registry(database)]


@asynccontextmanager
async def reception(
    here: Addresses,
    book: PeerBook,
    abroad: Abroad,
    key: KeyHolder,
    kafka: tuple[KafkaSettings, TopicNames],
    clock: Clock,
    may_sign: Callable[[], bool] = lambda: True,
) -> AsyncIterator[Reception]:
    """Take activities in as long as the block; `key` holds what signs the provenance, where it `may_sign`."""
    nonces, publisher = Nonces(), KafkaPublisher(*kafka, linger_ms=DOOR_LINGER_MS)
    registries = PeerRegistries(abroad, KeptVersions(book.database), clock)
    trust = Trust(
        here,
        book,
        {RFC9421: Rfc9421(nonces), CAVAGE: Cavage()},
        key,
        nonces,
        clock,
        registries,
        lambda: book.ready and may_sign(),
    )
    await book.refresh()
    async with asyncio.TaskGroup() as group:
        loops = [group.create_task(one) for one in (publisher.run(), book.run(), registries.run(admitted(book)))]
        try:
            parts = InboxParts(here, Verifier(trust, abroad), publisher, Crowd(BYTES_AT_ONCE))
            yield Reception(beside_the_pages(parts, book.database), publisher)
        finally:
            for loop in loops:
                loop.cancel()
