"""Which spaces of an instance are tied to which community, kept in the ledger and in this process's memory."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from schemas.words import Audience

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapters.ledger import Ledger

HEARD_BY = """
    INSERT INTO company (instance, community, nodes) VALUES ($1, $2, $3)
    ON CONFLICT (community, instance) DO UPDATE SET nodes = excluded.nodes
"""
COLUMNS = "space, community, title, community_audience, space_name, audience, externals, state, renewed_at, begun_at, behind"


class TieState(StrEnum):
    """The handshake: proposed by the hub, accepted by us, confirmed when our acceptance came back; refused by either.

    Suspended while the space is wider than the community: nothing passes, but its readers are looked at, since it may narrow again.
    """

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    CONFIRMED = "confirmed"
    SUSPENDED = "suspended"
    REFUSED = "refused"


LIVING = frozenset({TieState.ACCEPTED, TieState.CONFIRMED})
LOOKED_AT = LIVING | {TieState.SUSPENDED}
EVER = datetime.fromtimestamp(0, UTC)
DIGITS = re.compile(r"[0-9]{1,16}")
WIDER = "space_wider_than_community"  # the hub's reason that a narrower audience answers


@dataclass(frozen=True, slots=True)
class Tie:
    """A space of this RSE and its community; `audience` is who can read the space, as we attested."""

    space: str
    community: str
    title: str
    community_audience: Audience
    audience: Audience
    externals: bool
    state: TieState
    renewed_at: datetime
    space_name: str = ""
    begun_at: datetime = EVER
    """Since when without a break: what people wrote there before was told to nobody, unless a back-fill tells it."""
    behind: str | None = None
    """Where the space ended then, in its RSE's own words; empty where it could not say, None where it was not asked."""

    @property
    def floor(self) -> int | None:
        """The same, of an RSE that numbers its messages: the greatest number that stood there."""
        return int(self.behind) if self.behind is not None and DIGITS.fullmatch(self.behind) else None

    @property
    def lives(self) -> bool:
        """Whether messages may pass."""
        return self.state in LIVING


class Ties:
    """The ties of one instance: read from memory, written through to the ledger, each change made on what the one before it left."""

    def __init__(self, ledger: Ledger, instance: str) -> None:
        self._ledger, self._instance = ledger, instance
        self._spaces: dict[str, Tie] = {}
        self._company: dict[str, frozenset[str]] = {}
        self._alone = asyncio.Lock()

    async def load(self) -> None:
        """Read every tie; done at start, and when another process may have changed them."""
        async with self._alone:
            await self._load()

    async def _load(self) -> None:
        async with self._ledger.connection() as connection:
            rows = await connection.fetch(f"SELECT {COLUMNS} FROM ties WHERE instance = $1", self._instance)  # noqa: S608 - constants
            company = await connection.fetch("SELECT community, nodes FROM company WHERE instance = $1", self._instance)
        self._company = {row["community"]: frozenset(row["nodes"]) for row in company}
        self._spaces = {
            row["space"]: Tie(
                row["space"], row["community"], row["title"], Audience(row["community_audience"]), Audience(row["audience"]),
                row["externals"], TieState(row["state"]), row["renewed_at"], row["space_name"],
                row["begun_at"], row["behind"],
            )
            for row in rows
        }  # fmt: skip

    def of(self, space: str) -> Tie | None:
        """The living tie of a space."""
        tie = self._spaces.get(space)
        return tie if tie is not None and tie.lives else None

    def known(self, space: str) -> Tie | None:
        """The tie of a space, whatever its state."""
        return self._spaces.get(space)

    def all(self) -> list[Tie]:
        """Every tie, whatever its state."""
        return list(self._spaces.values())

    def looked_at(self) -> list[Tie]:
        """Every tie whose readers are attested: the living ones, and the suspended ones that may come back."""
        return [tie for tie in self._spaces.values() if tie.state in LOOKED_AT]

    def company(self, community: str) -> frozenset[str]:
        """The nodes that hear a community, this one too; nobody while no number has told."""
        return self._company.get(community, frozenset())

    async def heard_by(self, community: str, nodes: Iterable[str]) -> None:
        """Note to whom the hub sends what is said in a community; told with every number, stored when it changes."""
        company = frozenset(nodes)
        if self._company.get(community) == company:
            return
        async with self._ledger.connection() as connection:
            await connection.execute(HEARD_BY, self._instance, community, sorted(company))
        self._company[community] = company

    async def put(self, tie: Tie, reason: str | None = None) -> None:
        """Store a tie as it now stands."""
        async with self._alone:
            await self._put(tie, reason)

    async def _put(self, tie: Tie, reason: str | None) -> None:
        async with self._ledger.connection() as connection:
            await connection.execute(
                f"INSERT INTO ties (instance, {COLUMNS}, reason) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) "  # noqa: S608 - constants
                "ON CONFLICT (instance, space) DO UPDATE SET community = excluded.community, title = excluded.title, "
                "community_audience = excluded.community_audience, space_name = excluded.space_name, audience = excluded.audience, "
                "externals = excluded.externals, state = excluded.state, renewed_at = excluded.renewed_at, begun_at = excluded.begun_at, behind = excluded.behind, reason = excluded.reason",
                self._instance, tie.space, tie.community, tie.title, tie.community_audience.value, tie.space_name,
                tie.audience.value, tie.externals, tie.state.value, tie.renewed_at, tie.begun_at, tie.behind, reason,
            )  # fmt: skip
        self._spaces[tie.space] = tie

    async def confirm(self, space: str, community: str, audience: Audience, at: datetime, behind: str | None = None) -> None:
        """Our acceptance came back with the hub's number; an older one, of other readers, confirms nothing.

        A suspended tie begins anew, behind what its space holds by then.
        """
        async with self._alone:
            tie = self._spaces.get(space)
            if tie is None or tie.community != community or tie.audience is not audience:
                return
            if tie.state in {TieState.ACCEPTED, TieState.SUSPENDED}:
                begun = tie if tie.lives else replace(tie, begun_at=at, behind=behind)
                await self._put(replace(begun, state=TieState.CONFIRMED), None)

    async def attested(self, space: str, community: str, at: datetime, name: str) -> None:
        """Who can read the space was said again, at this time, and what it is called."""
        async with self._alone:
            tie = self._spaces.get(space)
            if tie is not None and tie.community == community:
                await self._put(replace(tie, renewed_at=at, space_name=name), None)

    async def refuse(self, space: str, community: str, reason: str) -> None:
        """The hub refuses the space, or no longer accepts it: nothing passes from here on, unless it narrows again."""
        async with self._alone:
            tie = self._spaces.get(space)
            if tie is None or tie.community != community:
                return
            state = TieState.SUSPENDED if tie.state in LOOKED_AT and reason == WIDER else TieState.REFUSED
            await self._put(replace(tie, state=state), reason)
