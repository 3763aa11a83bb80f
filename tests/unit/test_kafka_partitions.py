"""Where a record goes is where the client would have put it: a community's order hangs by that."""

from __future__ import annotations

from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from schemas.wire.kafka import partition_of


@given(st.binary(max_size=80), st.integers(1, 64))
def test_a_key_goes_where_the_client_itself_would_put_it_however_often_it_comes(key: bytes, count: int) -> None:
    partitions = list(range(count))
    usual = DefaultPartitioner()(key, partitions, partitions)
    assert [partition_of(key, partitions, partitions) for _ in range(2)] == [usual, usual]


def test_a_record_without_a_key_goes_where_somebody_is() -> None:
    assert partition_of(None, [0, 1, 2], [1]) == 1
