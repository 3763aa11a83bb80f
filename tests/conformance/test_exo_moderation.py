"""What an eXo's own people wrote, taken away by a moderator's word: eXo lets an administrator delete it, and nobody bring it back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from adapters.port import TAKEN_BACK, UNSUPPORTED, Act, Never, Order, Written
from schemas.facts.message import Author, Content
from tests.fakes_exo import ACCOUNT, ALPHA3, V1
from tests.fakes_exo_twin import Portal, portal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

REASON = "Message retiré par la modération : hors sujet"


@pytest.fixture(params=[V1, ALPHA3])
async def rse(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Portal]:
    """One whose connector's account administers it."""
    async with portal(tmp_path, request.param, managers=("animatrice", ACCOUNT)) as found:
        yield found


def taking_away(rse: Portal, native_id: str) -> Order:
    return Order(Act.DELETED, "0" * 32, "subject", rse.space, native_id=native_id, original=True, reason=REASON)


async def shown(rse: Portal) -> list[str]:
    return [str(item["title"]) for item in await rse.items()]


async def test_an_original_goes_and_cannot_come_back(rse: Portal) -> None:
    native, other = await rse.post("Des nouvelles"), await rse.post("Autre chose")
    gone = taking_away(rse, native)
    outcome = await rse.client.write(gone)
    assert isinstance(outcome, Written)
    assert not any("nouvelles" in title for title in await shown(rse))
    assert any("Autre chose" in title for title in await shown(rse))
    assert other != native
    assert await rse.client.find(gone) == outcome  # as after a crash
    said = Content(html="<p>Des nouvelles</p>", text="Des nouvelles")
    back = replace(gone, act=Act.EDITED, content=said, author=Author(name="Camille Roux", organisation="Finances"), insisted=True)
    assert await rse.client.write(back) == Never(UNSUPPORTED, "original_gone")


async def test_an_original_that_its_author_deleted_is_not_taken_for_ours(rse: Portal) -> None:
    native = await rse.post("Des nouvelles")
    assert isinstance(await rse.client.write(taking_away(rse, native)), Written)  # gone, whoever it was
    assert await rse.client.write(replace(taking_away(rse, native), key="1" * 32)) == Never(UNSUPPORTED, TAKEN_BACK)


async def test_an_original_that_others_answered_takes_their_answers_with_it_and_the_space_is_told(rse: Portal) -> None:
    native = await rse.post("Des nouvelles")
    await rse.comment(native, "Merci beaucoup")
    assert isinstance(await rse.client.write(taking_away(rse, native)), Written)
    (notice,) = await shown(rse)
    assert "nouvelles" not in notice
    assert "réponse" in notice


async def test_an_answer_that_is_taken_away_leaves_what_it_answered(rse: Portal) -> None:
    root = await rse.post("Une question")
    answer = await rse.comment(root, "Une réponse déplacée")
    assert isinstance(await rse.client.write(taking_away(rse, answer)), Written)
    assert any("Une question" in title for title in await shown(rse))
    assert not any("déplacée" in title for title in await shown(rse))


@pytest.mark.parametrize("generation", [V1, ALPHA3])
async def test_where_the_account_administers_nothing_an_original_stays(tmp_path: Path, generation: str) -> None:
    async with portal(tmp_path, generation) as rse:
        native = await rse.post("Des nouvelles")
        assert await rse.client.write(taking_away(rse, native)) == Never("forbidden")
        assert any("nouvelles" in title for title in await shown(rse))
