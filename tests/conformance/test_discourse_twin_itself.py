"""The twin behaves as a Discourse does from outside: its refusals, its retries, its memory, its pages."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from adapters.discourse.twin.options import read
from deploy.local.ports import free_port
from tests.fakes_adapters import until
from tests.fakes_discourse_twin import Forum, forum

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

RAW = "Bonjour à tous, voici les nouvelles."
TITLE = "Des nouvelles de notre atelier"


@pytest.fixture
async def rse(tmp_path: Path) -> AsyncIterator[Forum]:
    async with forum(tmp_path) as found:
        yield found


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"raw": "ok"}, "Body is too short (minimum is 20 characters)"),
        ({"raw": "ok <!-- un commentaire ne compte pas -->"}, "Body is too short (minimum is 20 characters)"),
        ({"raw": "é" * 32_001}, "Body is limited to 32000 characters; you entered 32001."),
        ({"title": "Court"}, "Title is too short (minimum is 15 characters)"),
        ({"title": "TOUT EN CAPITALES ICI"}, "Title seems unclear, is it a complete sentence?"),
        ({"category": 5}, "Category can't be blank"),
        ({"external_id": "a b"}, "External is invalid"),
    ],
)
async def test_what_discourse_refuses_is_refused_in_its_words(rse: Forum, changes: dict[str, Any], error: str) -> None:
    body: dict[str, Any] = {"title": TITLE, "raw": RAW, "category": 97, **changes}
    assert await rse.call("POST", "/posts.json", **body) == (422, {"action": "create_post", "errors": [error]})


async def test_a_title_or_a_text_written_twice_is_refused(rse: Forum) -> None:
    assert (await rse.call("POST", "/posts.json", title=TITLE, raw=RAW, category=97))[0] == 200
    status, answer = await rse.call("POST", "/posts.json", title=TITLE.upper().lower(), raw=RAW + " ", category=97)
    assert (status, answer["errors"]) == (422, ["Title has already been used", "Body is too similar to what you recently posted"])


async def test_the_same_creation_sent_again_gets_the_same_answer(rse: Forum) -> None:
    body: dict[str, Any] = {"title": TITLE, "raw": RAW, "category": 97}
    assert await rse.call("POST", "/posts.json", **body) == await rse.call("POST", "/posts.json", **body)
    assert len(await rse.posts()) == 1


async def test_a_wrong_key_and_anothers_post_are_forbidden(rse: Forum) -> None:
    _, post = await rse.call("POST", "/posts.json", title=TITLE, raw=RAW, category=97)
    assert (await rse.call("PUT", f"/posts/{post['id']}.json", "leo", post={"raw": RAW}))[0] == 403
    async with rse.session.get(rse.options.url + "/session/current.json", headers={"Api-Key": "x", "Api-Username": "leo"}) as response:
        assert response.status == 403
        assert (await response.json())["error_type"] == "invalid_access"


async def test_an_author_cannot_delete_a_topic_that_others_answered(rse: Forum) -> None:
    _, post = await rse.call("POST", "/posts.json", title=TITLE, raw=RAW, category=97)
    await rse.call("POST", "/posts.json", "leo", topic_id=post["topic_id"], raw="Merci pour ces nouvelles !")
    assert (await rse.call("DELETE", f"/posts/{post['id']}.json"))[0] == 403
    assert (await rse.call("DELETE", f"/t/{post['topic_id']}.json", "system"))[0] == 200
    assert (await rse.call("PUT", f"/t/{post['topic_id']}/recover", "system"))[0] == 200
    await rse.sink.wait(7)
    assert rse.sink.events()[3:] == ["post_destroyed", "topic_destroyed", "topic_recovered", "post_recovered"]


async def test_a_form_is_read_as_rails_reads_it(rse: Forum) -> None:
    headers = {"Api-Key": rse.instance.api_secret.get_secret_value(), "Api-Username": "camille"}
    url = rse.options.url
    async with rse.session.post(f"{url}/posts.json", data={"title": TITLE, "raw": RAW, "category": "97"}, headers=headers) as response:
        post = await response.json()
    async with rse.session.put(
        f"{url}/posts/{post['id']}.json", data={"post[raw]": "Un autre texte, assez long."}, headers=headers
    ) as response:
        assert (await response.json())["post"]["raw"] == "Un autre texte, assez long."


async def test_each_retry_bears_a_new_event_id_and_the_same_body(rse: Forum) -> None:
    rse.sink.statuses = [503, 500]
    await rse.call("POST", "/posts.json", title=TITLE, raw=RAW, category=97)
    seen = await rse.sink.wait(4)
    told = [request for request in seen if request.headers["x-discourse-event"] == "topic_created"]
    assert len({request.headers["x-discourse-event-id"] for request in seen}) == 4
    assert len({request.body for request in told}) == 1
    assert sorted(rse.sink.events()) == ["post_created"] * 2 + ["topic_created"] * 2


async def test_a_webhook_is_given_up_after_four_retries_and_at_once_after_a_404(rse: Forum) -> None:
    rse.sink.statuses = [404, *[500] * 5]
    await rse.call("POST", "/posts.json", title=TITLE, raw=RAW, category=97)
    await rse.sink.wait(6)
    await rse.call("POST", "/posts.json", "leo", topic_id=int((await rse.posts())[0]["topic"]), raw="Merci pour ces nouvelles !")
    await rse.sink.wait(7)
    assert rse.sink.events() == ["topic_created", *["post_created"] * 6]


async def test_a_webhook_that_nobody_takes_is_lost_at_once_and_stands_in_the_log_of_administrators(tmp_path: Path) -> None:
    async with forum(tmp_path, webhook="http://127.0.0.1:9/", retry_unit=1.0) as rse:
        await rse.call("POST", "/posts.json", title=TITLE, raw=RAW, category=97)

        async def given_up() -> list[bool]:
            return [parcel["given_up"] for parcel in (await rse.call("GET", "/twin/webhooks"))[1]]

        await until(given_up, [True, True])
        hooks = (await rse.call("GET", "/admin/api/web_hooks.json", "system"))[1]["web_hooks"]
        log = (await rse.call("GET", f"/admin/api/web_hook_events/{hooks[0]['id']}.json", "system"))[1]["web_hook_events"]
        assert [attempt["status"] for attempt in log] == [-1, -1]
        assert ["post" in attempt["payload"][:8] for attempt in log] == [True, False]
        assert (await rse.call("GET", "/admin/api/web_hooks.json", "camille"))[0] == 404


async def test_the_log_is_sorted_by_the_forums_clock_be_it_right_or_wrong(tmp_path: Path) -> None:
    async with forum(tmp_path, webhook="http://127.0.0.1:9/", retry_unit=1.0) as rse:
        _, post = await rse.call("POST", "/posts.json", title=TITLE, raw=RAW, category=97)
        await until(lambda: _log(rse), ["post_created", "topic_created"])
        await rse.call("POST", "/twin/faults", kind="clock", seconds=-3600)
        await rse.call("POST", "/post_actions.json", "leo", id=post["id"], post_action_type_id=2)
        await until(lambda: _log(rse), ["post_created", "topic_created", "post_liked"])
        told = (await rse.call("GET", "/twin/webhooks"))[1]
        assert [parcel["about"] for parcel in told] == [post["topic_id"], post["id"], post["id"]]


async def _log(rse: Forum) -> list[str]:
    found = (await rse.call("GET", "/admin/api/web_hook_events/1.json", "system"))[1]["web_hook_events"]
    return [json.loads(attempt["headers"])["X-Discourse-Event"] for attempt in found]


async def test_everybody_who_likes_a_post_is_named(rse: Forum) -> None:
    _, post = await rse.call("POST", "/posts.json", title=TITLE, raw=RAW, category=97)
    await rse.call("POST", "/post_actions.json", "leo", id=post["id"], post_action_type_id=2)
    query = f"?id={post['id']}&post_action_type_id=2"
    assert [one["username"] for one in (await rse.call("GET", f"/post_action_users.json{query}"))[1]["post_action_users"]] == ["leo"]
    assert (await rse.call("GET", f"/post_action_users.json{query}&page=1"))[1]["post_action_users"] == []


async def test_posts_and_webhooks_to_come_survive_a_stop(tmp_path: Path) -> None:
    async with forum(tmp_path, retry_unit=1.0) as rse:
        rse.sink.failing = 2
        await rse.call("POST", "/posts.json", title=TITLE, raw=RAW, category=97)
        await rse.sink.wait(2)
        waiting = (await rse.call("GET", "/twin/webhooks"))[1]
        assert len(waiting) == 2
        before = await rse.posts()
    async with forum(tmp_path) as rse:
        assert await rse.posts() == before
        assert [parcel["event"] for parcel in (await rse.call("GET", "/twin/webhooks"))[1]] == ["topic_created", "post_created"]
        _, post = await rse.call("POST", "/posts.json", "leo", topic_id=before[0]["topic"], raw="Merci pour ces nouvelles !")
        assert (post["id"], post["post_number"]) == (before[0]["id"] + 1, 2)


async def test_its_pages_show_what_its_users_see_and_obey_no_html(rse: Forum) -> None:
    await rse.call("POST", "/posts.json", title=TITLE, raw="<script>alert(1)</script> **bonjour** à tous", category=97)
    async with rse.session.get(rse.options.url + "/") as response:
        home = await response.text()
    link = home.partition('href="')[2].partition('"')[0]
    async with rse.session.get(rse.options.url + link) as response:
        page = await response.text()
    assert TITLE in home
    assert "<strong>bonjour</strong>" in page
    assert "Camille Roux" in page
    assert "<script>" not in page


async def test_a_person_may_be_named_later(rse: Forum) -> None:
    await rse.call("POST", "/users.json", username="ines", name="Inès Faure")
    _, post = await rse.call("POST", "/posts.json", "ines", title=TITLE, raw=RAW, category=97)
    assert post["name"] == "Inès Faure"


async def test_a_fault_of_no_known_kind_is_refused(rse: Forum) -> None:
    assert (await rse.call("POST", "/twin/faults", kind="meteorite"))[0] == 400


def test_its_command_line_reads_people_and_categories(tmp_path: Path) -> None:
    words = ["--port", "8101", "--state", str(tmp_path / "s"), "--webhook", "http://127.0.0.1:1/", "--secret", "s", "--api-key", "k"]
    found = read([*words, "--category", "97:Futurs Publics", "--user", "camille:Camille Roux", "--staff", "robot"])
    assert (found.url, found.categories, found.people, found.rate) == (
        "http://127.0.0.1:8101",
        ("97:Futurs Publics",),
        ("camille:Camille Roux",),
        60,
    )
    assert "robot" in found.staff


async def test_it_runs_as_a_process_and_ends_on_a_signal(tmp_path: Path) -> None:
    port = free_port()
    words = [
        "--port",
        str(port),
        "--state",
        str(tmp_path / "s"),
        "--webhook",
        "http://127.0.0.1:9/",
        "--secret",
        "s",
        "--api-key",
        "k",
    ]
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "adapters.discourse.twin", *words, "--category", "97:Futurs")
    try:
        assert "Futurs" in await _page(f"http://127.0.0.1:{port}/")
    finally:
        process.terminate()
        async with asyncio.timeout(90):
            assert await process.wait() == 0


async def _page(url: str) -> str:
    async with asyncio.timeout(90), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(url) as response:
                    return await response.text()
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.05)


def test_secrets_are_read_from_a_file_of_words_and_the_address_is_told(tmp_path: Path) -> None:
    words = tmp_path / "words"
    words.write_text("--secret\nun secret\n--api-key\nune clé\n")
    options = read(["--port", "1", "--host", "0.0.0.0", "--state", "s", "--webhook", "w", f"@{words}"])  # noqa: S104 - nothing listens
    assert (options.secret, options.api_key, options.host) == ("un secret", "une clé", "0.0.0.0")  # noqa: S104 - as above


async def test_a_webhook_may_come_twice_or_be_overtaken(rse: Forum) -> None:
    await rse.call("POST", "/posts.json", title=TITLE, raw=RAW, category=97)
    await rse.sink.wait(2)
    topic = (await rse.posts())[0]["topic"]
    await rse.call("POST", "/twin/faults", kind="webhook_late", seconds=2.0)
    await rse.call("POST", "/posts.json", "leo", topic_id=topic, raw="Je l'ai dit le premier.")
    await rse.call("POST", "/twin/faults", kind="webhook_twice", seconds=0.01)
    await rse.call("POST", "/posts.json", "leo", topic_id=topic, raw="Je l'ai dit le second.")
    came = [json.loads(request.body)["post"]["post_number"] for request in (await rse.sink.wait(5))[2:]]
    assert came == [3, 3, 2]


async def test_its_clock_may_be_wrong_and_is_right_again_once_faults_end(rse: Forum) -> None:
    await rse.call("POST", "/twin/faults", kind="clock", seconds=-7200)
    _, behind = await rse.call("POST", "/posts.json", title=TITLE, raw=RAW, category=97)
    await rse.call("POST", "/twin/faults", kind="none")
    _, right = await rse.call("PUT", f"/posts/{behind['id']}.json", post={"raw": f"{RAW} Et davantage."})
    assert datetime.fromisoformat(right["post"]["updated_at"]) - datetime.fromisoformat(behind["created_at"]) > timedelta(hours=1)


async def test_what_it_has_given_up_telling_can_be_asked(rse: Forum) -> None:
    rse.sink.statuses = [404, 404]
    _, post = await rse.call("POST", "/posts.json", title=TITLE, raw=RAW, category=97)
    await rse.sink.wait(2)
    parcels: list[dict[str, Any]] = []
    async with asyncio.timeout(90):
        while not parcels or not all(parcel["given_up"] for parcel in parcels):
            await asyncio.sleep(0.01)
            parcels = (await rse.call("GET", "/twin/webhooks"))[1]
    assert [parcel["about"] for parcel in parcels if parcel["type"] == "post"] == [post["id"]]
