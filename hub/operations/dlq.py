"""Dead letters: listed, counted, and shown one by one with what they say of themselves."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from kafka import TopicPartition
from nacl.exceptions import CryptoError
from nacl.public import SealedBox

from hub.operations import operators_key
from hub.operations.broker import administrator, reader
from schemas.topics import ADAPTERS_DLQ
from schemas.wire import records

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from kafka import KafkaConsumer

    from schemas.wire.kafka import KafkaSettings, TopicNames

SUFFIX: Final = ".dlq.v1"
POLL_MS: Final = 500
SILENT_POLLS: Final = 20
"""After so many empty answers in a row the broker is taken to have nothing more for us: ten seconds."""
HEAPS_LIMIT: Final = 20_000


class LetterNotFound(LookupError):
    """No record stands at this place: it has expired, or never was."""


class SealNotOpened(ValueError):
    """This private key does not open the body, or there is none."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter; its value is the bytes that somebody sent, which nobody has believed."""

    topic: str
    partition: int
    offset: int
    at: datetime
    key: bytes | None
    unverified_value: bytes | None
    headers: tuple[tuple[str, bytes], ...]

    @property
    def place(self) -> str:
        """`topic/partition/offset`, as `dlq show` takes it."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    def said(self, name: str) -> str:
        """The last header of this name as text, quoted where it holds what could move a terminal's cursor."""
        raw = next((raw for known, raw in reversed(self.headers) if known == name), b"")
        return printable((raw or b"").decode(errors="replace"))

    @property
    def reason(self) -> str:
        """Why it was refused."""
        return self.said("dlq_reason")

    @property
    def node(self) -> str:
        """The node that it names: a claim, unless the reason says that the node was proved."""
        return self.said("node") or self.said("ce_source") or printable((self.key or b"").decode(errors="replace").partition("/")[0])

    def summary(self) -> dict[str, Any]:
        """What a list shows of it: no content."""
        return {
            "place": self.place, "at": self.at.isoformat(), "reason": self.reason, "node": self.node,
            "error": self.said("dlq_error"), "source": self.said("dlq_topic"), "attempts": self.said("dlq_attempts"),
            "correlation": self.said(records.CORRELATION), "bytes": len(self.unverified_value or b""),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Heap:
    """How many dead letters of one topic have one reason."""

    topic: str
    reason: str
    letters: int
    newest: datetime


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which dead letters a list shows."""

    reason: str | None = None
    node: str | None = None
    since: datetime | None = None

    def fits(self, letter: Letter) -> bool:
        """Tell whether a letter is one of them."""
        return (
            (self.reason is None or letter.reason == self.reason)
            and (self.node is None or letter.node == self.node)
            and (self.since is None or letter.at >= self.since)
        )


def printable(unverified: str) -> str:
    """Text of a stranger's for a terminal: control characters are written out, so that it cannot draw on the screen."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in unverified)


def topics(settings: KafkaSettings, names: TopicNames) -> list[str]:
    """This deployment's dead-letter topics."""
    with administrator(settings) as admin:
        return sorted(name for name in admin.list_topics() if _is_dead_letters(name, names))


def newest(settings: KafkaSettings, names: TopicNames, wanted: Wanted, limit: int) -> list[Letter]:
    """The newest dead letters that fit, newest first; raises BrokerUnreachable."""
    with reader(settings) as client:
        found = [letter for topic in topics(settings, names) for letter in read(client, topic) if wanted.fits(letter)]
    return sorted(found, key=lambda letter: letter.at, reverse=True)[:limit]


def heaps(settings: KafkaSettings, names: TopicNames) -> list[Heap]:
    """Dead letters counted by topic and reason, over the newest of each partition; raises BrokerUnreachable."""
    counts: Counter[tuple[str, str]] = Counter()
    last: dict[tuple[str, str], datetime] = {}
    with reader(settings) as client:
        for topic in topics(settings, names):
            for letter in read(client, topic, newest_only=HEAPS_LIMIT):
                counts[letter.topic, letter.reason] += 1
                last[letter.topic, letter.reason] = max(letter.at, last.get((letter.topic, letter.reason), letter.at))
    return [Heap(topic, reason, counts[topic, reason], last[topic, reason]) for topic, reason in sorted(counts)]


def at(settings: KafkaSettings, topic: str, partition: int, offset: int) -> Letter:
    """One dead letter; raises LetterNotFound or BrokerUnreachable."""
    place = TopicPartition(topic, partition)
    with reader(settings) as client:
        if partition not in (client.partitions_for_topic(topic) or ()):
            raise LetterNotFound(topic)
        if not client.beginning_offsets([place])[place] <= offset < client.end_offsets([place])[place]:
            raise LetterNotFound(f"{topic}/{partition}/{offset}")
        return next(_read_places(client, {place: (offset, offset + 1)}))


def read(client: KafkaConsumer, topic: str, start: Mapping[int, int] | None = None, newest_only: int | None = None) -> Iterator[Letter]:
    """What a topic holds now, in order within each partition, from given offsets or from its start."""
    places = [TopicPartition(topic, partition) for partition in sorted(client.partitions_for_topic(topic) or ())]
    starts, ends = client.beginning_offsets(places), client.end_offsets(places)
    spans = {}
    for place in places:
        first = max(starts[place], (start or {}).get(place.partition, 0), ends[place] - newest_only if newest_only else 0)
        if first < ends[place]:
            spans[place] = (first, ends[place])
    return _read_places(client, spans)


def opened(letter: Letter, private_key: Path, passphrase: bytes | None = None) -> bytes:
    """The body of a sealed letter; raises SealNotOpened. The key file is one that `operators_key` writes."""
    try:
        return SealedBox(operators_key.read(private_key, passphrase)).decrypt(letter.unverified_value or b"")
    except (CryptoError, ValueError, TypeError, OSError) as error:
        raise SealNotOpened(str(private_key)) from error


def is_sealed(letter: Letter) -> bool:
    """Tell whether a letter's value is sealed to the operators."""
    return letter.topic.endswith(ADAPTERS_DLQ.name)


def _is_dead_letters(name: str, names: TopicNames) -> bool:
    return name.startswith(names.topic_prefix) and (name.endswith(SUFFIX) or name == names.of(ADAPTERS_DLQ))


def _read_places(client: KafkaConsumer, spans: Mapping[TopicPartition, tuple[int, int]]) -> Iterator[Letter]:
    """Read up to the ends as they were; positions count, not records, since a compacted or aborted place holds none."""
    if not spans:
        return
    client.assign(list(spans))
    for place, (first, _) in spans.items():
        client.seek(place, first)
    silent = 0
    while silent < SILENT_POLLS and any(client.position(place) < end for place, (_, end) in spans.items()):
        polled = client.poll(timeout_ms=POLL_MS)
        silent = 0 if polled else silent + 1
        for place, batch in polled.items():
            yield from (_letter(record) for record in batch if record.offset < spans[place][1])


def _letter(record: Any) -> Letter:
    at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
    headers: Sequence[tuple[str, bytes]] = record.headers or ()
    return Letter(record.topic, record.partition, record.offset, at, record.key, record.value, tuple(headers))
