"""What the state demands of activities that a peer did not take: nothing that was taken back comes back, and what came back does not go again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, exists, or_, select

from hub.access import PeerRight, peer_may
from hub.operations.set_aside import NO_LONGER
from hub.registry.peer_repository import SqlPeers
from hub.storage.courier_tables import peer_activities
from hub.storage.federation_tables import followers, ministry_likes
from hub.storage.rows import among
from hub.storage.tables import communities, events, messages, outbox, reactions
from schemas.facts.message import MessageDeleted
from schemas.facts.moderation import MessageModerated
from schemas.facts.reaction import LIKES, ReactionRemoved
from schemas.sequence import PEERS
from schemas.topics import PEERS_OUTBOUND
from schemas.words import Audience

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.operations.set_aside import SetAside
    from schemas.manifest import Grade

DIRECT: Final = "direct"
KEPT: Final = timedelta(days=PEERS_OUTBOUND.days)
TAKING_BACK: Final = frozenset({MessageDeleted.event_type, MessageModerated.event_type, ReactionRemoved.event_type})


@dataclass(frozen=True, slots=True)
class Spoken:
    """An event, the message or reaction that it speaks of, whether that stands for peers, and the last event of it that they are told."""

    type: str
    subject: str
    stands: bool
    newest: str
    at: datetime
    """When the hub took it: what is brought once more points to bytes as old as that."""

    @property
    def takes_back(self) -> bool:
        """Whether it ends what it speaks of."""
        return self.type in TAKING_BACK


@dataclass(frozen=True, slots=True)
class Demands:
    """What is known of what a peer did not take, all at one moment."""

    spoken: Mapping[str, Spoken]
    grade: Grade | None
    followed: frozenset[str]
    """Public communities that the peer follows."""
    told: frozenset[str]
    """Events that the courier has told."""
    later: Mapping[tuple[str, str], Sequence[int]]
    """What this peer was told of a subject in a form, in order."""

    def why_not(self, one: SetAside, now: datetime) -> str | None:
        """Why it is not sent again, None where it may be."""
        if one.form == DIRECT:
            return "resend_answer"
        spoken = self.spoken.get(one.event)
        if spoken is None or spoken.at <= now - KEPT:
            return "resend_expired"
        if not peer_may(self.grade, PeerRight.FORGET if spoken.takes_back else PeerRight.RECEIVE):
            return "peer_not_permitted"
        if one.community not in self.followed:
            return NO_LONGER
        if spoken.stands is spoken.takes_back:
            return "resend_overtaken" if spoken.takes_back else "resend_taken_back"
        return None if spoken.newest in self.told else "resend_under_way"

    def along(self, one: SetAside) -> list[int]:
        """Its place, and those of all that the peer was told of the same thing since: the last word stays the last."""
        return [offset for offset in self.later[self.spoken[one.event].subject, one.form] if offset >= one.offset]


async def demands(connection: AsyncConnection, peer: str, several: Sequence[SetAside]) -> Demands:
    """Read what is known of these; a statement each, however many."""
    named = list(await connection.execute(select(events).where(among(events.c.id, {one.event for one in several}))))
    subjects = {row.subject for row in named}
    standing, taken = await _standing(connection, subjects), await _of_a_kind(connection, subjects)
    newest = await _newest(connection, subjects)
    spoken = {
        row.id: Spoken(
            row.type, row.subject, row.subject in (taken if row.type == ReactionRemoved.event_type else standing),
            newest.get(row.subject, ""), row.admitted_at,
        )
        for row in named
    }  # fmt: skip
    told = await connection.scalars(select(peer_activities.c.event).where(among(peer_activities.c.event, newest.values())))
    known = await SqlPeers(connection).get(peer)
    later = await _later(connection, peer, subjects)
    return Demands(spoken, known.grade if known else None, await _followed(connection, peer), frozenset(told), later)


async def _standing(connection: AsyncConnection, names: Collection[str]) -> frozenset[str]:
    """Which of these messages and reactions stand; of a ministry's reactions, that under whose id its one Like stands elsewhere."""
    visible = select(messages.c.id).where(messages.c.state == "visible")
    of_ministry = exists().where(ministry_likes.c.node == reactions.c.node)
    mine = or_(exists().where(ministry_likes.c.reaction == reactions.c.id), and_(reactions.c.state == "standing", ~of_ministry))
    set_on = select(reactions.c.id).where(among(reactions.c.id, names), mine, reactions.c.object.in_(visible))
    return frozenset([*await connection.scalars(visible.where(among(messages.c.id, names))), *await connection.scalars(set_on)])


async def _of_a_kind(connection: AsyncConnection, names: Collection[str]) -> frozenset[str]:
    """The reactions whose like stands elsewhere in the same ministry's name, set by whomever: its end would end that one."""
    like, emoji = and_(ministry_likes.c.kind == "Like", among(reactions.c.emoji, LIKES)), ministry_likes.c.kind == reactions.c.emoji
    same = exists().where(ministry_likes.c.node == reactions.c.node, ministry_likes.c.message == reactions.c.object, or_(like, emoji))
    standing = and_(reactions.c.state == "standing", ~exists().where(ministry_likes.c.node == reactions.c.node))
    return frozenset(await connection.scalars(select(reactions.c.id).where(among(reactions.c.id, names), or_(same, standing))))


async def _newest(connection: AsyncConnection, subjects: Collection[str]) -> dict[str, str]:
    """Subject → the last event of it that peers are told."""
    rows = await connection.execute(
        select(events.c.subject, events.c.id).join(outbox, outbox.c.event == events.c.id)
        .where(among(events.c.subject, subjects), outbox.c.targets.has_key(PEERS)).order_by(outbox.c.sequence)
    )  # fmt: skip
    return {row.subject: row.id for row in rows}


async def _followed(connection: AsyncConnection, peer: str) -> frozenset[str]:
    public = select(communities.c.id).where(communities.c.audience == Audience.PUBLIC.value)
    query = select(followers.c.community).where(followers.c.peer == peer, followers.c.community.in_(public))
    return frozenset(await connection.scalars(query))


async def _later(connection: AsyncConnection, peer: str, subjects: Collection[str]) -> dict[tuple[str, str], list[int]]:
    told = select(events.c.subject, peer_activities.c.form, peer_activities.c.offset).join(events, events.c.id == peer_activities.c.event)
    mine = told.where(among(events.c.subject, subjects), peer_activities.c.peers.has_key(peer)).order_by(peer_activities.c.offset)
    found: dict[tuple[str, str], list[int]] = {}
    for row in await connection.execute(mine):
        found.setdefault((row.subject, row.form), []).append(row.offset)
    return found
