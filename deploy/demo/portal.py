"""An eXo space as one of its members uses it: activities, comments and likes, through the API that her browser speaks."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Any, Final

from aiohttp import encode_basic_auth

from adapters.exo.twin.views import SOCIAL
from deploy.demo.spaces import LIKE, RseRefused, Shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiohttp import ClientSession

_TAG: Final = re.compile(r"<[^>]+>")
_SIGNED: Final = re.compile(r"<p><strong>(?P<by>[^<]+)</strong> a écrit")


class Portal:
    """An eXo space and one person in it."""

    def __init__(self, http: ClientSession, url: str, password: str, username: str, space: str) -> None:
        self._http, self._url, self._space = http, url, space
        self._headers = {"Authorization": encode_basic_auth(username, password)}

    async def comment(self, activity: str, text: str) -> str:
        """Comment an activity; the comment."""
        return str((await self._call("POST", f"{SOCIAL}/activities/{activity}/comments", {"title": f"<p>{text}</p>"}))["id"])

    async def edit(self, edited: str, text: str) -> None:
        """Change one's own activity or comment."""
        await self._call("PUT", f"{SOCIAL}/activities/{edited}", {"title": f"<p>{text}</p>"})

    async def delete(self, deleted: str) -> None:
        """Delete one's own activity or comment."""
        await self._call("DELETE", f"{SOCIAL}/activities/{deleted}")

    async def like(self, liked: str) -> None:
        """Like somebody's activity or comment."""
        await self._call("POST", f"{SOCIAL}/activities/{liked}/likes")

    async def unlike(self, liked: str) -> None:
        """Take one's like back."""
        await self._call("DELETE", f"{SOCIAL}/activities/{liked}/likes")

    async def shown(self) -> Sequence[Shown]:
        """The space's activities and comments."""
        items = await self._call("GET", "/twin/activities")
        return [_item(item) for item in items if item["space"] == self._space]

    async def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        async with self._http.request(method, self._url + path, json=body, headers=self._headers) as answer:
            if answer.status != 200:  # noqa: PLR2004 (an HTTP status names itself)
                raise RseRefused(f"{method} {path} : {answer.status} {(await answer.text())[:300]}")
            return await answer.json()


def _item(item: Mapping[str, Any]) -> Shown:
    signed = _SIGNED.search(item["title"])
    by = unescape(signed["by"]) if signed else item["name"] or item["username"]
    liked = tuple((LIKE, username) for username in item["likes"])
    return Shown(item["id"], by, unescape(_TAG.sub("", item["title"])), item["above"] or item["root"], liked)
