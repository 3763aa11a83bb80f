"""A connector whose settings spell its account in other capitals than the forum does: Discourse holds both to be one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapters.discourse import DiscourseClient
from adapters.port import Act, Later, Written
from tests.fakes_discourse import instance, order
from tests.fakes_discourse_twin import Forum, forum

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def rse(tmp_path: Path) -> AsyncIterator[Forum]:
    async with forum(tmp_path) as found:
        spelt = DiscourseClient(instance(found.options.url, api_username="TraitDUnion"))
        found.client, first = spelt, found.client
        yield found
        found.client = first
        await spelt.close()


async def posted(rse: Forum) -> tuple[str, int]:
    status, post = await rse.call("POST", "/posts.json", title="Des nouvelles de notre atelier", raw="Bonjour à tous, voici.", category=97)
    assert status == 200, post
    return f"post:{post['id']}", post["topic_id"]


async def test_its_reply_is_found_after_a_lost_answer(rse: Forum) -> None:
    _, topic = await posted(rse)
    given = order(parent=f"topic:{topic}/1")
    await rse.fault(kind="lost_answer")
    assert await rse.client.write(given) == Later("unreachable")
    found = await rse.client.find(given)
    assert isinstance(found, Written)
    assert found.locator == f"topic:{topic}/2"


async def test_what_it_deleted_itself_is_not_taken_for_a_persons_deletion(rse: Forum) -> None:
    native, _ = await posted(rse)
    gone = order(Act.DELETED, native_id=native, content=None, original=True, reason="Hors sujet")
    assert isinstance(await rse.client.write(gone), Written)
    assert isinstance(await rse.client.find(gone), Written)
    assert isinstance(await rse.client.write(gone), Written)
