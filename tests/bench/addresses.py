"""Peers of a bench: one sink, reached under as many loopback addresses as there are peers."""

from __future__ import annotations


def host(number: int) -> str:
    """A peer's own address."""
    return f"127.{1 + number // 250}.0.{1 + number % 250}"
