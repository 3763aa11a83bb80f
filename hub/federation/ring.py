"""Which of our pairs signs now, and which ones others may still know us by: followed by the registry's dates while a process runs."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from hub.federation.delivery import KEYS_KEPT
from hub.federation.keyring import Keys
from hub.federation.pair_files import HeldKeys
from hub.federation.published import ActorKeys, ShownKey
from hub.registry.federation_keys import SqlPairs
from hub.registry.pair_roles import ENDED, Role, rank, roles
from schemas.keys import KeyMalformed
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from hub.federation.pair_files import PairFiles
    from hub.ports import Clock
    from hub.registry.federation_keys import Pair
    from schemas.keys import SigningKey

EVERY_SECONDS: Final = 1.0
OLDEST: Final = timedelta(seconds=60)
FILES_EVERY: Final = timedelta(seconds=2)
"""How often files are read that are not there yet: opening an encrypted one takes a while."""
log = structlog.get_logger()


class NoPairSigns(RuntimeError):
    """None of the pairs in our files is one by which the registry lets us sign now."""


@dataclass(frozen=True, slots=True)
class View:
    """What the ring amounts to at a moment: `believed` are the pairs that may sign, the best first; none where no pair of ours may."""

    believed: tuple[Keys, ...]
    shown: ActorKeys
    alone_since: datetime | None = None
    """Since when one pair signs, where no other is believed beside it."""


class Ring:
    """Our pairs, in the host actor's name; files that a rotation needs are read when the registry first names them."""

    def __init__(self, files: PairFiles, actor: str, clock: Clock) -> None:
        """Raises OSError or KeyMalformed where the files of the settings hold no pair."""
        self._files, self._actor, self._clock = files, actor, clock
        self._held = files.held(actor)
        self._first = next(iter(self._held.ed25519))
        self._pairs: Sequence[Pair] = ()
        self._missed, self._looked_at = frozenset[str](), datetime.min.replace(tzinfo=UTC)
        self._made: dict[tuple[str, str], Keys] = {}
        self._view = View((), self._shown([]))
        self._read_at: datetime | None = None

    @property
    def owner(self) -> str:
        """The host actor."""
        return self._actor

    @property
    def ready(self) -> bool:
        """Whether a pair of ours may sign, by what the registry said not long ago."""
        fresh = self._read_at is not None and self._clock() - self._read_at < OLDEST
        return fresh and bool(self._view.believed)

    def held(self) -> SigningKey:
        """The Ed25519 key that signs now; raises NoPairSigns."""
        return self.believed()[0].ed25519

    def believed(self) -> tuple[Keys, ...]:
        """The pair that signs now, then those that others may still know us by; raises NoPairSigns."""
        if not self._view.believed:
            raise NoPairSigns(self._actor)
        return self._view.believed

    def unheralded(self) -> bool:
        """Whether the pair that signs took another's place so lately that servers which keep keys may not know it, and is alone."""
        return self._view.alone_since is not None and self._clock() - self._view.alone_since < KEYS_KEPT

    def shown(self) -> ActorKeys:
        """What our actors' documents say of them."""
        return self._view.shown

    async def follow(self, connection: AsyncConnection) -> None:
        """Read how the pairs stand; raises what the database raises."""
        self.know(await SqlPairs(connection, self._first).all())

    def know(self, pairs: Sequence[Pair]) -> None:
        """How the pairs stand, as it was just read."""
        self._pairs, self._read_at = pairs, self._clock()
        self.look()

    def look(self) -> None:
        """See what signs at this moment, by what was read last."""
        now = self._clock()
        self._learn(now)
        ranked = sorted(self._pairs, key=lambda pair: rank(pair.entry, now), reverse=True)
        living = [(pair, keys) for pair in ranked if rank(pair.entry, now)[0] and (keys := self._keys(pair)) is not None]
        before = self._view.believed[:1]
        alone = living[0][0].entry.active_from if len(living) == 1 else None
        self._view = View(tuple(keys for _, keys in living), self._shown([pair for pair, _ in living[:1]]), alone)
        if before and self._view.believed[:1] != before and self._view.believed:
            log.info("federation_pair_follows", key=self._view.believed[0].ed25519.public.multibase)
        for role in Role:
            Metric.federation_pairs.labels(role.value).set(sum(one is role for _, one in roles(self._pairs, now)))
        Metric.federation_pairs_missing.set(len(self._missed))

    def _learn(self, now: datetime) -> None:
        """Read the files again while the registry names a pair to come that they do not hold as we know them; what was read once stays."""
        missed = self._missing(now)
        if any(pair.entry.retiring_from is None for pair in missed) and now - self._looked_at >= FILES_EVERY:
            self._looked_at = now
            try:
                found = self._files.held(self._actor)
            except (OSError, KeyMalformed) as error:
                log.warning("federation_files_not_read", error=type(error).__name__)
            else:
                self._held = HeldKeys({**self._held.ed25519, **found.ed25519}, {**self._held.rsa, **found.rsa})
                missed = self._missing(now)
        named = frozenset(pair.entry.multibase for pair in missed)
        for multibase in sorted(named - self._missed):
            log.error("federation_pair_missing", key=multibase)
        self._missed = named

    def _missing(self, now: datetime) -> list[Pair]:
        return [pair for pair in self._pairs if pair.entry.state_at(now) not in ENDED and self._keys(pair) is None]

    def _keys(self, pair: Pair) -> Keys | None:
        """A pair's private halves, always as the same value, so that who keeps them by it finds them again."""
        key, rsa = self._held.ed25519.get(pair.entry.multibase), self._held.rsa.get(self._rsa_of(pair))
        if key is None or rsa is None:
            return None
        return self._made.setdefault((pair.entry.multibase, self._rsa_of(pair)), Keys(key, rsa))

    def _rsa_of(self, pair: Pair) -> str:
        """The RSA half: the first pair's is the one that no other names."""
        named = {other.rsa for other in self._pairs if other.rsa}
        return pair.rsa or next((one for one in self._held.rsa if one not in named), "")

    def _shown(self, signing: Sequence[Pair]) -> ActorKeys:
        """The public halves: every Ed25519 key that is or will be believed, and the one RSA key that fits where others look for one."""
        now = self._clock()
        living = [pair for pair in self._pairs if pair.entry.state_at(now) not in ENDED]
        ordered = [*signing, *(pair for pair in living if pair not in signing)]
        keys = tuple(ShownKey(pair.entry.multibase, pair.entry.retired_at) for pair in ordered)
        found = self._keys(signing[0]) if signing else None
        rsa = found.rsa if found else next(iter(self._held.rsa.values()))
        return ActorKeys(keys or (ShownKey(self._first),), rsa.public_pem)


@asynccontextmanager
async def followed(ring: Ring, database: AsyncEngine) -> AsyncIterator[Ring]:
    """The ring, kept up with the registry for as long as the block; what was known serves on for a while when the database is away."""
    await _refresh(ring, database)

    async def loop() -> None:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            await _refresh(ring, database)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(loop())
        try:
            yield ring
        finally:
            task.cancel()


async def _refresh(ring: Ring, database: AsyncEngine) -> None:
    try:
        async with database.connect() as connection:
            await ring.follow(connection)
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        log.warning("federation_pairs_not_read", error=type(error).__name__)
        ring.look()
