"""Which of the hub's own keys signs now: the file of the settings or the one that follows it, as the registry's dates have it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog

from hub.registry.anchors import SqlAnchors
from hub.registry.pair_roles import ENDED, rank
from schemas.agent import in_agent, open_key
from schemas.keys import KeyMalformed, SigningKey
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.ports import Clock
    from hub.registry.anchors import Anchor

NEXT: Final = ".next"
EVERY: Final = timedelta(seconds=1)
"""How often the registry's dates are read, at most."""
FILES_EVERY: Final = timedelta(seconds=2)
log = structlog.get_logger()


class NoHubKeySigns(RuntimeError):
    """None of the keys in our files is one by which the registry lets the hub sign now."""


@dataclass(frozen=True, slots=True)
class HubFiles:
    """Where the hub's key is, and the one that follows: files, or names of keys in an agent."""

    owner: str
    now: Path
    then: Path | None = None
    passphrase: bytes | None = None

    @property
    def next(self) -> Path:
        """The key that follows: where the settings say, else beside the first."""
        return self.then or self.now.with_name(self.now.name + NEXT)

    def held(self) -> Mapping[str, SigningKey]:
        """The keys that are there by their public halves, that of the settings first; raises FileNotFoundError or KeyMalformed without that."""
        keys = [open_key(self.owner, self.now, self.passphrase)]
        with suppress(OSError, KeyMalformed):
            keys.append(open_key(self.owner, self.next, self.passphrase))
        return {key.public.multibase: key for key in keys}

    def following(self) -> SigningKey:
        """The key that follows, made where it is not there yet; raises KeyMalformed, or OSError where an agent does not hold it."""
        if not in_agent(self.next) and not self.next.exists():
            SigningKey.generate(self.owner).save(self.next, self.passphrase)
        return open_key(self.owner, self.next, self.passphrase)


class HubKeys:
    """The hub's keys while a process runs: each transaction asks which one signs."""

    def __init__(self, files: HubFiles, clock: Clock) -> None:
        """Raises FileNotFoundError or KeyMalformed where the settings' file holds no key."""
        self._files, self._clock = files, clock
        self._held = dict(files.held())
        self.first = next(iter(self._held.values()))
        self._signs: SigningKey | None = self.first
        self._anchors: Sequence[Anchor] = ()
        self._read_at = self._looked_at = datetime.min.replace(tzinfo=UTC)

    @property
    def owner(self) -> str:
        """The hub."""
        return self._files.owner

    def held(self) -> SigningKey:
        """The key that signs now; raises NoHubKeySigns."""
        if self._signs is None:
            raise NoHubKeySigns(self.owner)
        return self._signs

    async def follow(self, connection: AsyncConnection) -> None:
        """Read how the keys stand, unless that was a moment ago; raises what the database raises."""
        if self._clock() - self._read_at >= EVERY:
            self.know(await SqlAnchors(connection, self.owner, self.first.public.multibase).all())
        else:
            self.look()

    def know(self, anchors: Sequence[Anchor]) -> None:
        """How the keys stand, as it was just read."""
        self._anchors, self._read_at = anchors, self._clock()
        self.look()

    def look(self) -> None:
        """See which one signs at this moment, by what was read last."""
        now, before = self._clock(), self._signs
        self._learn(now)
        ranked = sorted(self._anchors, key=lambda anchor: rank(anchor.entry, now), reverse=True)
        best = next((one.entry for one in ranked if rank(one.entry, now)[0]), None)
        self._signs = self._held.get(best.multibase) if best is not None else None
        if self._signs is not before:
            log.warning("hub_key_follows", key=self._signs.public.multibase if self._signs is not None else None)

    def _learn(self, now: datetime) -> None:
        """Read the files again while the registry names a key that they do not hold as we know them; what was read once stays."""
        to_sign = [one for one in self._anchors if one.entry.state_at(now) not in ENDED and one.entry.retiring_from is None]
        missing = [one for one in to_sign if not self._knows(one)]
        Metric.hub_keys_missing.set(len(missing))
        if missing and now - self._looked_at >= FILES_EVERY:
            self._looked_at = now
            with suppress(OSError, KeyMalformed):
                self._held |= self._files.held()
            if not all(self._knows(one) for one in missing):
                log.error("hub_key_missing", key=missing[0].entry.multibase)

    def _knows(self, anchor: Anchor) -> bool:
        return anchor.entry.multibase in self._held
