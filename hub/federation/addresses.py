"""Every address under which other servers find something here, made in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

GROUPS: Final = "/groups/"
NODES: Final = "/nodes/"
NOTES: Final = "/notes/"
ACTIVITIES: Final = "/activities/"
ANNOUNCED: Final = "#announce"
HOST_ACTOR: Final = "/actor"
SHARED_INBOX: Final = "/inbox"
MAIN_KEY: Final = "main-key"
"""The fragment of an actor's RSA key; its Ed25519 key has its own Multikey as fragment (FEP-521a)."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of this server; `base` is its public one, scheme and authority without a path."""

    base: str

    def group(self, community: str) -> str:
        """A community as a Group."""
        return self.base + GROUPS + quote(community, safe="")

    def node(self, node: str) -> str:
        """A ministry's node: the actor in whose name its agents' messages go out."""
        return self.base + NODES + quote(node, safe="")

    def note(self, message: str) -> str:
        """A message."""
        return self.base + NOTES + quote(message, safe="")

    def activity(self, event: str) -> str:
        """What was done to an object, by the id of the event that tells it."""
        return self.base + ACTIVITIES + quote(event, safe="")

    @property
    def host_actor(self) -> str:
        """The server itself: it signs what nobody in particular asks."""
        return self.base + HOST_ACTOR

    @property
    def shared_inbox(self) -> str:
        """Where peers may bring what is meant for several."""
        return self.base + SHARED_INBOX

    def community_of(self, uri: str) -> str | None:
        """The community whose Group this address is."""
        return self._last(uri, GROUPS)

    def message_of(self, uri: str) -> str | None:
        """The message whose Note this address is."""
        return self._last(uri, NOTES)

    def event_of(self, uri: str) -> str | None:
        """The event that the Group's Announce of this address tells."""
        return self._last(uri.removesuffix(ANNOUNCED), ACTIVITIES) if uri.endswith(ANNOUNCED) else None

    def announce(self, event: str) -> str:
        """The Group's Announce of an event."""
        return self.activity(event) + ANNOUNCED

    def node_of(self, uri: str) -> str | None:
        """The node whose actor this address is."""
        return self._last(uri, NODES)

    def owns(self, uri: str) -> bool:
        """Tell whether an address is one of this server's."""
        return uri == self.base or uri.startswith(self.base + "/")

    def _last(self, uri: str, under: str) -> str | None:
        if not uri.startswith(self.base + under):
            return None
        rest = uri[len(self.base + under) :]
        name = unquote(rest)
        return name if name and quote(name, safe="") == rest else None
