"""What the hub signs beside a community's nodes when its events go out to peers too: the target `peers` and what it bears on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

from schemas import jcs
from schemas.sequence import PEERS

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Bearing:
    """What an event bears on, where its own bytes do not say it to a stranger.

    `message` is the message that a removed reaction stood on, `emoji` that reaction; `url` is the address, at its own server, of a
    peer's message that is answered or reacted to; `told` the reaction under whose id a ministry's stands elsewhere, where that is another;
    `posted` when a ministry first said what it edits here; `via` the Group elsewhere that passed it on, whose followers it is for alone.
    Of moderation: `stands` is the address, at its own server, of a peer's message that is taken away or brought back, `boost` the event
    whose boost by the Group is taken back with it, `undone` the moderation that is.
    """

    message: str | None = None
    emoji: str | None = None
    url: str | None = None
    told: str | None = None
    posted: str | None = None
    via: str | None = None
    stands: str | None = None
    boost: str | None = None
    undone: str | None = None

    def written(self) -> str:
        """The value of the target: canonical JSON without what is unset."""
        return jcs.canonical_strings({name: one for name, one in asdict(self).items() if one is not None}).decode()

    @classmethod
    def read(cls, said: str) -> Bearing:
        """Read such a value; raises ValueError. What a later version adds is ignored."""
        value = jcs.parse(said.encode())
        if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
            raise ValueError("a bearing is strings by name")
        return cls(**{one.name: value.get(one.name) for one in fields(cls)})


def bearing_of(targets: Mapping[str, str]) -> Bearing | None:
    """What an event's signed targets say to peers; None where it is not for them. Raises ValueError."""
    said = targets.get(PEERS)
    return None if said is None else Bearing.read(said)
