"""The HTTPS node door's words: its paths, its limits, and records as they cross it, byte for byte."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import quote, unquote

from schemas.envelope import CONTENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

EVENTS: Final = "/nodes/{node}/events"
RECEIPTS: Final = "/nodes/{node}/receipts"
DEAD_LETTERS: Final = "/nodes/{node}/dead-letters"
SEALED: Final = "/nodes/{node}/sealed"
OUTBOUND: Final = "/nodes/{node}/outbound"

BATCH: Final = "application/vnd.traitdunion.records+json"
"""Media type of several records in one body: JSON, in which every value is base64 and so stays the bytes that somebody signed."""
BODY_LIMIT: Final = 10 * 1024 * 1024
BATCH_RECORDS: Final = 500
WAIT_LIMIT: Final = 60
"""Seconds that a long poll may last."""

_BINDING: Final = "ce-"
_ATTRIBUTE: Final = "ce_"
_BESIDE: Final = ("salt", "correlation")
_KEPT: Final = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')
_CURSOR: Final = re.compile(r"(?P<partition>0|[1-9][0-9]{0,4}):(?P<offset>0|[1-9][0-9]{0,18})")


class BatchMalformed(ValueError):
    """A body of records that cannot be read; its text names the place, never what stands there."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a node's topic: the next record to read."""

    partition: int
    offset: int

    @classmethod
    def read(cls, text: str) -> Self:
        """Read `partition:offset`; raises ValueError."""
        found = _CURSOR.fullmatch(text)
        if found is None:
            raise ValueError("cursor")
        return cls(int(found["partition"]), int(found["offset"]))

    def __str__(self) -> str:
        """As it travels."""
        return f"{self.partition}:{self.offset}"


@dataclass(frozen=True, slots=True)
class Carried:
    """A record on its way through the door."""

    value: bytes | None = field(repr=False)
    headers: Sequence[tuple[str, bytes | None]] = field(repr=False)
    key: bytes | None = None
    partition: int = 0
    offset: int = 0
    timestamp_ms: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """What a node's topic held after a cursor; `next` is the cursor after the last record."""

    topic: str
    records: Sequence[Carried]
    next: Cursor


def written_batch(records: Iterable[Carried]) -> bytes:
    """Several records as one body of the media type BATCH."""
    return _dump({"records": [{"key": _text(one.key), "headers": _pairs(one.headers), "value": _base64(one.value)} for one in records]})


def read_batch(unverified: bytes) -> list[Carried]:
    """The records of such a body; raises BatchMalformed."""
    records = _member(_load(unverified), "records", list)
    if not 0 < len(records) <= BATCH_RECORDS:
        raise BatchMalformed(f"records: 1 à {BATCH_RECORDS}")
    return [_carried(record, f"records[{place}]") for place, record in enumerate(records)]


def written_page(page: Page) -> bytes:
    """A page as its body: the order of headers and every byte of a value are those of the broker."""
    records = [
        {
            "partition": one.partition,
            "offset": one.offset,
            "timestamp": one.timestamp_ms,
            "key": _text(one.key),
            "headers": _pairs(one.headers),
            "value": _base64(one.value),
        }
        for one in page.records
    ]
    return _dump({"topic": page.topic, "records": records, "next": str(page.next)})


def read_page(unverified: bytes) -> Page:
    """The page of such a body; raises BatchMalformed."""
    said = _load(unverified)
    try:
        following = Cursor.read(_member(said, "next", str))
    except ValueError as error:
        raise BatchMalformed("next") from error
    try:
        topic = _name(_member(said, "topic", str))
    except UnicodeError as error:
        raise BatchMalformed("topic") from error
    return Page(topic, [_carried(record, f"records[{place}]") for place, record in enumerate(_member(said, "records", list))], following)


def to_http(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, str]:
    """A record's headers as HTTP fields: CloudEvents HTTP binding, binary mode; values percent-encoded as it says (§ 3.1.3.2)."""
    fields = {}
    for name, raw in headers:
        if name.startswith(_ATTRIBUTE):
            fields[_BINDING + name.removeprefix(_ATTRIBUTE)] = quote((raw or b"").decode(), safe=_KEPT)
        elif name in _BESIDE:
            fields[name] = (raw or b"").decode()
    return fields


def from_http(fields: Iterable[tuple[str, str]]) -> list[tuple[str, bytes]]:
    """HTTP fields as a record's headers, in the order in which they came; whatever is not an event's own stays outside.

    Raises BatchMalformed where a value is not ASCII or a percent-encoding is no UTF-8. Doubled names stay doubled: they are refused further on.
    """
    headers: list[tuple[str, bytes]] = []
    beside: list[tuple[str, bytes]] = []
    for name, said in fields:
        if name.startswith(_BINDING):
            try:
                said.encode("ascii")
                headers.append((_ATTRIBUTE + name.removeprefix(_BINDING), unquote(said, errors="strict").encode()))
            except UnicodeError as error:
                raise BatchMalformed(name[:40]) from error
        elif name in _BESIDE:
            beside.append((name, said.encode()))
    return [*headers, ("content-type", CONTENT_TYPE.encode()), *beside]


def _carried(said: Any, place: str) -> Carried:
    if not isinstance(said, dict):
        raise BatchMalformed(place)
    try:
        headers = [(_name(name), _bytes(raw)) for name, raw in said["headers"]]
        key, value = _bytes(said.get("key")), said.get("value")
        numbers = [said.get(name, 0) for name in ("partition", "offset", "timestamp")]
        raw_value = None if value is None else base64.b64decode(value, validate=True)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BatchMalformed(place) from error
    if not all(type(number) is int for number in numbers):
        raise BatchMalformed(place)
    return Carried(raw_value, headers, key, *numbers)


def _name(said: Any) -> str:
    if not isinstance(said, str):
        raise TypeError
    said.encode()  # half a character, which JSON can write, is refused here
    return said


def _pairs(headers: Iterable[tuple[str, bytes | None]]) -> list[list[Any]]:
    return [[name, _text(raw)] for name, raw in headers]


def _text(raw: bytes | None) -> str | dict[str, str] | None:
    """Bytes as JSON: text where they are UTF-8, else named as base64, so that no byte is lost either way."""
    try:
        return None if raw is None else raw.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(raw or b"").decode()}


def _bytes(said: Any) -> bytes | None:
    match said:
        case None:
            return None
        case str():
            return said.encode()
        case {"base64": str(text)}:
            return base64.b64decode(text, validate=True)
        case _:
            raise TypeError


def _base64(raw: bytes | None) -> str | None:
    return None if raw is None else base64.b64encode(raw).decode()


def _dump(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _load(unverified: bytes) -> Any:
    try:
        return json.loads(unverified)
    except (ValueError, RecursionError) as error:
        raise BatchMalformed("json") from error


def _member(said: Any, name: str, kind: type[Any]) -> Any:
    found = said.get(name) if isinstance(said, dict) else None
    if not isinstance(found, kind):
        raise BatchMalformed(name)
    return found
