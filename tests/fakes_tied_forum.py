"""A connector process beside a Discourse twin whose category is tied, and the hub's voice: for integration tests."""

from __future__ import annotations

import asyncio
import json
import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from adapters.platforms import platform
from adapters.port import Act
from schemas import topics
from schemas.envelope import CanonicalEvent, Envelope, event_digest
from schemas.sequence import Sequence as Numbered
from tests.fakes_adapters import COMMUNITY, Rig, event_in, until
from tests.fakes_discourse import API_KEY, SECRET
from tests.fakes_discourse_twin import Forum, forum

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.servers import Kafka

SPACE = "97"


@dataclass
class World:
    """A process beside its RSE, and the hub's voice."""

    rig: Rig
    rse: Forum
    forwarded: int = 0

    async def tie(self) -> None:
        """The whole handshake: proposed, accepted, and the acceptance come back with its number."""
        await self.rig.tie(SPACE)
        headers, value = (await self.rig.read(topics.RSE_INBOUND.name, 1))[0]
        said = event_in(headers, value)
        await self.number(CanonicalEvent(said.attributes, said.value, said.salt, Envelope.tolerant(said.attributes)), "education")

    async def number(self, event: CanonicalEvent, *others: str) -> None:
        """Have the node hear an event that these others hear too."""
        self.rig.hub.number += 1
        targets = {self.rig.node: SPACE, **dict.fromkeys(others, "ailleurs")}
        place = Numbered(event_digest(event.attributes), COMMUNITY, self.rig.hub.number, targets, datetime.now(UTC))
        await self.rig.deliver(event, extra=[place.signed(self.rig.hub.key)])

    async def post(self, text: str, username: str = "camille") -> dict[str, Any]:
        """Somebody opens a topic, and its webhooks come to the process; the post."""
        title = f"Des nouvelles du mois, {secrets.token_hex(4)}"
        status, post = await self.rse.call("POST", "/posts.json", username, title=title, raw=text, category=int(SPACE))
        assert status == 200, post
        await self.rse.sink.change(Act.POSTED, f"post:{post['id']}")
        await self.forward()
        said: dict[str, Any] = post
        return said

    async def forward(self) -> None:
        """Bring the webhooks that have come to the process's own gateway."""
        url = f"http://127.0.0.1:{self.rig.port}/webhooks/rse"
        for request in self.rse.sink.seen[self.forwarded :]:
            self.forwarded += 1
            async with self.rse.session.post(url, data=request.body, headers=dict(request.headers)) as answer:
                assert answer.status == 200, await answer.text()

    async def heard(self) -> list[tuple[dict[str, str], dict[str, Any]]]:
        """What the process has told the hub of messages, in order: attributes and fact."""
        found = await self.rig.all_of(topics.RSE_INBOUND.name)
        return [(headers, json.loads(value)) for headers, value in found if ".message." in headers["ce_type"]]

    async def told(self, count: int) -> None:
        """Wait until the process has told so many: what it has taken may wait in its spool."""

        async def heard() -> int:
            return len(await self.heard())

        await until(heard, count)

    async def notices(self) -> list[dict[str, Any]]:
        return [post for post in await self.rse.posts() if "relié" in post["title"]]

    async def says(self, words: str) -> dict[str, Any]:
        """The one notice, as soon as it says this."""
        async with asyncio.timeout(90):
            while not ((found := await self.notices()) and words in found[0]["cooked"]):  # noqa: ASYNC110 - the twin tells nobody
                await asyncio.sleep(0.05)
        (notice,) = found
        return notice


@asynccontextmanager
async def world_of(kafka: Kafka, database_url: str, prefix: str, folder: Path, **changes: Any) -> AsyncIterator[World]:
    async with forum(folder) as rse:
        told: dict[str, Any] = {
            "platform": "discourse", "url": rse.options.url, "api_secret": SecretStr(API_KEY), "webhook_secret": SecretStr(SECRET),
            "spaces": frozenset({SPACE}), "options": dict(rse.instance.options),
        }  # fmt: skip
        rig = Rig(kafka.bootstrap, prefix, database_url, folder, instance=told | changes, find=platform)
        await rig.prepare()
        async with rig.registry():
            yield World(rig, rse)
