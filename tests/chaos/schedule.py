"""What is to happen in a run, and when: a pure function of the seed and the options."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from tests.chaos.people import Arrival, People, Wish, visits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.chaos.people import Abilities, Deed, Visit

RECOVERY: Final = 10.0
"""Seconds between two outages that stop everybody's work: together they might outlast a platform's own retries."""
VISITS: Final = 0.1
"""What is said from a server of others, as a share of the ministries' rate."""
EVERY: Final = 4.0
"""Seconds between two faults, on the average."""


class Fault(StrEnum):
    """What goes wrong."""

    INBOUND_KILLED = "inbound_killed"
    FANOUT_KILLED = "fanout_killed"
    RECEIPTS_KILLED = "receipts_killed"
    RELAY_KILLED = "relay_killed"
    DOOR_KILLED = "door_killed"
    SITE_KILLED = "site_killed"
    PEERS_KILLED = "peers_killed"
    PEER_DOOR_KILLED = "peer_door_killed"
    COURIER_KILLED = "courier_killed"
    CONNECTOR_KILLED = "connector_killed"
    SUPERVISOR_KILLED = "supervisor_killed"
    KAFKA_KILLED = "kafka_killed"
    KAFKA_RESTARTED = "kafka_restarted"
    POSTGRES_KILLED = "postgres_killed"
    POSTGRES_RESTARTED = "postgres_restarted"
    SPOOL_FULL = "spool_full"
    LEDGER_FULL = "ledger_full"
    GATEWAY_AWAY = "gateway_away"
    RSE_KILLED = "rse_killed"
    RSE_STOPPED = "rse_stopped"
    RSE_5XX = "rse_5xx"
    RSE_429 = "rse_429"
    RSE_SLOW = "rse_slow"
    RSE_ANSWER_LOST = "rse_answer_lost"
    CLOCK_AHEAD = "clock_ahead"
    CLOCK_BEHIND = "clock_behind"
    WEBHOOK_TWICE = "webhook_twice"
    WEBHOOK_LATE = "webhook_late"
    PEER_AWAY = "peer_away"
    PEER_5XX = "peer_5xx"
    PEER_ANSWER_LOST = "peer_answer_lost"


OUTAGES: Final = frozenset(
    {
        Fault.SUPERVISOR_KILLED,
        Fault.KAFKA_KILLED,
        Fault.KAFKA_RESTARTED,
        Fault.POSTGRES_KILLED,
        Fault.POSTGRES_RESTARTED,
        Fault.SPOOL_FULL,
        Fault.LEDGER_FULL,
        Fault.GATEWAY_AWAY,
    }
)
"""Faults that close a gateway: never two of them together."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A fault: `place` chooses among RSEs or connectors, modulo how many there are; `lasts` seconds; `size` is how much of it."""

    at: float
    fault: Fault
    place: int
    lasts: float
    size: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What the faults of a run may be: how long outages last, how slow an RSE becomes, how many answers fail, which faults there are."""

    outage: float = 6.0
    slow: float = 21.0
    gateway_away: float = 6.0
    most: int = 5
    faults: tuple[Fault, ...] = tuple(Fault)


USUAL: Final = Limits()


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is to happen, each list in the order of time."""

    deeds: tuple[Deed, ...]
    troubles: tuple[Trouble, ...]
    arrival: Arrival | None = None
    visits: tuple[Visit, ...] = ()
    """What is said in the first community from a server of others."""


def plan(
    seed: int,
    seconds: float,
    *,
    abilities: Sequence[Abilities],
    rate: float,
    communities: int = 1,
    every: float = EVERY,
    limits: Limits = USUAL,
    arrives: bool = False,
) -> Plan:
    """The deeds and faults of a run; `abilities` tells of each RSE what its people can do.

    `arrives`: the last community begins with the past of the first RSE's space, which is tied after a third of the run.
    """
    arrival = Arrival(communities - 1, 0, seconds / 3) if arrives else None
    people = People(random.Random(f"{seed}/deeds"), abilities, communities, arrival)
    troubles = _troubles(random.Random(f"{seed}/faults"), seconds, every, limits)
    moments = [(number / rate, None) for number in range(int(seconds * rate))]
    bursts = [(moment, trouble.place) for trouble in troubles if trouble.fault is Fault.SPOOL_FULL for moment in _burst(trouble)]
    deeds = [
        people.deed(at) if place is None else people.written(at, place % len(abilities), 0, 0, Wish.POST)
        for at, place in sorted([*moments, *bursts], key=lambda moment: moment[0])
    ]
    return Plan(tuple(deeds), tuple(troubles), arrival, tuple(visits(random.Random(f"{seed}/abroad"), seconds, VISITS * rate)))


def _burst(trouble: Trouble) -> list[float]:
    """When one RSE's people write more than its connector's spool holds."""
    return [trouble.at + trouble.lasts * (number + 1) / (trouble.size + 2) for number in range(int(trouble.size))]


def _troubles(chance: random.Random, seconds: float, every: float, limits: Limits) -> list[Trouble]:
    """Each fault once in random order, then any; none begins so late that it would not end with the run."""
    round_ = list(limits.faults)
    chance.shuffle(round_)
    found: list[Trouble] = []
    at, free_at = every, 0.0
    while at < seconds:
        fault = _next(chance, round_, limits, outage_may_be=at >= free_at)
        trouble = _trouble(chance, at, fault, limits) if fault is not None else None
        if trouble is not None and trouble.at + trouble.lasts <= seconds:
            found.append(trouble)
            free_at = max(free_at, trouble.at + trouble.lasts + RECOVERY) if trouble.fault in OUTAGES else free_at
        at += every * chance.uniform(0.5, 1.5)
    return found


def _next(chance: random.Random, round_: list[Fault], limits: Limits, *, outage_may_be: bool) -> Fault | None:
    """The first of the round that may be now; any that may be once the round is over."""
    fits = [fault for fault in round_ or limits.faults if outage_may_be or fault not in OUTAGES]
    if not round_:
        return chance.choice(fits) if fits else None
    if not fits:
        return None
    round_.remove(fits[0])
    return fits[0]


def _trouble(chance: random.Random, at: float, fault: Fault, limits: Limits) -> Trouble:
    place, share = chance.randrange(1 << 16), chance.random()
    lasts, size = 0.0, 1.0
    match fault:
        case Fault.KAFKA_KILLED | Fault.KAFKA_RESTARTED | Fault.POSTGRES_KILLED | Fault.POSTGRES_RESTARTED | Fault.SUPERVISOR_KILLED:
            lasts = limits.outage * share / 2
        case Fault.SPOOL_FULL:
            lasts, size = limits.outage, 32.0
        case Fault.LEDGER_FULL:
            lasts = limits.outage * (0.5 + share / 2)
        case Fault.GATEWAY_AWAY:
            lasts = limits.gateway_away
        case Fault.RSE_KILLED | Fault.RSE_STOPPED | Fault.PEER_AWAY | Fault.PEER_5XX:
            lasts = limits.outage * (0.5 + share)
        case Fault.RSE_5XX | Fault.RSE_429 | Fault.RSE_ANSWER_LOST:
            size = 1.0 + int(share * limits.most)
        case Fault.WEBHOOK_LATE | Fault.WEBHOOK_TWICE:
            lasts, size = 0.5 + share * 2, 1.0 + int(share * 3)
        case Fault.RSE_SLOW:
            size = limits.slow
        case Fault.CLOCK_AHEAD | Fault.CLOCK_BEHIND:
            lasts, size = limits.outage, 60.0 + share * 86_400
        case (
            Fault.INBOUND_KILLED
            | Fault.FANOUT_KILLED
            | Fault.RECEIPTS_KILLED
            | Fault.RELAY_KILLED
            | Fault.DOOR_KILLED
            | Fault.SITE_KILLED
            | Fault.PEERS_KILLED
            | Fault.PEER_DOOR_KILLED
            | Fault.COURIER_KILLED
            | Fault.PEER_ANSWER_LOST
            | Fault.CONNECTOR_KILLED
        ):
            pass
    return Trouble(at, fault, place, lasts, size)
