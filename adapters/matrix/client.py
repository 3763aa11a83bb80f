"""The writing half of the connector: all that is asked of a homeserver, and what it answers when it declines."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import replace
from datetime import timedelta
from math import inf
from typing import TYPE_CHECKING, Any

from adapters.matrix.compose import divided_for_room
from adapters.matrix.ghosts import SHUT_OUT, Ghosts
from adapters.matrix.greetings import Greetings
from adapters.matrix.homeserver import LONGEST_WAIT, TIMEOUT, Declined, Homeserver
from adapters.matrix.names import DISPLAY_NAME_LIMIT, ghost_localpart, is_ours, user_id
from adapters.matrix.notices import Notices
from adapters.matrix.past import Past
from adapters.matrix.rooms import people_of, report_of
from adapters.matrix.timeline import Timeline
from adapters.matrix.translate import outcome_of, standing_edit
from adapters.matrix.writing import Writing
from adapters.offers import Recounted
from adapters.pacing import Paces, set_out, urgency_of
from adapters.people import ROSTER_LIMIT, chosen_name
from adapters.port import (
    Act,
    Altered,
    Change,
    Closed,
    Incomplete,
    Later,
    Never,
    Nonsense,
    RosterAltered,
    Unused,
    Written,
)
from schemas.names import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from adapters.offers import Greeting, Notice, Survey
    from adapters.people import Member
    from adapters.port import Order, SpaceReport, WriteOutcome
    from adapters.settings import Instance
    from schemas.facts.message import Author

REMEMBERED = 5_000  # names
NAME_LIFE = 300.0  # seconds


class MatrixClient:
    """Client-server API as an application service."""

    roster_every = timedelta(minutes=15)

    def __init__(
        self, instance: Instance, clock: Callable[[], float] = time.monotonic, timeout: float = TIMEOUT, paces: Paces | None = None
    ) -> None:
        if missing := {"server_name", "bot"} - instance.options.keys():
            raise ValueError(f"instance {instance.node}: options lack {', '.join(sorted(missing))}")
        self._instance = instance
        self._clock = clock
        self._names: OrderedDict[str, tuple[str | None, float]] = OrderedDict()
        self._paces = paces or Paces(instance.node, instance.limits)
        self._homeserver = Homeserver(instance, self._paces, timeout)
        self._ghosts = Ghosts(self._homeserver, instance)
        self._writing = Writing(self._homeserver, self._ghosts, instance, self._shown)
        self._notices = Notices(self._homeserver, self._ghosts)
        self._past = Past(self._homeserver, self._ghosts, instance)
        self._timeline = Timeline(self._homeserver, self._ghosts)
        self._greetings = Greetings(self._homeserver, self._ghosts, lambda user: is_ours(user, instance))

    async def turn(self, order: Order) -> None:
        """A homeserver limits what each user sends: the ghost who will speak, where the order names her."""
        if order.author is None:
            set_out(urgency_of(order.act))
        else:
            await self._paces.of("message").set_out(urgency_of(order.act), self._ghosts.of(order.author))

    async def write(self, order: Order) -> WriteOutcome:
        """Carry an order out once."""
        try:
            return await self._writing.carry_out(order)
        except Declined as refusal:
            return refusal.outcome()

    async def divided(self, order: Order) -> Sequence[Order]:
        """An event holds 64 KiB: what is longer goes on in events that answer the first."""
        return divided_for_room(order)

    async def find(self, order: Order) -> Written | Later | None:
        """Look for the order among the room's last events, since a homeserver forgets transaction ids within the hour."""
        try:
            return await self._writing.found(order)
        except Declined as refusal:
            outcome = refusal.outcome()
            return outcome if isinstance(outcome, Later) else None

    async def complete(self, incomplete: Incomplete) -> Change | Unused | Nonsense | Later:
        """The edit of a message that stands: whose it is, the homeserver alone knows. And where a message, or an edit, stands in the room."""
        if not incomplete.space or not (incomplete.behind or incomplete.act is Act.EDITED):
            return Nonsense("never_incomplete", incomplete.native_id)
        try:
            found = await self._standing(incomplete)
            if not incomplete.behind or not isinstance(found, Change):
                return found
            return replace(found, placed=await self._timeline.placed(incomplete.space, found.version, incomplete.behind))
        except Declined as refusal:
            outcome = refusal.outcome()
            return outcome if isinstance(outcome, Later) else incomplete.otherwise or Unused("m.room.message.edit_not_shown")

    async def _standing(self, incomplete: Incomplete) -> Change | Unused | Nonsense:
        """The message as it stands now, or its edit. Raises Declined."""
        message = await self._writing.event(incomplete.space, incomplete.native_id)
        if incomplete.act is Act.EDITED:
            return standing_edit(message or {}, self._instance)
        if message is None:
            return incomplete.otherwise or Unused("event_gone")
        found = outcome_of({"room_id": incomplete.space, **message}, self._instance)
        return found if isinstance(found, Change | Unused | Nonsense) else Nonsense("never_incomplete", incomplete.native_id)

    @property
    def ahead(self) -> timedelta:
        """How far its clock was ahead of ours at the last answer (`Ordered`)."""
        return self._homeserver.offset

    async def end_of(self, space: str) -> str | Later | Never:
        """Where a room ends now (`Ordered`)."""
        try:
            return await self._timeline.end(space)
        except Declined as refusal:
            return refusal.outcome()

    async def report_space(self, space: str) -> SpaceReport | Closed | Later | Never:
        """Read the room's state as the bot: the room must have invited it, or be public."""
        try:
            return report_of(await self._state(space), self._instance)
        except Declined as refusal:
            return Closed(refusal.errcode) if refusal.errcode in SHUT_OUT else refusal.outcome()

    async def _state(self, space: str) -> list[dict[str, Any]]:
        """Twice, where the bot had been put out since it entered: what it would be shown first is the past."""
        bot = await self._ghosts.bot_in(space)
        try:
            state = await self._homeserver.call("GET", "v3", "rooms", space, "state", as_user=bot)
        except Declined as refusal:
            if refusal.errcode != "M_FORBIDDEN":
                raise
            self._ghosts.forget(bot, space)
            bot = await self._ghosts.bot_in(space)
            state = await self._homeserver.call("GET", "v3", "rooms", space, "state", as_user=bot)
        found = state.get("list", [])
        return found if isinstance(found, list) else []

    async def members(self, space: str, most: int = ROSTER_LIMIT) -> tuple[Member, ...] | Later | Never:
        """Who of this ministry is in the room, under the names that the room shows; who was only invited is not. One answer tells them all."""
        del most
        try:
            bot = await self._ghosts.bot_in(space)
            answer = await self._homeserver.call("GET", "v3", "rooms", space, "joined_members", as_user=bot)
        except Declined as refusal:
            return refusal.outcome()
        joined = answer.get("joined")
        if not isinstance(joined, dict):
            return Later("answer_unreadable")
        return people_of(joined, self._instance)

    async def depart(self, member: Author, space: str) -> bool | Later | Never:
        """Let a person's ghost leave the room. Who bears the same name in the same ministry comes back in with her next word."""
        ghost = user_id(ghost_localpart(member, self._instance), self._instance)
        try:
            await self._homeserver.call("POST", "v3", "rooms", space, "leave", as_user=ghost, body={})
        except Declined as refusal:
            outcome = refusal.outcome()
            return outcome if isinstance(outcome, Later) else False  # she never spoke here, or was put out already
        self._ghosts.forget(ghost, space)
        return True

    async def display_name(self, actor: str) -> str | None:
        """The name that a user chose; None where she has none, as Synapse calls her by her local part, or where the homeserver does not answer."""
        return chosen_name(await self._shown(actor), actor) or None

    async def _shown(self, actor: str) -> str | None:
        """The name under which the homeserver shows a user, asked again every few minutes."""
        name, until = self._names.get(actor, (None, -inf))
        if self._clock() < until:
            return name
        try:
            profile = await self._homeserver.call("GET", "v3", "profile", actor, "displayname")
        except Declined as refusal:
            return name if isinstance(refusal.outcome(), Later) else self._name(actor, None)
        said = profile.get("displayname")
        return self._name(actor, one_line(said, DISPLAY_NAME_LIMIT) or None if isinstance(said, str) else None)

    def _name(self, actor: str, name: str | None) -> str | None:
        self._names[actor] = (name, self._clock() + NAME_LIFE)
        if len(self._names) > REMEMBERED:
            self._names.popitem(last=False)
        return name

    async def ping(self, registration: str) -> float | None:
        """Have the homeserver call our gateway (registration's id); the way's milliseconds, None when it could not."""
        try:
            answer = await self._homeserver.call("POST", "v1", "appservice", registration, "ping", body={})
        except Declined:
            return None
        duration = answer.get("duration_ms")
        return float(duration) if isinstance(duration, (int, float)) and 0 <= duration <= 1000 * LONGEST_WAIT else None

    async def show(self, notice: Notice) -> Written | Later | Never:
        """Keep a notice in a room (`Announces`)."""
        try:
            return await self._notices.show(notice)
        except Declined as refusal:
            return refusal.outcome()

    async def greet(self, greeting: Greeting) -> Written | Later | Never:
        """Write to the author of a message in a direct room (`Greets`)."""
        try:
            return await self._greetings.greet(greeting)
        except Declined as refusal:
            return refusal.outcome()

    async def survey(self, space: str, since: datetime, cursor: str | None) -> Survey | Later | Never:
        """Name the messages that a room holds (`Recalls`)."""
        try:
            return await self._past.survey(space, since, cursor)
        except Declined as refusal:
            return refusal.outcome()

    async def recount(self, space: str, native_id: str) -> Recounted | Unused | Nonsense | Later:
        """A message as it stands now (`Recalls`), and who reacted to it."""
        try:
            outcome = await self._past.recount(space, native_id)
            if isinstance(outcome, Change):
                return Recounted(outcome, await self._past.set_on(space, native_id))
        except Declined as refusal:
            declined = refusal.outcome()
            return declined if isinstance(declined, Later) else Unused(declined.reason)
        return Nonsense("never_incomplete") if isinstance(outcome, Incomplete | Altered | RosterAltered) else outcome

    async def close(self) -> None:
        """Close the session."""
        await self._homeserver.close()
        await self._paces.close()
