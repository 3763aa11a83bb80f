"""Ghosts: the users by whose name another ministry's people speak in this homeserver's rooms."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from adapters.matrix.homeserver import Declined
from adapters.matrix.names import display_name, ghost_localpart, user_id

if TYPE_CHECKING:
    from adapters.matrix.homeserver import Homeserver
    from adapters.settings import Instance
    from schemas.facts.message import Author


class Ghosts:
    """Registers, names and brings into a room whoever has to speak there; remembers who is ready."""

    def __init__(self, homeserver: Homeserver, instance: Instance) -> None:
        self._homeserver = homeserver
        self._instance = instance
        self._named: set[str] = set()
        self._joined: set[tuple[str, str]] = set()
        self._turn = asyncio.Lock()

    @property
    def bot(self) -> str:
        """The application service's own user."""
        return user_id(self._instance.options["bot"], self._instance)

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
        await self._homeserver.call("PUT", "v3", "profile", ghost, "displayname", as_user=ghost, body={"displayname": name})
        self._named.add(ghost)

    async def _bot_enter(self, room: str) -> None:
        if (self.bot, room) not in self._joined:
            await self._register(self._instance.options["bot"])
            await self._join(self.bot, room)
            self._joined.add((self.bot, room))

    async def _enter(self, ghost: str, room: str) -> None:
        """The bot first: it opens closed rooms for ghosts, and must see what they write in order to find it again."""
        if (ghost, room) in self._joined:
            return
        await self._bot_enter(room)
        try:
            await self._join(ghost, room)
        except Declined as refusal:
            if refusal.errcode != "M_FORBIDDEN":
                raise
            await self._homeserver.call("POST", "v3", "rooms", room, "invite", as_user=self.bot, body={"user_id": ghost})
            await self._join(ghost, room)
        self._joined.add((ghost, room))

    async def _join(self, user: str, room: str) -> None:
        await self._homeserver.call("POST", "v3", "join", room, as_user=user, body={})
