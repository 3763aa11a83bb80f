"""What the twin shows to administrators alone: its webhook, and the attempts of it that failed."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from aiohttp import web

from adapters.discourse.twin.forum import NOT_FOUND, Refusal

if TYPE_CHECKING:
    from adapters.discourse.twin.call import Call
    from adapters.discourse.twin.options import Options
    from adapters.discourse.twin.store import Store

HOOK = 1  # the number of its one webhook
EVENTS = 50  # attempts shown at once


class Administration:
    """To anybody else these pages are not there; of the twin's accounts, all staff are administrators."""

    def __init__(self, store: Store, options: Options) -> None:
        self._store, self._options = store, options

    async def webhooks(self, call: Call) -> web.Response:
        """`GET /admin/api/web_hooks.json`."""
        _administrator(call)
        hook = {"id": HOOK, "payload_url": self._options.webhook, "secret": self._options.secret, "active": True}
        return web.json_response({"web_hooks": [hook], "total_rows_web_hooks": 1})

    async def log(self, call: Call) -> web.Response:
        """`GET /admin/api/web_hook_events/{id}.json`: newest first by the clock; what was taken is not kept here, so that every status shows the failed ones."""
        _administrator(call)
        if call.number != HOOK:
            raise Refusal(404, [NOT_FOUND], "not_found")
        start = int(call.request.query.get("offset", "0"))
        failed = sorted(self._store.attempts.values(), key=lambda attempt: attempt.created_at, reverse=True)
        shown = [
            asdict(attempt) | {"web_hook_id": HOOK, "request_url": self._options.webhook} for attempt in failed[start : start + EVENTS]
        ]
        return web.json_response({"web_hook_events": shown, "total_rows_web_hook_events": len(failed)})


def _administrator(call: Call) -> None:
    if not call.person.staff:
        raise Refusal(404, [NOT_FOUND], "not_found")
