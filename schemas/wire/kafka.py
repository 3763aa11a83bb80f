"""Kafka settings and clients, for hub and adapters alike."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import DefaultPartitioner, murmur2
from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from schemas.topics import RECORD_LIMIT
from schemas.wire.settings import FiledSettings

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from aiokafka.client import AIOKafkaClient

    from schemas.topics import Topic

REQUEST_TIMEOUT_MS = 10_000
LOOK_SECONDS = 3.0
GRACE_SECONDS = 1.0
BATCH_BYTES = 512 * 1024  # the client's own 16 KiB holds eight signed events, and waits for an answer after each such batch


class KafkaSettings(FiledSettings):
    """Where the broker is and how to speak to it; environment prefix `TRAITDUNION_KAFKA_`."""

    model_config = SettingsConfigDict(env_prefix="TRAITDUNION_KAFKA_", extra="ignore")

    bootstrap: str = "127.0.0.1:9092"
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    ssl_cafile: str | None = None
    ssl_certfile: str | None = None
    ssl_keyfile: str | None = None
    ssl_passphrase: SecretStr | None = None
    replication: int = 1
    min_in_sync: int = 1

    def options(self) -> dict[str, Any]:
        """Connection options that aiokafka takes."""
        options: dict[str, Any] = {"bootstrap_servers": self.bootstrap, "security_protocol": self.security_protocol}
        if self.security_protocol.endswith("SSL"):
            options["ssl_context"] = self.ssl_context()
        if self.security_protocol.startswith("SASL"):
            options |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.sasl_username,
                "sasl_plain_password": self.password(),
            }
        return options

    def password(self) -> str | None:
        """As its file says at this moment: a client that is made anew, as after the broker has put it out, takes the one in force."""
        return self.now("sasl_password") or (self.sasl_password.get_secret_value() if self.sasl_password else None)

    def ssl_context(self) -> ssl.SSLContext:
        """TLS with the given authority and, for mutual TLS, our own certificate."""
        context = ssl.create_default_context(cafile=self.ssl_cafile)
        if self.ssl_certfile:
            secret = self.ssl_passphrase
            context.load_cert_chain(self.ssl_certfile, self.ssl_keyfile, secret.get_secret_value() if secret else None)
        return context

    @property
    def key_file(self) -> Path | None:
        """Where the private key of our certificate lies, if we have one."""
        file = self.ssl_keyfile or self.ssl_certfile
        return Path(file) if file and self.ssl_certfile else None


class TopicNames(FiledSettings):
    """A deployment's prefix for topics, groups, Faust ids and transactional ids; `TRAITDUNION_TOPIC_PREFIX`."""

    model_config = SettingsConfigDict(env_prefix="TRAITDUNION_", extra="ignore")

    topic_prefix: str = ""

    def of(self, topic: Topic) -> str:
        """The topic's name on this broker."""
        return self.topic_prefix + topic.name

    def group(self, name: str) -> str:
        """A consumer group's name on this broker."""
        return self.topic_prefix + name


@lru_cache(maxsize=4096)
def _hashed(key: bytes) -> int:
    return int(murmur2(key)) & 0x7FFFFFFF


def partition_of(key: bytes | None, partitions: Sequence[int], available: Sequence[int]) -> int:
    """Where the client's own partitioner puts a record. Its hash is pure Python and keys come again: each is hashed once."""
    return int(DefaultPartitioner()(key, partitions, available)) if key is None else partitions[_hashed(key) % len(partitions)]


METADATA_MS: Final = 5_000
"""A broker that has just come back may not tell of a topic yet: who joined a group at that moment got nothing to read, and asked again after this."""


def producer(settings: KafkaSettings, *, linger_ms: int = 0) -> AIOKafkaProducer:
    """An idempotent producer: each record once and in order per partition, acknowledged by all replicas in sync."""
    return AIOKafkaProducer(
        **settings.options(),
        enable_idempotence=True,
        acks="all",
        linger_ms=linger_ms,
        partitioner=partition_of,
        max_request_size=RECORD_LIMIT,
        max_batch_size=BATCH_BYTES,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
    )


async def begin(client: AIOKafkaProducer | AIOKafkaConsumer, seconds: float = REQUEST_TIMEOUT_MS / 1000) -> None:
    """Connect a client; raises TimeoutError after `seconds`, besides what the client raises.

    aiokafka forgets the connection of a start that is cut short while the broker answers, so that nobody could close it: we let it end first.
    """
    starting = asyncio.ensure_future(client.start())
    try:
        async with asyncio.timeout(seconds):
            await asyncio.shield(starting)
    finally:
        if not starting.done():
            await asyncio.wait({starting}, timeout=GRACE_SECONDS)
            starting.cancel()
            await asyncio.wait({starting})
        if not starting.cancelled():
            starting.exception()


async def closed(closing: Coroutine[Any, Any, object], seconds: float) -> bool:
    """Let a client close, or something of it; False where that failed or was cut short.

    aiokafka waits for the same futures each time that it closes: one that was cut short before would otherwise cancel who waits for it now,
    and a task that is cancelled ends without a word.
    """
    task = asyncio.ensure_future(closing)
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        task.cancel()
    await asyncio.wait({task}, timeout=GRACE_SECONDS)
    if not task.done() or task.cancelled():
        return False
    error = task.exception()
    if error is not None and not isinstance(error, (KafkaError, OSError, TimeoutError)):
        raise error
    return error is None


async def hang_up(client: AIOKafkaClient) -> None:
    """Close all connections of a client that has stopped, or never will: those too that it is still opening, which its own `close` leaves behind."""
    client._get_conn = _no_connection  # noqa: SLF001 - aiokafka's tasks may outlive what they work for, and would connect again
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GRACE_SECONDS), client._get_conn_lock:  # noqa: SLF001 - held while one is being opened
            pass
    await closed(client.close(), GRACE_SECONDS)


async def _no_connection(*_: object, **__: object) -> None:
    """What a client is told that has hung up."""


async def has_topic(sender: AIOKafkaProducer, topic: str) -> bool:
    """Tell whether the broker has a topic; False also where no broker answers in a few seconds."""
    if topic in sender.client.cluster.topics():
        return True
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            return bool(await sender.partitions_for(topic))
    except (TimeoutError, KafkaError):
        return False


def consumer(settings: KafkaSettings, *topics: str, group: str | None, **options: Any) -> AIOKafkaConsumer:
    """A consumer that commits only when told, and never guesses where to start."""
    return AIOKafkaConsumer(
        *topics,
        **settings.options(),
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset=options.pop("auto_offset_reset", "none"),
        max_partition_fetch_bytes=RECORD_LIMIT,
        metadata_max_age_ms=METADATA_MS,
        fetch_max_wait_ms=options.pop("fetch_max_wait_ms", 100),
        **options,
    )
