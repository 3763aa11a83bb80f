"""What people of the federation do in a community: each act dated, kept and attested like those of the registry."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol

from hub.communities import moderation
from hub.communities.moderators import Moderator
from hub.ports import RefusedError
from hub.registry.acts import Act, ActKind
from schemas.names import one_line

if TYPE_CHECKING:
    from hub.access import CommunityRole
    from hub.communities.model import MessageState
    from hub.communities.reports import Report
    from hub.registry.model import Node
    from hub.registry.people import Presence
    from schemas.words import Ground

NAME_LIMIT: Final = 200
WORD_LIMIT: Final = 200
ACTOR: Final = re.compile(r"[0-9a-f]{32}")
"""As connectors make pseudonyms (HMAC-SHA-256, its first half)."""


class Acts(Protocol):
    """What people did."""

    async def add(self, act: Act) -> None: ...


class Nodes(Protocol):
    """Nodes by their id."""

    async def get(self, node: str) -> Node | None: ...


class Moderators(Protocol):
    """Who moderates what."""

    async def role_of(self, community: str, node: str, actor: str) -> CommunityRole | None: ...
    async def add(self, moderator: Moderator) -> None: ...
    async def remove(self, community: str, node: str, actor: str) -> bool: ...


class Reports(Protocol):
    """What animators are told of."""

    async def community_of(self, report: int) -> str | None: ...
    async def open_one(self, report: int) -> Report | None: ...
    async def close(self, report: int, word: str, person: str) -> None: ...


class Work(moderation.Work, Protocol):
    """What these use cases need of a transaction."""

    @property
    def acts(self) -> Acts: ...
    @property
    def nodes(self) -> Nodes: ...
    @property
    def moderators(self) -> Moderators: ...
    @property
    def reports(self) -> Reports: ...


async def name_moderator(community: str, node: str, actor: str, name: str, presence: Presence, work: Work) -> bool:
    """Give somebody the moderator's role; False where she has it. Raises RefusedError."""
    if await work.communities.get(community) is None:
        raise RefusedError("community_unknown")
    if await work.nodes.get(node) is None:
        raise RefusedError("node_unknown")
    if not ACTOR.fullmatch(actor):
        raise RefusedError("pseudonym_malformed")
    if await work.moderators.role_of(community, node, actor) is not None:
        return False
    now, said = work.clock(), one_line(name, NAME_LIMIT)
    await work.moderators.add(Moderator(community, node, actor, said, now, presence.person.id))
    await work.acts.add(Act(_subject(community, node, actor), ActKind.MODERATOR_NAMED, now, presence=presence))
    return True


async def end_moderator(community: str, node: str, actor: str, presence: Presence, work: Work) -> bool:
    """Take the role back; what she did before stands. False where she had none."""
    await work.communities.get(community)  # locked: the next withdrawal asks after this
    if not await work.moderators.remove(community, node, actor):
        return False
    await work.acts.add(Act(_subject(community, node, actor), ActKind.MODERATOR_ENDED, work.clock(), presence=presence))
    return True


async def take_away(message: str, ground: Ground, note: str, presence: Presence, work: Work) -> bool:
    """Take a message away from everybody; False where it is away already. Raises RefusedError."""
    if not await moderation.take_away(message, ground, note, presence, work):
        return False
    await _attest(message, ActKind.MESSAGE_MODERATED, one_line(f"{ground.value} {note}".strip(), WORD_LIMIT), presence, work)
    return True


async def bring_back(message: str, presence: Presence, work: Work) -> MessageState | None:
    """Bring a message back that was taken away: where it stands now; None where nothing stands against it. Raises RefusedError."""
    state = await moderation.bring_back(message, work)
    if state is not None:
        await _attest(message, ActKind.MESSAGE_RESTORED, None, presence, work)
    return state


async def rewrite(report: int, presence: Presence, work: Work) -> None:
    """Have the copy of a report written again as the message stands, and close the report. Raises RefusedError."""
    known = await _open_report(report, work)
    await moderation.write_again(known.message, known.node, work)
    await _attest(known.message, ActKind.COPY_REWRITTEN, known.node, presence, work)
    await work.reports.close(report, "rewritten", presence.person.id)


async def close(report: int, word: str, presence: Presence, work: Work) -> None:
    """Close a report with a word. Raises RefusedError."""
    known, said = await _open_report(report, work), one_line(word, WORD_LIMIT)
    if not said:
        raise RefusedError("reason_missing")
    await _attest(known.message, ActKind.REPORT_CLOSED, said, presence, work)
    await work.reports.close(report, said, presence.person.id)


async def _open_report(report: int, work: Work) -> Report:
    """A report, its community locked before it as in a worker's batch: in the other order the two would wait for each other."""
    community = await work.reports.community_of(report)
    if community is None or await work.communities.get(community) is None or (found := await work.reports.open_one(report)) is None:
        raise RefusedError("report_unknown")
    return found


async def _attest(message: str, kind: ActKind, reason: str | None, presence: Presence, work: Work) -> None:
    await work.acts.add(Act(f"message/{message}", kind, work.clock(), reason=reason, presence=presence))


def _subject(community: str, node: str, actor: str) -> str:
    return f"moderator/{community}/{node}/{actor}"
