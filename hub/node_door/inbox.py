"""What nodes send: from a proved body to the records that Kafka keeps, keyed and headed as a connector's own producer does."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.access import Right, right_to_say
from hub.node_door.answers import Answer, TurnedAway, accepted, parted
from schemas import topics
from schemas.envelope import CONTENT_TYPE
from schemas.node_door import BATCH, BatchMalformed, Carried, from_http, read_batch
from schemas.wire.publisher import NotAcknowledged, TopicMissing
from schemas.wire.records import CORRELATION, HeadersMalformed, texts, travelling

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hub.node_door.requests import Signed
    from schemas.topics import Topic
    from schemas.wire.publisher import Place, Publisher
    from schemas.wire.records import Headers

HEADERS_LIMIT: Final = 64
OVERHEAD: Final = 16 * 1024
"""What Kafka's own framing of a record may add: one that the broker refused would make every sender wait for a new producer."""


@dataclass(frozen=True, slots=True)
class Outward:
    """A record that is ready for Kafka."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers


class Inbox:
    """Puts what nodes send on the topics that a connector with Kafka would write to; the workers judge the events, as always."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def events(self, signed: Signed, body: bytes, correlation: str) -> Answer:
        """Events, one in binary mode or several: `rse.inbound.v1`. Those that the node may not say are refused one by one."""
        carried = _event_records(signed, body, correlation)
        records = [_event(signed.node, one) for one in carried]
        refused = _refused(signed, records)
        if len(refused) == len(records):
            raise refused[0]
        places = await self._published(signed, [record for number, record in enumerate(records) if number not in refused])
        return parted(places, refused) if refused else accepted(places)

    async def receipts(self, signed: Signed, body: bytes, correlation: str) -> Answer:
        """Receipts: `rse.receipts.v1`."""
        return await self._keep(signed, _event_records(signed, body, correlation), _receipt)

    async def dead_letters(self, signed: Signed, body: bytes, _: str) -> Answer:
        """Records that the node's last door refused: its own topic's dead letters."""
        return await self._keep(signed, _batch(signed, body), _dead_letter)

    async def sealed(self, signed: Signed, body: bytes, _: str) -> Answer:
        """Bodies that its gateway could not read, sealed to the operators: `adapters.dlq.v1`."""
        return await self._keep(signed, _batch(signed, body), _sealed)

    async def _keep(self, signed: Signed, carried: Sequence[Carried], keyed: Callable[[str, Carried], Outward]) -> Answer:
        return accepted(await self._published(signed, [keyed(signed.node, one) for one in carried]))

    async def _published(self, signed: Signed, records: Sequence[Outward]) -> list[Place]:
        try:
            return await self._publisher.publish(records)
        except TopicMissing as error:
            own = {topic.name for topic in topics.of_node(signed.node)}
            raise TurnedAway("outbound_missing" if records[0].topic in own else "kafka_unavailable") from error
        except NotAcknowledged as error:
            raise TurnedAway("kafka_unavailable") from error


def _event_records(signed: Signed, body: bytes, correlation: str) -> list[Carried]:
    match signed.field("content-type"):
        case media if media == CONTENT_TYPE:
            return [_binary(signed, body, correlation)]
        case media if media == BATCH:
            return _batch(signed, body)
        case _:
            raise TurnedAway("content_type_unsupported", f"{CONTENT_TYPE} ou {BATCH}")


def _binary(signed: Signed, body: bytes, correlation: str) -> Carried:
    """CloudEvents HTTP binding, binary mode: the body is the event's value, byte for byte."""
    try:
        headers = from_http(signed.fields)
    except BatchMalformed as error:
        raise TurnedAway("headers_malformed", str(error)) from error
    if not any(name == CORRELATION for name, _ in headers):
        headers.append((CORRELATION, correlation.encode()))
    return Carried(body, headers)


def _batch(signed: Signed, body: bytes) -> list[Carried]:
    if signed.field("content-type") != BATCH:
        raise TurnedAway("content_type_unsupported", BATCH)
    try:
        return read_batch(body)
    except BatchMalformed as error:
        raise TurnedAway("records_malformed", str(error)) from error


def _refused(signed: Signed, records: Sequence[Outward]) -> dict[int, TurnedAway]:
    """What the node may not say now, by its number; who may speak may say all.

    Nothing overtakes what was refused of the same object: an edit that came after the deletion would bring the words back.
    """
    if _turned_away(signed, Right.SPEAK) is None:
        return {}
    refused: dict[int, TurnedAway] = {}
    silent: dict[bytes, TurnedAway] = {}
    for number, record in enumerate(records):
        said = dict(record.headers)
        subject = said.get("ce_subject", b"")
        if turned := _turned_away(signed, right_to_say(said.get("ce_type", b"").decode())):
            silent.setdefault(subject, turned)
        if subject in silent:
            refused[number] = silent[subject]
    return refused


def _turned_away(signed: Signed, right: Right) -> TurnedAway | None:
    try:
        signed.stands(right)
    except TurnedAway as turned:
        return turned
    return None


def _event(node: str, one: Carried) -> Outward:
    """An event of the node's own, under the key that its order hangs by: `node/space`."""
    headers = _own(node, one)
    return _sized(topics.RSE_INBOUND, f"{node}/{_space(one.value or b'')}".encode(), one, headers)


def _receipt(node: str, one: Carried) -> Outward:
    return _sized(topics.RSE_RECEIPTS, node.encode(), one, _own(node, one))


def _dead_letter(node: str, one: Carried) -> Outward:
    return _sized(topics.outbound(node).dead_letters, one.key or b"", one, _plain(one))


def _sealed(node: str, one: Carried) -> Outward:
    headers = _plain(one)
    if any(name == "node" and raw != node.encode() for name, raw in headers):  # each of them: another reader may take the first
        raise TurnedAway("source_of_another_node")
    return _sized(topics.ADAPTERS_DLQ, node.encode(), one, headers)


def _own(node: str, one: Carried) -> Headers:
    """An event's own headers; whatever else a sender adds (a `hub_*` of its own making) goes no further."""
    headers = _plain(one)
    try:
        said = texts(headers)
    except HeadersMalformed as error:
        raise TurnedAway("headers_malformed", str(error)[:40]) from error
    if "ce_source" not in said or "ce_id" not in said:
        raise TurnedAway("headers_malformed", "ce_source, ce_id")
    if said["ce_source"] != node:
        raise TurnedAway("source_of_another_node")
    return list(travelling(headers))


def _plain(one: Carried) -> Headers:
    if len(one.headers) > HEADERS_LIMIT:
        raise TurnedAway("headers_malformed", f"{HEADERS_LIMIT} au plus")
    return [(name, raw or b"") for name, raw in one.headers]


def _space(value: bytes) -> str:
    """The space that an event's value names; empty where it names none, for facts that a connector of tomorrow may know."""
    try:
        fact = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise TurnedAway("value_malformed") from error
    if not isinstance(fact, dict):
        raise TurnedAway("value_malformed")
    space = fact.get("space", "")
    if not isinstance(space, str):
        return ""
    if not _is_text(space):
        raise TurnedAway("value_malformed")
    return space


def _is_text(said: str) -> bool:
    """JSON can write half a character, a lone surrogate, which no bytes can be."""
    return not any("\ud800" <= character <= "\udfff" for character in said)


def _sized(topic: Topic, key: bytes, one: Carried, headers: Headers) -> Outward:
    record = Outward(topic.name, key, one.value or b"", headers)
    size = len(record.key) + len(record.value) + sum(len(name.encode()) + len(raw) for name, raw in headers)
    if size > topic.record_limit - OVERHEAD:
        raise TurnedAway("record_too_large", f"{topic.record_limit - OVERHEAD} octets au plus")
    return record
