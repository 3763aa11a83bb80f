"""Operators' connections to the broker: kafka-python, synchronous, opened for one task and closed after it."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, errors

from schemas.topics import RECORD_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.wire.kafka import KafkaSettings

BOOTSTRAP_MS: Final = 5_000
KNOCK_SECONDS: Final = 2.0
GONE: Final = (errors.KafkaConnectionError, errors.KafkaTimeoutError, errors.NodeNotReadyError)


class BrokerUnreachable(ConnectionError):
    """No broker answers at this address, or it stopped answering."""


class BrokerRefused(RuntimeError):
    """A broker answered, and would not; the sentence is its error's name."""


@contextmanager
def administrator(settings: KafkaSettings) -> Iterator[KafkaAdminClient]:
    """A client for topics, groups, offsets and ACLs; raises BrokerUnreachable or BrokerRefused."""
    with _answered(settings):
        client = KafkaAdminClient(**settings.options(), bootstrap_timeout_ms=BOOTSTRAP_MS)
        try:
            yield client
        finally:
            client.close()


@contextmanager
def reader(settings: KafkaSettings) -> Iterator[KafkaConsumer]:
    """A consumer without a group: it moves no offset of anybody; raises BrokerUnreachable or BrokerRefused."""
    with _answered(settings):
        client = KafkaConsumer(
            **settings.options(),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=RECORD_LIMIT,
            fetch_max_wait_ms=100,
            bootstrap_timeout_ms=BOOTSTRAP_MS,
        )
        try:
            yield client
        finally:
            client.close()


@contextmanager
def writer(settings: KafkaSettings) -> Iterator[KafkaProducer]:
    """An idempotent producer; raises BrokerUnreachable or BrokerRefused."""
    options: dict[str, Any] = {"acks": "all", "enable_idempotence": True, "max_request_size": RECORD_LIMIT}
    with _answered(settings):
        client = KafkaProducer(**settings.options(), **options, bootstrap_timeout_ms=BOOTSTRAP_MS)
        try:
            yield client
        finally:
            client.close()


@contextmanager
def _answered(settings: KafkaSettings) -> Iterator[None]:
    """Tell a broker that is not there from one that refuses: two errors for all that the client library raises."""
    if not any(_knock(address) for address in settings.bootstrap.split(",")):
        raise BrokerUnreachable(settings.bootstrap)
    try:
        yield
    except GONE as error:
        raise BrokerUnreachable(f"{settings.bootstrap} ({type(error).__name__})") from error
    except errors.KafkaError as error:
        raise BrokerRefused(type(error).__name__) from error


def _knock(address: str) -> bool:
    """Tell whether somebody listens there; the client library would try for seconds, and leave its sockets open."""
    host, _, port = address.strip().rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), KNOCK_SECONDS):
            return True
    except (OSError, ValueError):
        return False
