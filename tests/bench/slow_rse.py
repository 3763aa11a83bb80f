"""An RSE that takes everything and answers each write after so many milliseconds: `python -m tests.bench.slow_rse PORT MILLISECONDS`."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import uvloop
from aiohttp import web


class SlowRse:
    """As much of a Discourse as writing asks for: topics, replies, categories."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._posts = self._topics = 0
        self._in_topic: Counter[int] = Counter()

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/", self._here)
        app.router.add_get(r"/c/{id:\d+}/show.json", self._category)
        app.router.add_post("/posts.json", self._create)
        return app

    async def _here(self, _: web.Request) -> web.Response:
        return web.Response(text=str(self._posts))

    async def _category(self, request: web.Request) -> web.Response:
        return web.json_response({"category": {"id": int(request.match_info["id"]), "name": "Salle", "read_restricted": True}})

    async def _create(self, request: web.Request) -> web.Response:
        given: dict[str, Any] = await request.json()
        await asyncio.sleep(self._seconds)
        self._posts += 1
        if "topic_id" not in given:
            self._topics += 1
        topic = int(given.get("topic_id", self._topics))
        self._in_topic[topic] += 1
        stamp = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return web.json_response(
            {
                "id": self._posts, "topic_id": topic, "post_number": self._in_topic[topic], "created_at": stamp, "updated_at": stamp,
                "username": "system", "cooked": given["raw"], "raw": given["raw"], "topic_slug": "contribution",
            }
        )  # fmt: skip


async def serve(port: int, milliseconds: float) -> None:
    """Serve until killed."""
    runner = web.AppRunner(SlowRse(milliseconds / 1000).app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=256).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), float(sys.argv[2])))
