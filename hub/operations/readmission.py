"""The hub's word on a parked record that is read again: when the broker first took it, by which its sender's key is judged."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from schemas import jcs
from schemas.proof import decode, encode

if TYPE_CHECKING:
    from hub.ports import Headers, Record
    from schemas.keys import SigningKey
    from schemas.manifest import Registry

HEADER: Final = "hub_readmitted"


def vouched(key: SigningKey, record_key: bytes | None, value: bytes | None, headers: Headers, admitted_at: datetime) -> Headers:
    """A record's headers with the hub's word beside them; `admitted_at` is the broker's time of the first."""
    kept = [(name, raw) for name, raw in headers if name != HEADER]
    said = {"admitted": str(_milliseconds(admitted_at)), "keyid": key.key_id, "record": _digest(record_key, value, kept)}
    proof = encode(key.sign(jcs.canonical_strings(said)))
    return (*kept, (HEADER, jcs.canonical_strings({**said, "proof": proof})))


def admitted_at(record: Record, registry: Registry) -> datetime:
    """When the broker first took a record: as the hub vouches, and else when it took this one.

    Anybody who may write to the topic may set such a header; only the hub's key, over these very bytes, makes one.
    """
    raw = next((raw for name, raw in record.headers if name == HEADER), None)
    try:
        said: Any = jcs.parse(raw or b"{}")
        admitted, key_id, signature = str(said["admitted"]), str(said["keyid"]), decode(str(said["proof"]))
        moment = datetime.fromtimestamp(int(admitted) / 1000, UTC)
    except (jcs.JsonRefused, KeyError, ValueError, TypeError, OverflowError, OSError):
        return record.timestamp
    signer = registry.key_at(registry.document.hub.id, key_id, record.timestamp)
    stands = {"admitted": admitted, "keyid": key_id, "record": _digest(record.key, record.value, record.headers)}
    if isinstance(signer, StrEnum) or not signer.verifies(signature, jcs.canonical_strings(stands)):
        return record.timestamp
    return min(moment, record.timestamp)


def _digest(key: bytes | None, value: bytes | None, headers: Headers | list[tuple[str, bytes]]) -> str:
    """Of all that a record holds but this word; each part after its length, so that none runs into the next."""
    parts = [key, value, *(part for name, raw in headers if name != HEADER for part in (name.encode(), raw))]
    found = hashlib.sha256()
    for part in parts:
        found.update((b"-" if part is None else str(len(part)).encode()) + b":" + (part or b""))
    return found.hexdigest()


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
