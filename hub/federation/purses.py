"""Who pays for a question to another server: strangers each from their own, keys that are known from theirs, proved senders from theirs."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from hub.ports import Clock
    from schemas.wire.fetched import Budget

ENTRIES: Final = 10_000
RATE: Final = 1.0
BURST: Final = 60.0
"""Fetches from one server: so many at once, then one a second; a server may have us ask as much as its activities are worth."""
CALLERS: Final = 5
"""So much more for all together who name a key that nobody has proved yet: a server is asked no more than that on behalf of strangers."""
NEIGHBOURS: Final = {4: 24, 6: 64}
"""How much of an address is one caller: what one subscriber is given, or a small network."""


class Pace:
    """How often each is asked."""

    def __init__(self, clock: Clock, rate: float = RATE, burst: float = BURST) -> None:
        self._clock, self._rate, self._burst = clock, rate, burst
        self._left: OrderedDict[str, tuple[float, datetime]] = OrderedDict()

    def take(self, server: str) -> bool:
        """Count one question; False where there were too many."""
        now = self._clock()
        left, since = self._left.pop(server, (self._burst, now))
        left = min(self._burst, left + (now - since).total_seconds() * self._rate)
        self._left[server] = (left - 1 if left >= 1 else left, now)
        if len(self._left) > ENTRIES:
            self._left.popitem(last=False)
        return left >= 1


@dataclass(frozen=True, slots=True)
class Purse:
    """What one question may cost: of the activity's own budget, and of what its asker may have asked of that server."""

    budget: Budget
    take: Callable[[str], bool]


class Purses:
    """Three that do not empty one another: an unproved key id costs nothing but what is its callers'."""

    def __init__(self, clock: Clock) -> None:
        self._proved, self._known = Pace(clock), Pace(clock)
        self._callers, self._together = Pace(clock), Pace(clock, RATE * CALLERS, BURST * CALLERS)

    def of_the_proved(self, budget: Budget) -> Purse:
        """For whoever has proved who sends."""
        return Purse(budget, self._proved.take)

    def of_the_known(self, budget: Budget) -> Purse:
        """For a key that was believed before: whether it is still the same."""
        return Purse(budget, self._known.take)

    def of_caller(self, caller: str, budget: Budget) -> Purse:
        """For a key id that somebody names."""
        return Purse(budget, lambda server: self._callers.take(f"{server} {caller}") and self._together.take(server))


def caller(address: str | None, forwarded: Sequence[str]) -> str:
    """The network from which a request comes, by the last address that a proxy of ours, in a network of ours, says; empty for an unknown one.

    `X-Forwarded-For` of somebody on the Internet is her own word.
    """
    network = _network(address)
    if forwarded and (network == "" or not ip_network(network).is_global):
        return _network(forwarded[-1].rpartition(",")[2].strip()) or network
    return network


@lru_cache(maxsize=1024)  # of those who call just now: reading an address costs a fifth of proving who sends
def _network(address: str | None) -> str:
    try:
        ip = ip_address((address or "").partition("%")[0])
        ip = (ip.ipv4_mapped if ip.version == 6 else None) or ip  # noqa: PLR2004 - IPv6, of which every IPv4 would be one network
    except ValueError:
        return ""
    return str(ip_network((ip, NEIGHBOURS[ip.version]), strict=False))
