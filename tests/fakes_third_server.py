"""A small server of others on this machine: one person with a key and an inbox, whose documents come and go."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from schemas.http_signature import signed_fields
from schemas.media_types import ACTIVITY_JSON
from tests.fakes_strangers import answer
from tests.forgeries.abroad import PUBLIC, Actor

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from tests.fakes_strangers import Stranger

NOTE: Final = "/notes/1"
TAKEN: Final = 202


@dataclass
class ThirdServer:
    """Somebody on it, who speaks to a group and hears what it announces."""

    stranger: Stranger
    group: str
    actor: Actor = field(init=False)
    acts: int = 0

    def __post_init__(self) -> None:
        self.actor = Actor(f"{self.stranger.url}/users/alice")
        self.stranger.answers["/users/alice"] = answer(body=self.actor.document())
        self.stranger.answers["/users/alice/inbox"] = answer("202 Accepted")

    @property
    def authority(self) -> str:
        return self.actor.server

    def note(self, words: str) -> dict[str, Any]:
        """What she writes to the group, at its own address from now on."""
        made = {
            "id": self.actor.origin + NOTE, "type": "Note", "attributedTo": self.actor.id, "to": [PUBLIC], "cc": [self.group],
            "content": f"<p>{words}</p>",
        }  # fmt: skip
        self.stranger.answers[NOTE] = answer(body=made)
        return made

    def bury(self) -> dict[str, Any]:
        """What she wrote is there no more."""
        tomb = {"id": self.actor.origin + NOTE, "type": "Tombstone"}
        self.stranger.answers[NOTE] = answer("410 Gone")
        return tomb

    async def follows(self, http: ClientSession, group: str) -> bool:
        """Ask to hear a group; False where its server does not know hers yet."""
        return (await self._bring(http, group, self._act("Follow", group))) == TAKEN

    def accepted(self, group: str) -> bool:
        """Whether the group has told her that she follows it: from then on she hears all."""
        asked = (json.loads(one.body) for one in self.stranger.asked if one.method == "POST")
        return any(said["type"] == "Accept" and said["actor"] == group for said in asked)

    async def says(self, http: ClientSession, verb: str, what: Any) -> bytes:
        """Bring an act of hers to the group; the bytes that were taken."""
        body = self._act(verb, what)
        assert await self._bring(http, self.group, body) == TAKEN
        return body

    def _act(self, verb: str, what: Any) -> bytes:
        """In a writing of her own: who serialised it again would be found out."""
        self.acts += 1
        said = self.actor.does(verb, what, f"acts/{self.acts}", to=[PUBLIC], cc=[self.group])
        return json.dumps(said, ensure_ascii=False, indent=1).encode()

    async def _bring(self, http: ClientSession, group: str, body: bytes) -> int:
        fields = signed_fields(self.actor.key, "POST", group + "/inbox", datetime.now(UTC), ACTIVITY_JSON, body)
        async with http.post(group + "/inbox", data=body, headers=fields) as answered:
            return answered.status

    def heard(self, inner: bytes) -> int:
        """How often the group announced these very bytes to her."""
        return sum(one.method == "POST" and one.body.endswith(b',"object":' + inner + b"}") for one in self.stranger.asked)
