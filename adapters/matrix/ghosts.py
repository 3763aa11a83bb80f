"""Ghosts: the users by whose name another ministry's people speak in this homeserver's rooms."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from adapters.matrix.homeserver import Declined
from adapters.matrix.names import display_name, ghost_localpart, user_id
from adapters.matrix.rooms import PUT_OUT
from adapters.port import Never

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.matrix.homeserver import Homeserver
    from adapters.settings import Instance
    from schemas.facts.message import Author


_BOT = {"M_FORBIDDEN": "bot_not_in_space", "M_BAD_STATE": "bot_banned"}
_GHOST = {"M_FORBIDDEN": "ghost_not_admitted", "M_BAD_STATE": "ghost_banned"}
NOT_NAMED = "ghost_not_named"
SHUT_OUT = frozenset({PUT_OUT, *_BOT.values()})
"""Refusals by which a room says that it does not want us, or does not know us."""


class Ghosts:
    """Registers, names and brings into a room whoever has to speak there; remembers who is ready."""

    def __init__(self, homeserver: Homeserver, instance: Instance) -> None:
        self._homeserver = homeserver
        self._instance = instance
        self._named: set[str] = set()
        self._named_by_room: dict[str, str] = {}
        """The names of ghosts whose homeserver lets nobody change her own: each room is told theirs."""
        self._joined: set[tuple[str, str]] = set()
        self._turn = asyncio.Lock()

    @property
    def bot(self) -> str:
        """The application service's own user."""
        return user_id(self._instance.options["bot"], self._instance)

    def of(self, author: Author) -> str:
        """The ghost's id."""
        return user_id(ghost_localpart(author, self._instance), self._instance)

    async def ready(self, author: Author, room: str) -> str:
        """The ghost's id once it may speak in the room. Raises Declined."""
        localpart = ghost_localpart(author, self._instance)
        ghost = user_id(localpart, self._instance)
        async with self._turn:  # two messages of one person must not register her twice
            if ghost not in self._named:
                await self._register(localpart)
                await self._name(ghost, display_name(author))
            await self._enter(ghost, room)
        return ghost

    async def enter(self, ghost: str, room: str) -> None:
        """Bring a ghost that wrote before back into the room. Raises Declined."""
        async with self._turn:
            await self._enter(ghost, room)

    async def bot_in(self, room: str) -> str:
        """The bot's id once it is in the room; it can follow an invitation, and enter a public room. Raises Declined."""
        async with self._turn:
            await self._bot_enter(room)
        return self.bot

    def forget(self, user: str, room: str) -> None:
        """What we remembered of the user, and of the bot, in this room may be stale."""
        self._joined -= {(user, room), (self.bot, room)}

    async def _register(self, localpart: str) -> None:
        body = {"type": "m.login.application_service", "username": localpart, "inhibit_login": True}
        try:
            await self._homeserver.call("POST", "v3", "register", body=body)
        except Declined as refusal:
            if refusal.errcode != "M_USER_IN_USE":  # it was registered before: just what we want
                raise

    async def _name(self, ghost: str, name: str) -> None:
        """Synapse's `enable_set_displayname: false`, made for Tchap, lets who has a name keep it, and registers a ghost under its local part."""
        try:
            await self._homeserver.call("PUT", "v3", "profile", ghost, "displayname", as_user=ghost, body={"displayname": name})
        except Declined as refusal:
            if refusal.errcode != "M_FORBIDDEN":
                raise
            self._named_by_room[ghost] = name
        self._named.add(ghost)

    async def _name_in(self, room: str, ghost: str) -> None:
        """Nothing is said under no name: a homeserver that refuses this too would refuse it of everybody."""
        name = self._named_by_room.get(ghost)
        if name is None:
            return
        path, body = ("v3", "rooms", room, "state", "m.room.member", ghost), {"membership": "join", "displayname": name}
        try:
            await self._homeserver.call("PUT", *path, as_user=ghost, body=body)
        except Declined as refusal:
            raise Declined(0, NOT_NAMED) if isinstance(refusal.outcome(), Never) else refusal from None

    async def _bot_enter(self, room: str) -> None:
        if (self.bot, room) in self._joined:
            return
        await self._register(self._instance.options["bot"])
        if await self._was_put_out(room):
            raise Declined(403, PUT_OUT)
        try:
            await self._join(self.bot, room)
        except Declined as refusal:
            raise _by_name(refusal, _BOT) from None
        self._joined.add((self.bot, room))

    async def _was_put_out(self, room: str) -> bool:
        """Whoever was put out of a public room could walk in again; the bot waits to be invited. It never leaves by itself."""
        try:
            own = await self._homeserver.call("GET", "v3", "rooms", room, "state", "m.room.member", self.bot, as_user=self.bot)
        except Declined as refusal:
            if not isinstance(refusal.outcome(), Never):
                raise
            return False  # never there, invited, or banned: joining will tell
        return own.get("membership") == "leave"

    async def _enter(self, ghost: str, room: str) -> None:
        """The bot first: it opens closed rooms for ghosts, and must see what they write in order to find it again."""
        if (ghost, room) in self._joined:
            return
        await self._bot_enter(room)
        try:
            await self._bring_in(ghost, room)
        except Declined as refusal:
            raise _by_name(refusal, _GHOST) from None
        await self._name_in(room, ghost)
        self._joined.add((ghost, room))

    async def _bring_in(self, ghost: str, room: str) -> None:
        try:
            await self._join(ghost, room)
        except Declined as refusal:
            if refusal.errcode != "M_FORBIDDEN":
                raise
            await self._homeserver.call("POST", "v3", "rooms", room, "invite", as_user=self.bot, body={"user_id": ghost})
            await self._join(ghost, room)

    async def _join(self, user: str, room: str) -> None:
        await self._homeserver.call("POST", "v3", "join", room, as_user=user, body={})


def _by_name(refusal: Declined, names: Mapping[str, str]) -> Declined:
    """The same refusal, called what it means for us."""
    return Declined(refusal.status, names.get(refusal.errcode, refusal.errcode), refusal.after)
