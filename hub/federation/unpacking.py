"""A record of `peers.outbound.v1` as what it stands for: its own activity, or an earlier one that a peer is brought again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from aiokafka.errors import OffsetOutOfRangeError

from hub.federation.parcel import Again, Parcel, ParcelMalformed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiokafka.structs import ConsumerRecord


class Forgotten(ParcelMalformed):
    """What a record points to is no longer kept."""


class Earlier(Protocol):
    """What was told, from any place in it."""

    async def read(self, offset: int, limit: int) -> Sequence[ConsumerRecord]:
        """Records from an offset on, none where the broker had none to give in time; raises OffsetOutOfRangeError."""
        ...


async def parcel_of(record: ConsumerRecord, past: Earlier) -> Parcel:
    """The parcel that a record holds or points to; raises ParcelMalformed, Forgotten where what it points to is no longer kept."""
    only = ""
    while (again := Again.of(record.headers, record.offset)) is not None:
        only = only or again.peer
        record = await record_at(again.offset, past)
    return replace(Parcel.of(record.key, record.value, record.headers), only=only)


async def record_at(offset: int, past: Earlier) -> ConsumerRecord:
    """What stands before a record that was read stands there, or is forgotten: a broker that gives nothing is slow, and is asked again."""
    try:
        while not (found := await past.read(offset, 1)):
            continue
    except OffsetOutOfRangeError as error:
        raise Forgotten(str(offset)) from error
    if found[0].offset != offset:
        raise Forgotten(str(offset))
    return found[0]
