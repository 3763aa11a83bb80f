"""The hub as an operator's program reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from aiohttp import ClientSession


class HubApi:
    """The JSON API of the hub's pages."""

    def __init__(self, http: ClientSession, url: str) -> None:
        self._http, self._url = http, url

    async def messages(self, community: str) -> list[dict[str, Any]]:
        """A community's messages, in the hub's order."""
        found: list[dict[str, Any]] = (await self._get(f"communities/{quote(community)}/messages"))["messages"]
        return found

    async def message(self, name: str) -> dict[str, Any]:
        """A message and its deliveries."""
        return await self._get(f"messages/{quote(name)}")

    async def ties(self) -> dict[str, str]:
        """Node → the state of its only tie."""
        nodes = (await self._get("nodes"))["nodes"]
        return {node["id"]: tie["state"] for node in nodes for tie in node["ties"]}

    async def _get(self, path: str) -> dict[str, Any]:
        async with self._http.get(f"{self._url}/api/{path}") as answer:
            answer.raise_for_status()
            found: dict[str, Any] = await answer.json()
            return found
