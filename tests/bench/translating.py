"""Proved, understood, decided, signed: events of one platform in a process of its own, beside what the bare libraries take for them."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import TYPE_CHECKING, Any

from nacl.public import PrivateKey

from adapters.memory import Known, Memory
from adapters.sorting import Arrival, Seat, Sorter
from adapters.ties import Tie, Ties, TieState
from schemas import topics
from schemas.keys import SigningKey
from schemas.wire import collector
from schemas.wire.records import new_correlation
from schemas.words import Audience
from tests.bench.platforms import KINDS, body_of, cleaned, html_of
from tests.fakes_adapters import NoLedger
from tests.hub_world import COMMUNITY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from adapters.port import Outcome
    from tests.bench.platforms import Kind, Received

ROUNDS, EVENTS = 15, 1_000
"""Rounds of so many events: the whole and its bare parts take turns, so that a busy neighbour meets both, and the middle one counts."""
WHOLE = "whole"
BATCH = 200  # as many as admission takes at once
SECRET = bytes(32)


class Remembered(Memory):
    """The ledger's memory of persons once it is warm."""

    def secret(self, actor: str) -> bytes:
        """The same one for all."""
        del actor
        return SECRET


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of an act: by the clock, and of the processor alone."""

    seconds: float
    processor: float

    @classmethod
    def by(cls, act: Callable[[], object]) -> Spent:
        """What an act takes."""
        clock, processor = time.perf_counter(), time.process_time()
        act()
        return cls(time.perf_counter() - clock, time.process_time() - processor)


async def measured(platform: str) -> dict[str, Any]:
    """Events a second of one platform, by the clock and by the processor, and what its bare parts take together."""
    kind = KINDS[platform]
    sorter = await _sorter(kind)
    received = [kind.received(first) for first in range(1, ROUNDS * EVENTS + 1, kind.at_once)]
    at_once = EVENTS // kind.at_once
    signed_again(kind, received[:at_once], sorter)
    collector.loaded()  # as a connector's process does
    rounds = [_round(kind, received[first : first + at_once], sorter) for first in range(0, len(received), at_once)]
    found = {name: Spent(median(one[name].seconds for one in rounds), median(one[name].processor for one in rounds)) for name in rounds[0]}
    whole = found.pop(WHOLE)
    return {
        "event_bytes": len(body_of(received[0])) // kind.at_once, "rate": EVENTS / whole.seconds, "processor": EVENTS / whole.processor,
        "ceiling": EVENTS / sum(part.seconds for part in found.values()),
        "ceiling_processor": EVENTS / sum(part.processor for part in found.values()),
        "parts": {name: part.processor / EVENTS * 1e6 for name, part in found.items()},
        "rounds": [EVENTS / one[WHOLE].processor for one in rounds],
    }  # fmt: skip


def _round(kind: Kind, received: Sequence[Received], sorter: Sorter) -> dict[str, Spent]:
    """What some events take, as a whole and part by part."""
    acts = {WHOLE: lambda: signed_again(kind, received, sorter)} | _parts(kind, received)
    return {name: Spent.by(act) for name, act in acts.items()}


def signed_again(kind: Kind, received: Sequence[Received], sorter: Sorter) -> None:
    """All of it through the platform's reading half and admission's sorting, in batches as admission makes them."""
    for first in range(0, len(received), max(1, BATCH // kind.at_once)):
        arrivals = [_arrival(kind.read(one)) for one in received[first : first + max(1, BATCH // kind.at_once)]]
        batch = sorter.sort(arrivals, Known())
        signed = sum(len(arrival.outcomes) for arrival in arrivals)
        assert [record.topic for record in batch.records] == [topics.RSE_INBOUND.name] * signed, arrivals[0].said


def _arrival(outcomes: Sequence[Outcome]) -> Arrival:
    """As it waits for admission."""
    return Arrival(outcomes, b"", new_correlation(), datetime.now(UTC), asyncio.get_running_loop().create_future())


async def _sorter(kind: Kind) -> Sorter:
    ties = Ties(NoLedger(), "bench")  # type: ignore[arg-type]  # they are read from memory
    await ties.put(
        Tie(
            kind.space, COMMUNITY, "Futurs Publics", Audience.MEMBERS, Audience.MEMBERS, externals=False, state=TieState.CONFIRMED,
            renewed_at=datetime.now(UTC),
        )
    )  # fmt: skip
    key, sealing = SigningKey.generate(kind.instance.node), PrivateKey.generate().public_key
    nothing: Any = None  # neither spool nor way out is asked for what is signed
    memory = Remembered(NoLedger(), "bench")  # type: ignore[arg-type]  # as above
    return Sorter(
        Seat(
            "bench", kind.instance, key, memory, ties, nothing, nothing, sealing, lambda: datetime.now(UTC), lambda _: None, lambda _: None
        )
    )


def _parts(kind: Kind, received: Sequence[Received]) -> dict[str, Callable[[], object]]:
    """The bare libraries over the same bytes: proof of the webhook, JSON, sanitiser, salted digest, canonical attributes, Ed25519."""
    bodies, written = [body_of(one) for one in received], [html for one in received for html in html_of(one)]
    key = SigningKey.generate(kind.instance.node)
    attributes = {f"attribut{number:02}": "x" * 32 for number in range(18)}  # an envelope has as many
    said = json.dumps(attributes).encode()
    return {
        "webhook": lambda: _each(kind.proved, received),
        "json": lambda: _each(json.loads, bodies),
        "nh3": lambda: _each(cleaned, written),
        "digest": lambda: _each(lambda html: hmac.new(SECRET, html.encode(), hashlib.sha256).hexdigest(), written),
        "ed25519": lambda: _each(lambda _: key.sign(said), written),
    }


def _each(act: Callable[[Any], object], given: Sequence[Any]) -> None:
    """One after the other, nothing kept: what is kept costs memory, not work."""
    for one in given:
        act(one)
