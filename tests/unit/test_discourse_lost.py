"""A Discourse's log of webhooks, read: each thing as it stands now, under the marker of its own webhook, few requests, nothing from before."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import cast

import pytest

from adapters.discourse.attempts import BURST
from adapters.discourse.http import Answer
from adapters.discourse.likers import LIKERS
from adapters.discourse.lost import AT_ONCE
from adapters.discourse.translate import Discourse
from adapters.port import Act, Change, Claim, Later, Losses, Never, Unused
from tests.fakes_discourse import ACCOUNT, authentic, instance, post
from tests.fakes_discourse_log import BEFORE, FIRST, SECOND, THIRD, TIED, Server, told


@pytest.fixture
def server() -> Server:
    return Server()


async def test_a_message_that_was_lost_is_the_very_change_that_its_webhook_would_have_told(server: Server) -> None:
    said = server.tried("post_created")
    server.stands()
    (by_webhook,) = Discourse().translate(authentic("post_created", {"post": said}), instance())
    (found,) = told(await server.lost())
    assert isinstance(found, Change)
    assert isinstance(by_webhook, Change)
    assert (found.marker, found.native_id, found.version, found.space) == (
        by_webhook.marker, by_webhook.native_id, by_webhook.version, by_webhook.space,
    )  # fmt: skip
    assert (found.content, found.title, found.occurred_at) == (by_webhook.content, by_webhook.title, by_webhook.occurred_at)


async def test_an_edit_a_deletion_and_a_recovery_bear_their_webhooks_markers(server: Server) -> None:
    server.tried("post_edited", id=1, updated_at=SECOND)
    server.stands(id=1, updated_at=SECOND)
    server.tried("post_destroyed", id=2, deleted_at=SECOND)
    server.stands(id=2, deleted_at=SECOND)
    server.tried("post_recovered", id=3, updated_at=FIRST)
    server.stands(id=3, updated_at=FIRST)
    assert await server.changes() == [
        ("edited", f"post_edited:{SECOND}"),
        ("deleted", f"post_destroyed:{SECOND}"),
        ("edited", f"post_recovered:{FIRST}"),
    ]


async def test_old_words_are_never_told_only_what_stands_now(server: Server) -> None:
    server.tried("post_created", cooked="<p>Un</p>")
    server.tried("post_edited", updated_at=SECOND, cooked="<p>Deux</p>")
    server.stands(updated_at=THIRD, cooked="<p>#interne</p>")
    (found,) = told(await server.lost())
    assert isinstance(found, Change)
    assert found.content is not None
    assert (found.act, found.marker, found.content.text) == (Act.EDITED, f"post_edited:{THIRD}", "#interne")


async def test_a_message_that_was_deleted_since_does_not_come_back(server: Server) -> None:
    server.tried("post_created", id=1)
    server.stands(id=1, deleted_at=THIRD)
    server.tried("post_created", id=2)
    found = told(await server.lost())
    assert [one.act for one in found if isinstance(one, Change)] == [Act.DELETED]
    assert found[1] == Unused("post_gone")


async def test_a_deletion_of_what_is_there_again_deletes_nothing(server: Server) -> None:
    server.tried("post_destroyed", deleted_at=SECOND)
    server.stands()
    assert [act for act, _ in await server.changes()] == ["edited"]


async def test_a_post_that_is_no_longer_there_at_all_is_deleted_by_its_own_word(server: Server) -> None:
    server.tried("post_destroyed", deleted_at=SECOND)
    assert await server.changes() == [("deleted", f"post_destroyed:{SECOND}")]


async def test_what_was_written_before_the_tie_stays_there_however_late_it_was_tried(server: Server) -> None:
    server.tried("post_created", updated_at=BEFORE)
    server.attempts[0]["created_at"] = SECOND
    server.stands(updated_at=BEFORE)
    assert await server.changes() == []


async def test_other_categories_and_other_events_are_left_alone(server: Server) -> None:
    server.tried("post_created", id=1, category_id=98)
    server.tried("topic_created", id=2)
    server.attempts.append({"id": 9, "status": -1, "headers": None, "payload": "<html>", "created_at": FIRST})
    assert await server.lost() == Losses((), "9")
    assert not [path for path in server.asked if path.startswith("/posts/")]


async def test_what_was_asked_before_is_not_asked_again(server: Server) -> None:
    server.tried("post_created")
    server.stands()
    cursor = (await server.lost()).cursor
    server.asked.clear()
    assert await server.lost(cursor) == Losses((), cursor)
    assert server.asked == ["/admin/api/web_hooks.json", "/admin/api/web_hook_events/1.json"]


async def test_a_well_forum_is_asked_two_questions(server: Server) -> None:
    assert await server.lost() == Losses((), "0")  # whatever is tried from now on comes after this look
    assert len(server.asked) == 2


async def test_many_are_told_a_few_at_a_time_oldest_first_and_the_rest_soon_after(server: Server) -> None:
    for number in range(1, 3 * AT_ONCE + 1):
        server.tried("post_created", id=number)
        server.stands(id=number)
    cursor, seen = None, []
    for _ in range(3):
        found = await server.lost(cursor)
        seen += [one.native_id for one in told(found) if isinstance(one, Change)]
        assert len(told(found)) == AT_ONCE
        cursor = found.cursor
    assert seen == [f"post:{number}" for number in range(1, 3 * AT_ONCE + 1)]
    assert found.waiting == 0


async def test_each_is_told_with_the_question_that_finds_it_and_all_behind_it(server: Server) -> None:
    for number in (1, 2, 3):
        server.tried("post_created", id=number)
        server.stands(id=number)
    found = await server.lost()
    for place, one in enumerate(found.losses):
        assert told(await server.lost(one.cursor)) == told(found)[place:]


async def test_a_few_questions_are_asked_at_once_and_many_slowly(server: Server) -> None:
    for number in range(1, 41):
        server.tried("post_created", id=number)
        server.stands(id=number)
    await server.lost()
    asked = len(server.asked)
    assert asked > BURST + 20
    assert server.now == pytest.approx((asked - BURST) * 2.0)


async def test_a_like_that_still_stands_is_the_very_change_that_its_webhook_would_have_told(server: Server) -> None:
    server.liked(1, 45)
    server.liked(2, 46)
    server.likers[1204] = [45]
    body = json.loads(server.attempts[0]["payload"])
    (by_webhook,) = Discourse().translate(authentic("post_liked", body), instance())
    assert told(await server.lost()) == (by_webhook, Unused("like_gone"))
    assert server.asked.count("/post_action_users.json") == 1


async def test_a_like_beyond_the_first_page_is_found(server: Server) -> None:
    server.liked(1, 45)
    server.likers[1204] = [*range(1000, 1000 + LIKERS), 45]
    assert [one.act for one in told(await server.lost()) if isinstance(one, Change)] == [Act.REACTED]


@pytest.mark.parametrize("act", [Act.ACCEPTED, Act.UNACCEPTED])
@pytest.mark.parametrize("event", ["accepted_solution", "unaccepted_solution", None])
async def test_an_accepted_answer_is_told_as_the_forum_says_it_now(server: Server, act: Act, event: str | None) -> None:
    headers = event and json.dumps({"X-Discourse-Event": event})
    server.logged(1, headers, {"solved": post(id=7, post_number=2)}, FIRST)
    server.stands(id=7, post_number=2, accepted_answer=act is Act.ACCEPTED)
    (found,) = told(await server.lost())
    assert isinstance(found, Change)
    assert (found.act, found.native_id, found.parent) == (act, "solution:108", "post:7")


async def test_a_clock_that_was_wrong_hides_nothing(server: Server) -> None:
    """By its time an attempt of a clock that went back stands among older ones, and those of one ahead stand before it for a day."""
    for number in range(1, 121):
        server.logged(number, None, {"ping": "OK"}, f"2026-03-04T08:{number // 60:02}:{number % 60:02}.000Z")
    server.tried("post_created", id=1, updated_at=SECOND)
    server.stands(id=1, updated_at=SECOND)
    assert await server.changes("120") == [("posted", f"post_created:{SECOND}")]


async def test_a_log_is_not_read_further_back_than_clocks_go_wrong(server: Server) -> None:
    for number in range(1, 401):
        server.logged(number, None, {"ping": "OK"}, f"2026-03-{2 + number // 40:02}T08:00:{number % 60:02}.000Z")
    await server.lost("400")
    assert len(server.asked) == 3


async def test_a_limit_reached_on_the_way_keeps_what_was_read_and_loses_nothing(server: Server) -> None:
    for number in (1, 2):
        server.tried("post_created", id=number)
        server.stands(id=number)
    server.answers["/posts/2.json"] = Later("rate_limited", 30.0)
    found = await server.lost()
    assert ([one.native_id for one in told(found) if isinstance(one, Change)], found.cursor, found.waiting) == (["post:1"], "1", 1)
    assert await server.ask(found.cursor) == Later("rate_limited", 30.0)
    server.answers.clear()
    assert [one.native_id for one in told(await server.lost("1")) if isinstance(one, Change)] == ["post:2"]


@pytest.mark.parametrize("path", ["/admin/api/web_hooks.json", "/admin/api/web_hook_events/1.json"])
async def test_an_account_that_is_no_administrator_is_told_so(server: Server, path: str) -> None:
    server.answers[path] = Answer(404, {})
    assert await server.ask() == Never("not_an_administrator")
    server.answers[path] = Later("rate_limited", 12.0)
    assert await server.ask() == Later("rate_limited", 12.0)


async def test_the_webhooks_of_others_are_not_read(server: Server) -> None:
    server.hooks = [{"id": 7, "secret": "celui d’un autre"}, {"id": 8}]
    await server.lost()
    assert server.asked[1:] == ["/admin/api/web_hook_events/8.json"]


async def test_a_forum_whose_clock_is_behind_is_asked_by_our_time(server: Server) -> None:
    before = TIED - timedelta(days=1)
    stamp = before.isoformat().replace("+00:00", "Z")
    attempt = server.tried("post_created", created_at=stamp, updated_at=stamp)
    server.attempts[-1]["created_at"] = stamp
    server.stands(created_at=stamp, updated_at=stamp)
    assert attempt
    assert await server.changes() == []
    server.offset = -timedelta(days=2)
    assert [act for act, _ in await server.changes()] == ["posted"]


async def test_what_was_tried_before_the_clock_went_ahead_is_not_taken_for_older_than_the_tie(server: Server) -> None:
    looked = (await server.lost()).cursor
    server.stands(id=501, post_number=4, updated_at=FIRST)
    server.tried("post_edited", id=501, post_number=4, updated_at=FIRST)
    server.offset = timedelta(days=9)
    assert [cast("Change", one.outcome).native_id for one in (await server.lost(looked)).losses] == ["post:501"]
    assert (await server.lost()).losses == ()  # a first look knows no better than its clock


async def test_what_was_tried_while_the_clock_was_behind_the_tie_is_told_though_the_clock_is_right_again(server: Server) -> None:
    looked = (await server.lost()).cursor
    server.stands(id=501, post_number=4, created_at=BEFORE, updated_at=BEFORE)
    server.tried("post_created", id=501, post_number=4, created_at=BEFORE, updated_at=BEFORE)
    server.likers[502] = [7]
    body = {"like": {"post": post(id=502), "user": {"id": 7, "username": "u7", "name": "Une personne 7"}}}
    server.logged(2, json.dumps({"X-Discourse-Event": "post_liked"}), body, BEFORE)
    found = [cast("Change", one.outcome) for one in (await server.lost(looked)).losses]
    assert [one.act for one in found] == [Act.POSTED, Act.REACTED]


async def test_our_own_writes_are_not_asked_for(server: Server) -> None:
    """Most of what a busy space tells is what we wrote there."""
    for number in (1, 2, 3):
        server.tried("post_created", id=number)
        server.stands(id=number)
    server.ours = {Claim("post:1", Act.POSTED, FIRST), Claim("post:3", Act.POSTED, FIRST)}
    found = await server.lost()
    assert ([one.native_id for one in told(found) if isinstance(one, Change)], found.cursor) == (["post:2"], "3")
    assert [path for path in server.asked if path.startswith("/posts/")] == ["/posts/2.json"]


async def test_a_copy_that_others_changed_later_is_asked_for(server: Server) -> None:
    server.tried("post_created", id=1)
    server.tried("post_edited", id=1, updated_at=SECOND)
    server.stands(id=1, updated_at=SECOND)
    server.ours = {Claim("post:1", Act.POSTED, FIRST)}
    assert await server.changes() == [("edited", f"post_edited:{SECOND}")]


async def test_what_our_own_account_likes_is_not_asked_for(server: Server) -> None:
    server.liked(1, 45)
    body = json.loads(server.attempts[0]["payload"])
    body["like"]["user"]["username"] = ACCOUNT.title()
    server.attempts[0]["payload"] = json.dumps(body)
    assert await server.lost() == Losses((), "1")
    assert "/post_action_users.json" not in server.asked
