"""The hub's HTTPS door as the way to the hub: no Kafka, each request signed by the key of the node that it speaks for."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final

import structlog

from adapters.door_client import RETRY_SECONDS, DoorClient, DoorClosed
from adapters.door_intake import DoorIntake
from adapters.state_log import StateLog
from schemas import node_door, topics
from schemas.envelope import CONTENT_TYPE
from schemas.node_door import BATCH, Carried, to_http, written_batch
from schemas.wire.publisher import NotAcknowledged, Place, SpeechRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from adapters.applied import Applied
    from adapters.writer import Writer
    from schemas.keys import KeyHolder
    from schemas.wire.publisher import Sendable

CHUNK_RECORDS: Final = 200
CHUNK_BYTES: Final = 1024 * 1024
SPEECH_REFUSED: Final = frozenset({"node_not_admitted", "node_observes", "manifest_expired"})
"""The door's reasons that close it to words and not to what takes words back."""
log = structlog.get_logger()


class DoorPublisher:
    """A node's records through the door: acknowledged by Kafka behind it, or in doubt."""

    def __init__(self, client: DoorClient) -> None:
        self._client = client
        self._open = False
        self._lost = asyncio.Event()
        self._lost.set()
        self._after = RETRY_SECONDS
        self._log = StateLog("door_open", "door_closed", node=client.node)
        node = client.node
        self._paths = {
            topics.RSE_INBOUND.name: node_door.EVENTS,
            topics.RSE_RECEIPTS.name: node_door.RECEIPTS,
            topics.ADAPTERS_DLQ.name: node_door.SEALED,
            topics.outbound(node).dead_letters.name: node_door.DEAD_LETTERS,
        }

    @property
    def ready(self) -> bool:
        """Whether the door was open when last tried."""
        return self._open

    async def run(self) -> None:
        """Knock until the door opens, whenever it was found closed."""
        while True:
            await self._lost.wait()
            if await self._client.answers():
                self._open = True
                self._lost.clear()
                self._log.opened()
            else:
                self._log.stays_closed()
                await asyncio.sleep(self._after)

    async def publish(self, records: Sequence[Sendable]) -> list[Place]:
        """Send in order, few requests for many records; in doubt after NotAcknowledged, which may be SpeechRefused."""
        if not self._open:
            raise NotAcknowledged("closed")
        places: list[Place] = []
        for topic, chunk in _chunks(records):
            try:
                places += _places(await self._send(self._paths[topic], chunk), len(chunk))
            except DoorClosed as error:
                if error.reason in SPEECH_REFUSED:
                    log.warning("door_refuses_speech", node=self._client.node, reason=error.reason, records=len(chunk))
                    taken = {len(places) + number: place for number, place in _taken(error.said, len(chunk))}
                    raise SpeechRefused(error.reason, {**dict(enumerate(places)), **taken}) from error
                self._open, self._after = False, error.after
                self._lost.set()
                self._log.closed(error.reason)
                raise NotAcknowledged(error.reason) from error
        return places

    async def _send(self, path: str, chunk: Sequence[Sendable]) -> bytes:
        if len(chunk) == 1 and path in {node_door.EVENTS, node_door.RECEIPTS}:
            return await self._client.post(path, CONTENT_TYPE, chunk[0].value, to_http(chunk[0].headers))
        body = written_batch(Carried(record.value, record.headers, record.key) for record in chunk)
        return await self._client.post(path, BATCH, body, {})


class DoorTransport:
    """A ministry that opens no broker."""

    name = "door"

    def __init__(self, url: str, clock: Callable[[], datetime]) -> None:
        self._url, self._clock = url, clock
        self._clients: list[DoorClient] = []
        self._publishers: dict[str, DoorPublisher] = {}

    @property
    def ready(self) -> bool:
        """Whether the door was open to every instance when last tried."""
        return all(publisher.ready for publisher in self._publishers.values())

    def publisher(self, key: KeyHolder) -> DoorPublisher:
        """What takes a node's records, signed by that node's own key."""
        publisher = DoorPublisher(self._client(key))
        self._publishers[key.owner] = publisher
        return publisher

    def intake(self, instance: str, key: KeyHolder, writer: Writer, applied: Applied) -> DoorIntake:
        """What polls that node's topic."""
        return DoorIntake(instance, self._client(key), writer, applied)

    async def run(self) -> None:
        """Keep knocking where the door is closed; close the connections at the end."""
        try:
            await asyncio.gather(*(publisher.run() for publisher in self._publishers.values()))
        finally:
            for client in self._clients:
                await client.close()

    def _client(self, key: KeyHolder) -> DoorClient:
        client = DoorClient(self._url, key, self._clock)
        self._clients.append(client)
        return client


def _chunks(records: Sequence[Sendable]) -> Iterator[tuple[str, list[Sendable]]]:
    """Records in their order, those of one topic together as far as they follow each other and one body holds them."""
    chunk: list[Sendable] = []
    size = 0
    for record in records:
        weight = len(record.value) + sum(len(raw or b"") for _, raw in record.headers)
        if chunk and (record.topic != chunk[0].topic or len(chunk) >= CHUNK_RECORDS or size + weight > CHUNK_BYTES):
            yield chunk[0].topic, chunk
            chunk, size = [], 0
        chunk.append(record)
        size += weight
    if chunk:
        yield chunk[0].topic, chunk


def _taken(said: Mapping[str, Any], count: int) -> list[tuple[int, Place]]:
    """What the door has of a batch that it took in part (207), by number; nothing where that cannot be read: it is sent again."""
    try:
        taken = [(int(one["record"]), _place(one)) for one in said.get("accepted", ())]
    except (ValueError, KeyError, TypeError, OverflowError):
        return []
    return taken if all(0 <= number < count for number, _ in taken) else []


def _place(said: Mapping[str, Any]) -> Place:
    return Place(str(said["topic"]), int(said["partition"]), int(said["offset"]))


def _places(body: bytes, count: int) -> list[Place]:
    try:
        places = [_place(one) for one in json.loads(body)["accepted"]]
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise DoorClosed("answer_malformed") from error
    if len(places) != count:
        raise DoorClosed("answer_malformed")
    return places
