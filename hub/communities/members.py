"""All the SQL of memberships."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, select

from hub.communities.model import Membership, MembershipState, Participants
from hub.storage.rows import Rows, among, renewing
from hub.storage.tables import communities, members, nodes, organisations, ties
from schemas.facts.membership import MembershipJoined, MembershipLeft

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.access import Permit
    from hub.ports import Admitted, Clock
    from hub.storage.rows import Change

ROWS = Rows(members, then=renewing(["id"], ["name", "state", "at"]))
NAMES = 100  # of one ministry on one page
_Place = tuple[str, str]  # node, community


class SqlMembers:
    """Memberships, read ahead and written together."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._known: dict[str, Membership | None] = {}
        self._places: set[_Place] = set()
        self._changed: set[str] = set()

    async def load(self, batch: Iterable[Admitted]) -> None:
        """Read ahead what a batch's memberships speak of: one statement, none where nobody came or went."""
        await self._load({one.subject for one in batch if isinstance(one.verified.fact, MembershipJoined | MembershipLeft)})

    async def get(self, membership: str) -> Membership | None:
        """A membership."""
        await self._load({membership})
        return self._known[membership]

    async def present(self, node: str, community: str) -> dict[str, Membership]:
        """Those who take part from a node: by their memberships' ids."""
        place = (node, community)
        if place not in self._places:
            self._places.add(place)
            where = and_(members.c.node == node, members.c.community == community, members.c.state == MembershipState.PRESENT.value)
            for row in await self._connection.execute(select(members).where(where)):
                self._known.setdefault(row.id, _membership(row))  # what this transaction changed it knows better
        found = (one for one in self._known.values() if one is not None and (one.node, one.community) == place)
        return {one.id: one for one in found if one.state is MembershipState.PRESENT}

    def save(self, membership: Membership) -> None:
        """Remember a membership; written with the transaction."""
        self._known[membership.id] = membership
        self._changed.add(membership.id)

    def change(self) -> Change | None:
        """What changed."""
        rows = [self._row(one) for name in sorted(self._changed) if (one := self._known[name])]
        self._changed = set()
        return ROWS.change(rows)

    async def _load(self, names: set[str]) -> None:
        wanted = names - set(self._known)
        if not wanted:
            return
        self._known.update(dict.fromkeys(wanted))
        for row in await self._connection.execute(select(members).where(among(members.c.id, wanted))):
            self._known[row.id] = _membership(row)

    def _row(self, one: Membership) -> dict[str, object]:
        names = (name for name in members.c.keys() if name not in {"state", "at"})  # noqa: SIM118 - columns by their names
        return {name: getattr(one, name) for name in names} | {"state": one.state.value, "at": self._clock()}


async def participants_of(connection: AsyncConnection, permit: Permit, community: str) -> tuple[Participants, ...]:
    """Who takes part in a community, ministry by ministry as the registry names them, the largest first; for who holds a permit.

    Only from spaces that are tied now: of one that left, or shows the community to too many, nobody is counted.
    """
    del permit
    tied = and_(ties.c.node == members.c.node, ties.c.community == members.c.community, ties.c.space == members.c.space)
    place = func.row_number().over(partition_by=members.c.node, order_by=(members.c.name == "", func.lower(members.c.name), members.c.id))
    count = func.count().over(partition_by=members.c.node)
    listed = (
        select(members.c.node, organisations.c.name.label("ministry"), members.c.name, count.label("count"), place.label("place"))
        .join(ties, tied)
        .join(nodes, nodes.c.id == members.c.node)
        .join(organisations, organisations.c.id == nodes.c.organisation)
        .where(members.c.community == community, members.c.state == MembershipState.PRESENT.value, ties.c.state == "active")
        .subquery()
    )
    query = select(listed).where(listed.c.place <= NAMES).order_by(listed.c.count.desc(), listed.c.node, listed.c.place)
    rows = await connection.execute(query)
    return tuple(_participants(list(of_node)) for _, of_node in groupby(rows, key=lambda row: str(row.node)))


async def people_in(connection: AsyncConnection, permit: Permit) -> int:
    """How many people take part in the communities that a permit opens."""
    opened = select(communities.c.id).where(among(communities.c.audience, permit.audiences))
    present = (members.c.state == MembershipState.PRESENT.value, members.c.community.in_(opened))
    return int(await connection.scalar(select(func.count(func.row(members.c.node, members.c.actor).distinct())).where(*present)) or 0)


def _participants(rows: list[Any]) -> Participants:
    return Participants(rows[0].node, rows[0].ministry, rows[0].count, tuple(row.name for row in rows if row.name))


def _membership(row: Any) -> Membership:
    return Membership(row.id, row.community, row.node, row.space, row.actor, row.name, MembershipState(row.state), row.first_event)
