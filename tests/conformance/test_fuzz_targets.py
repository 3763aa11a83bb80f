"""The targets of `make fuzz` hold for their seeds, for the seeds with one byte changed, and for anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_each_target_takes_its_seeds(name: str) -> None:
    target, seeds = TARGETS[name]
    for seed in seeds:
        target(seed)


@pytest.mark.parametrize("name", TARGETS)
@given(raw=some.binary(max_size=40), place=some.integers(0), byte=some.integers(0, 255))
def test_no_bytes_make_a_target_raise(name: str, raw: bytes, place: int, byte: int) -> None:
    target, seeds = TARGETS[name]
    target(raw)
    for seed in seeds[:1]:
        spot = place % len(seed)
        target(seed[:spot] + bytes([byte]) + seed[spot + 1 :])
