"""The notice in each tied space: who reads it, kept true while the tie lives, said to be over when it has ended."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import structlog

from adapters import notice_text
from adapters.notice_text import EVERYBODY, Telling
from adapters.observing import observes
from adapters.offers import Notice
from adapters.port import Later, Never, Written
from adapters.rounds import outlived
from adapters.ties import TieState
from schemas.envelope import object_id
from schemas.sequence import PEERS
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from adapters.ledger import Ledger
    from adapters.offers import Announces
    from adapters.registry import Trust
    from adapters.settings import Instance
    from schemas.facts.message import Content

ROUND_SECONDS: Final = 2.0
LEASE_SECONDS: Final = 60.0
KEY_BYTES: Final = 12
STANDING: Final = """
    SELECT space, both_.community, state, title, old_title, native_id, shown, nodes
    FROM (SELECT space, community, state, title FROM ties WHERE instance = $1) AS tied
    FULL JOIN (SELECT space, community, title AS old_title, native_id, shown FROM notices WHERE instance = $1) AS stood
    USING (space, community) AS both_
    LEFT JOIN company ON company.instance = $1 AND company.community = both_.community
    WHERE state = 'confirmed' OR shown <> ''
"""
CLAIM: Final = """
    INSERT INTO notices (instance, space, community, title, leased_until)
    VALUES ($1, $2, $3, $4, clock_timestamp() + make_interval(secs => $5))
    ON CONFLICT (space, community, instance) DO UPDATE SET leased_until = excluded.leased_until
    WHERE notices.leased_until < clock_timestamp()
    RETURNING native_id
"""
KEEP: Final = """
    UPDATE notices SET title = $4, native_id = $5, shown = $6, leased_until = '-infinity' WHERE instance = $1 AND space = $2 AND community = $3
"""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Standing:
    """A space and its community as the ledger has them; `shown` is the digest of what stands there, empty where nothing does.

    `nodes` is who hears the community; None where nobody has told yet. A notice whose tie is gone has the state REFUSED.
    """

    space: str
    community: str
    title: str
    state: TieState
    native_id: str | None
    shown: str
    nodes: tuple[str, ...] | None


class Board:
    """The ledger's half: what should stand, and what does."""

    def __init__(self, ledger: Ledger, instance: str) -> None:
        self._ledger, self._instance = ledger, instance

    async def standings(self) -> list[Standing]:
        """Every tied space, and every one in which a notice stands."""
        async with self._ledger.connection() as connection:
            return [_standing(row) for row in await connection.fetch(STANDING, self._instance)]

    async def claim(self, one: Standing) -> bool:
        """Take a notice in hand, unless another process has."""
        async with self._ledger.connection() as connection:
            rows = await connection.fetch(CLAIM, self._instance, one.space, one.community, one.title, LEASE_SECONDS)
        return bool(rows)

    async def keep(self, one: Standing, native_id: str | None, shown: str) -> None:
        """Note what stands there now."""
        async with self._ledger.connection() as connection:
            await connection.execute(KEEP, self._instance, one.space, one.community, one.title, native_id, shown)


@dataclass(frozen=True, slots=True)
class Noticer:
    """Keeps the notices of one instance true, one at a time: an RSE is asked gently."""

    name: str
    instance: Instance
    client: Announces
    board: Board
    trust: Trust
    link: str
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def run(self) -> None:
        """Look for ever at what should stand."""
        while True:
            await self.sleep(await outlived("notices", self.name, self.round, LEASE_SECONDS))

    async def round(self) -> float:
        """Bring every notice up to date; seconds until the next look."""
        registry = self.trust.current()
        if registry is None:
            return ROUND_SECONDS
        names = {node.id: node.organisation for node in registry.document.nodes} | {PEERS: EVERYBODY}
        say = notice_text.where_observed if observes(registry, self.instance.node) else notice_text.of_space
        for one in await self.board.standings():
            wanted = notice_of(one, self.instance, names, self.link, say)
            if wanted is not None and digest_of(wanted) != one.shown and await self.board.claim(one):
                later = await self._show(one, wanted)
                if later is not None:
                    return max(later, ROUND_SECONDS)
        return ROUND_SECONDS

    async def _show(self, one: Standing, wanted: Notice) -> float | None:
        """Have it shown; the seconds for which the RSE wants to be left alone, if it does."""
        outcome = await self.client.show(wanted)
        Metric.notices.labels(self.name, "space", type(outcome).__name__.lower()).inc()
        match outcome:
            case Written(native_id=native_id):
                await self.board.keep(one, native_id, digest_of(wanted))
                log.info("notice_shown", instance=self.name, community=one.community, state=one.state.value)
            case Never(reason=reason):  # not asked again before something else is to be said
                await self.board.keep(one, one.native_id, digest_of(wanted))
                log.warning("notice_refused", instance=self.name, community=one.community, reason=reason)
            case Later(reason=reason, after=after):
                await self.board.keep(one, one.native_id, one.shown)
                log.warning("notice_waits", instance=self.name, community=one.community, reason=reason)
                return after or LEASE_SECONDS
        return None


def notice_of(
    one: Standing,
    instance: Instance,
    names: Mapping[str, str],
    link: str,
    say: Callable[[Telling, TieState], Content] = notice_text.of_space,
) -> Notice | None:
    """What shall stand in a space; None while nobody can tell (who hears the community, whether the hub agrees)."""
    if one.native_id is None and one.state is not TieState.CONFIRMED:
        return None  # nothing stands there that could be set right
    if one.state in {TieState.PROPOSED, TieState.ACCEPTED} or (one.state is TieState.CONFIRMED and one.nodes is None):
        return None
    telling = Telling(one.title, _others(one.nodes or (), instance, names), instance.mark, link)
    content = say(telling, one.state)
    key = notice_key(instance.node, one.space, one.community)
    return Notice(one.space, key, notice_text.title(telling), content, one.state is TieState.CONFIRMED, one.native_id)


def notice_key(node: str, space: str, community: str) -> str:
    """The same for ever, and no secret: letters and digits that any platform takes for a marker."""
    return "tdu-avis-" + object_id(node, f"notice:{space}:{community}")[: 2 * KEY_BYTES]


def digest_of(notice: Notice) -> str:
    """Changes with what people read."""
    read = "\0".join((notice.title, notice.content.html, str(notice.pinned)))
    return hashlib.sha256(read.encode()).hexdigest()[:32]


def _others(nodes: Iterable[str], instance: Instance, names: Mapping[str, str]) -> list[str]:
    return [names.get(node, node) for node in nodes if node != instance.node]


def _standing(row: Mapping[str, Any]) -> Standing:
    return Standing(
        row["space"], row["community"], row["title"] or row["old_title"], TieState(row["state"] or TieState.REFUSED), row["native_id"],
        row["shown"] or "", tuple(row["nodes"]) if row["nodes"] is not None else None,
    )  # fmt: skip
