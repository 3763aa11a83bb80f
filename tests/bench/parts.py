"""The bare parts, each in a process of its own on the measured core; the last line says what was measured."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import asyncpg
import uvloop
from sqlalchemy import event

from hub.batches.sifting import key_of_space, sift
from hub.federation.outgoing import CONTENT_TYPE
from hub.storage.engine import engine_for, migrate
from schemas import jcs
from schemas.http_signature import signed_fields
from schemas.keys import SigningKey
from schemas.proof import decode
from schemas.rsa_keys import RsaSigningKey
from schemas.wire import kafka, records
from schemas.wire.kafka import KafkaSettings
from tests.bench import translating
from tests.bench.addresses import host
from tests.bench.worker import WORDS, messages, open_for
from tests.hub_world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

    from hub.ports import Record
    from schemas.manifest import Registry

    Send = Callable[[Sequence[tuple[str, Record]]], Awaitable[None]]

BATCH = 500
PRODUCED = 10_000
HANDLED = 5_000
FORGET = "TRUNCATE hub.events, hub.messages, hub.outbox, hub.stream_offsets, hub.held CASCADE"


async def produce(topic: str) -> dict[str, Any]:
    """Idempotent produce of such records as the gateway makes, signed beforehand."""
    made = messages(_unfounded(), 0, PRODUCED)
    async with _producing() as send:
        seconds = await _timed(send, [[(topic, record) for record in batch] for batch in _batches(made)])
    return {"rate": len(made) / seconds, "records": len(made), "record_bytes": _size(made[0])}


async def spread(facts: str, *topics: str) -> dict[str, Any]:
    """The same records to each of several topics."""
    made = messages(_unfounded(), 0, int(facts))
    async with _producing() as send:
        seconds = await _timed(send, [[(topic, record) for record in batch for topic in topics] for batch in _batches(made)])
    return {"rate": len(made) * len(topics) / seconds, "records": len(made), "record_bytes": _size(made[0])}


async def posts(url: str, at_once: str, writes: str) -> dict[str, Any]:
    """As many writes by a bare client with its connections kept, so many under way at once."""
    left = iter(range(int(writes)))
    body = {"raw": WORDS * 4, "title": "Contribution à la rencontre", "category": 200}

    async def keep_writing(session: aiohttp.ClientSession) -> None:
        for _ in left:
            async with session.post(f"{url}/posts.json", json=body) as answer:
                await answer.json()

    async with aiohttp.ClientSession() as session:
        began = time.perf_counter()
        await asyncio.gather(*(keep_writing(session) for _ in range(int(at_once))))
    return {"rate": int(writes) / (time.perf_counter() - began)}


def sign(url: str, count: str) -> dict[str, Any]:
    """Ed25519 alone, and all the fields of a signed POST of 1 KB."""
    key, body = SigningKey.generate("https://hub.example/groups/a"), b"x" * 1024
    began = time.perf_counter()
    for _ in range(int(count)):
        key.sign(body[:400])
    middle = time.perf_counter()
    for _ in range(int(count)):
        signed_fields(key, "POST", url, datetime.now(UTC), CONTENT_TYPE, body)
    return {"sign": int(count) / (middle - began), "fields": int(count) / (time.perf_counter() - middle)}


def verify(count: str) -> dict[str, Any]:
    """Ed25519 and RSA alone, over the bytes that a request's signature covers."""
    message, found = b"x" * 300, dict[str, float]()
    keys: dict[str, SigningKey | RsaSigningKey] = {"ed25519": SigningKey.generate("a"), "rsa": RsaSigningKey.generate("a")}
    for name, key in keys.items():
        signature = key.sign(message)
        began = time.perf_counter()
        for _ in range(int(count)):
            key.public.verifies(signature, message)
        found[name] = int(count) / (time.perf_counter() - began)
    return found


async def bring(port: str, peers: str, count: str) -> dict[str, Any]:
    """As many POSTs of 1 KB as the courier makes, by a bare client that signs nothing: one at a time to each peer, all peers at once."""
    left = iter(range(int(count)))
    headers = {"Content-Type": CONTENT_TYPE, "Signature-Input": "x" * 250, "Signature": "x" * 100, "Content-Digest": "x" * 60}
    body = b"x" * 1024

    async def keep_posting(session: aiohttp.ClientSession, url: str) -> None:
        for _ in left:
            async with session.post(url, data=body, headers=headers) as answer:
                await answer.read()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        began, spent = time.perf_counter(), time.process_time()
        await asyncio.gather(*(keep_posting(session, f"http://{host(number)}:{port}/inbox") for number in range(int(peers))))
        return {"rate": int(count) / (time.perf_counter() - began), "cpu": int(count) / (time.process_time() - spent)}


async def inbound() -> dict[str, Any]:
    """What the worker's handler is made of: proofs, SQL, and all of it without Faust."""
    world = await _world()
    await open_for(world)
    registry = await world.reader()
    made = messages(world, 0, HANDLED)
    found = {"verify": _bare_proofs(made, registry), "verify_event": _whole_proofs(made, registry), "record_bytes": _size(made[0])}
    tape = Tape()
    tape.listen(world.engine)
    found["handled"] = HANDLED / await _handled(world, made)
    tape.listening = False
    found["statements_per_batch"] = len(tape.transactions[-1])
    await _forget(world, int((await world.rows("SELECT max(sequence) AS n FROM hub.events"))[0]["n"]) - HANDLED)
    found["sql"] = HANDLED / await _replayed(world.engine, tape)
    await world.close()
    return found


@dataclass
class Tape:
    """The statements of each transaction with their values, as the driver got them."""

    transactions: list[list[tuple[str, Any]]] = field(default_factory=list)
    listening: bool = True
    _open: list[tuple[str, Any]] = field(default_factory=list)

    def listen(self, engine: AsyncEngine) -> None:
        """Note what passes to the database from now on."""

        def note(_c: object, _u: object, statement: str, values: Any, _x: object, _many: object) -> None:
            self._open.append((statement, values))

        def end(_: object) -> None:
            if self.listening and self._open:
                self.transactions.append(self._open)
            self._open = []

        event.listen(engine.sync_engine, "before_cursor_execute", note)
        event.listen(engine.sync_engine, "commit", end)
        event.listen(engine.sync_engine, "rollback", end)


async def _handled(world: World, made: list[Record]) -> float:
    batches = _batches(made)
    began = time.perf_counter()
    for batch in batches:
        await world.hear(*batch)
    return time.perf_counter() - began


async def _forget(world: World, sequence: int) -> None:
    """Bring the database back to before the batches: the replay inserts the same rows."""
    async with world.engine.begin() as connection:
        await connection.exec_driver_sql(FORGET)
        await connection.exec_driver_sql("UPDATE hub.communities SET sequence = $1", (sequence,))


async def _replayed(engine: AsyncEngine, tape: Tape) -> float:
    began = time.perf_counter()
    for transaction in tape.transactions:
        async with engine.connect() as connection:
            for statement, values in transaction:
                await connection.exec_driver_sql(statement, values)
            await connection.commit()
    return time.perf_counter() - began


def _bare_proofs(made: list[Record], registry: Registry) -> float:
    """Ed25519 alone, over bytes that are ready."""
    ready = []
    for record in made:
        attributes = dict(records.unverified_event(records.texts(record.headers), record.value).attributes)
        signature = decode(attributes.pop("proof"))
        key = registry.key_at(attributes["source"], attributes["keyid"], record.timestamp)
        assert not isinstance(key, str)
        ready.append((key, signature, jcs.canonical_strings(attributes)))
    began = time.perf_counter()
    well = sum(key.verifies(signature, message) for key, signature, message in ready)
    seconds = time.perf_counter() - began
    assert well == len(made)
    return len(made) / seconds


def _whole_proofs(made: list[Record], registry: Registry) -> float:
    began = time.perf_counter()
    admitted, refused = sift(made, registry, key_of_space)
    seconds = time.perf_counter() - began
    assert (len(admitted), refused) == (len(made), [])
    return len(made) / seconds


@asynccontextmanager
async def _producing() -> AsyncIterator[Send]:
    producer = kafka.producer(KafkaSettings())
    await producer.start()

    async def send(batch: Sequence[tuple[str, Record]]) -> None:
        await asyncio.gather(
            *[await producer.send(topic, record.value, record.key, headers=list(record.headers)) for topic, record in batch]
        )

    try:
        yield send
    finally:
        await producer.stop()


async def _timed(send: Send, batches: Sequence[Sequence[tuple[str, Record]]]) -> float:
    """The first batch, which also learns where the partitions are, comes before the time."""
    await send(batches[0])
    began = time.perf_counter()
    for batch in batches:
        await send(batch)
    return time.perf_counter() - began


async def _world() -> World:
    """A world on a database of its own beside the section's."""
    url, name = os.environ["TRAITDUNION_DATABASE_URL"], f"bench_parts_{secrets.token_hex(3)}"
    connection = await asyncpg.connect(url)
    await connection.execute(f'CREATE DATABASE "{name}"')
    await connection.close()
    made = urlsplit(url)._replace(path=f"/{name}").geturl()
    await migrate(made)
    return await World.make(made)


def _at_once(part: Callable[..., dict[str, Any]]) -> Callable[..., Awaitable[dict[str, Any]]]:
    """A part that waits for nothing."""

    async def measured(*words: str) -> dict[str, Any]:
        return part(*words)

    return measured


def _unfounded() -> World:
    """A world that only signs: it never asks its database."""
    return World(engine_for("postgresql://127.0.0.1/nowhere"))


def _batches(made: list[Record]) -> list[list[Record]]:
    return [made[first : first + BATCH] for first in range(0, len(made), BATCH)]


def _size(record: Record) -> int:
    headers = sum(len(name) + len(raw) for name, raw in record.headers)
    return len(record.value or b"") + len(record.key or b"") + headers


def main(part: str, *words: str) -> None:
    """Measure one part."""
    if part == "faust":
        from tests.bench import bare_faust  # noqa: PLC0415 - heavy, and only this part needs it

        bare_faust.main(*words)
        return
    parts: dict[str, Callable[..., Any]] = {
        "produce": produce,
        "spread": spread,
        "inbound": inbound,
        "posts": posts,
        "bring": bring,
        "sign": _at_once(sign),
        "verify": _at_once(verify),
        "translate": translating.measured,
    }
    print(json.dumps(uvloop.run(parts[part](*words))))  # noqa: T201 - read by the bench


if __name__ == "__main__":
    main(*sys.argv[1:])
