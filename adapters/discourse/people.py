"""Names of the people of one Discourse, by their user names."""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from adapters.people import chosen_name
from adapters.port import Later
from schemas.names import public_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.discourse.http import Api

LIFE = 3600.0  # seconds
REMEMBERED = 5_000
_USERNAME = re.compile(r"[\w.-]{1,60}")


class People:
    """Asks a user's page once an hour."""

    def __init__(self, api: Api, clock: Callable[[], float] = time.monotonic) -> None:
        self._api, self._clock = api, clock
        self._known: OrderedDict[str, tuple[str | None, float]] = OrderedDict()

    async def name(self, username: str) -> str | None:
        """Her display name; None where she gave none, where there is nobody, or no answer."""
        if not _USERNAME.fullmatch(username):
            return None
        name, until = self._known.get(username, (None, float("-inf")))
        if self._clock() < until:
            return name
        answer = await self._api.get(f"/u/{username}.json")
        if isinstance(answer, Later):
            return name
        user = answer.document.get("user")
        told = user.get("name") if answer.done and isinstance(user, dict) else None
        said = public_name(chosen_name(told, username) if isinstance(told, str) else None)
        self._known[username] = (said or None, self._clock() + LIFE)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return self._known[username][0]
