"""A Discourse's log of webhooks as its administrators read it, without network: what was tried in vain, and what stands now."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from adapters.discourse.attempts import Log, Pace
from adapters.discourse.http import Answer, Api
from adapters.discourse.lost import Recall
from adapters.discourse.search import Search
from adapters.port import Change, Later, Losses, Never
from tests.fakes_discourse import ACCOUNT, SECRET, instance, post

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.port import Claim, Outcome

TIED = datetime(2026, 3, 1, tzinfo=UTC)
BEFORE, FIRST, SECOND, THIRD = (f"{day}T08:00:00.100Z" for day in ("2026-02-20", "2026-03-02", "2026-03-03", "2026-03-04"))


@dataclass
class Server:
    """What a Discourse answers to an administrator, and what it was asked."""

    posts: dict[int, dict[str, Any]] = field(default_factory=dict)
    attempts: list[dict[str, Any]] = field(default_factory=list)
    hooks: list[dict[str, Any]] = field(default_factory=lambda: [{"id": 1, "secret": SECRET}])
    answers: dict[str, Answer | Later] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    likers: dict[int, list[int]] = field(default_factory=dict)
    now: float = 0.0
    offset: timedelta = timedelta(0)
    ours: set[Claim] = field(default_factory=set)
    kept: Recall | None = None
    """The one of a process that goes on; else each question is a new process's."""

    def tried(self, event: str, *, status: int = -1, **changes: Any) -> dict[str, Any]:
        """An attempt that failed; the post it spoke of."""
        found = post(**changes)
        number = len(self.attempts) + 1
        headers = json.dumps({"X-Discourse-Event": event})
        created = changes.get("deleted_at") or changes.get("updated_at") or found["updated_at"]
        self.logged(number, headers, {"post": found}, created, status)
        return found

    def logged(self, number: int, headers: str | None, body: dict[str, Any], created: str, status: int = -1) -> None:
        """An attempt as the log shows it."""
        self.attempts.append({"id": number, "status": status, "headers": headers, "payload": json.dumps(body), "created_at": created})

    def liked(self, number: int, user: int, **changes: Any) -> None:
        """A like that nobody took."""
        body = {"like": {"post": post(**changes), "user": {"id": user, "username": f"u{user}", "name": f"Une personne {user}"}}}
        self.logged(number, json.dumps({"X-Discourse-Event": "post_liked"}), body, FIRST)

    def stands(self, **changes: Any) -> None:
        """A post as it is now; GET says no category."""
        found = post(**changes)
        self.posts[found["id"]] = {name: said for name, said in found.items() if name not in {"category_id", "topic_title"}}

    async def get(self, path: str, query: Sequence[tuple[str, str]] = ()) -> Answer | Later:
        """Answer as a Discourse does."""
        self.asked.append(path)
        if path in self.answers:
            return self.answers[path]
        if path == "/admin/api/web_hooks.json":
            return Answer(200, {"web_hooks": self.hooks})
        if path.startswith("/admin/"):
            start = int(dict(query)["offset"])
            newest = sorted(self.attempts, key=lambda attempt: str(attempt["created_at"]), reverse=True)
            return Answer(200, {"web_hook_events": newest[start : start + 50]})
        if path == "/post_action_users.json":
            asked = dict(query)
            page = self.likers.get(int(asked["id"]), [])[200 * int(asked["page"]) :][:200]
            return Answer(200, {"post_action_users": [{"id": liker} for liker in page]})
        if path.startswith("/t/"):
            return Answer(200, {"id": 108, "title": "Des nouvelles du mois", "slug": "des-nouvelles", "category_id": 97})
        found = self.posts.get(int(path.removeprefix("/posts/").removesuffix(".json")))
        return Answer(404, {}) if found is None else Answer(200, found)

    async def refused(self, answer: Answer) -> Later | Never:
        """What a refusal means."""
        return Never(f"status_{answer.status}")

    async def sleep(self, seconds: float) -> None:
        """Time passes by itself."""
        self.waited.append(seconds)
        self.now += seconds

    async def lost(self, cursor: str | None = None, space: str = "97") -> Losses:
        """What is found in vain attempts."""
        found = await self.ask(cursor, space)
        assert isinstance(found, Losses)
        return found

    async def ask(self, cursor: str | None = None, space: str = "97") -> Losses | Later | Never:
        """One look."""
        return await (self.kept or self.recall()).lost(space, cursor, TIED, self.known)

    async def known(self, claims: Sequence[Claim]) -> frozenset[Claim]:
        """Which of them the ledger knows for our own writes."""
        return frozenset(self.ours.intersection(claims))

    def recall(self) -> Recall:
        """What a new process asks with."""
        api = cast("Api", self)
        pace = Pace(sleep=self.sleep, clock=lambda: self.now)
        log = Log(instance(), api, pace, lambda: TIED + timedelta(days=9, seconds=self.now))
        return Recall(instance(), api, Search(api, ACCOUNT), log, pace, "rse")

    async def changes(self, cursor: str | None = None) -> list[tuple[str, str]]:
        """The act and the marker of each change that is found."""
        return [(one.act.value, one.marker) for one in told(await self.lost(cursor)) if isinstance(one, Change)]


def told(found: Losses) -> tuple[Outcome, ...]:
    """What was found, without its cursors."""
    return tuple(one.outcome for one in found.losses)
