"""A message that its author keeps inside, in every RSE: where a space or a category bears the mark's name too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapters.internal import stays_inside
from adapters.port import Act

if TYPE_CHECKING:
    from tests.rses.rse import Rse


@pytest.mark.parametrize(
    "text", ["#interne Le budget ne sort pas d’ici.", "#Interne Le budget ne sort pas d’ici.", "**#interne** Le budget ne sort pas d’ici."]
)
async def test_a_message_that_begins_with_the_mark_stays(rse: Rse, text: str) -> None:
    assert stays_inside(await rse.change(Act.POSTED, await rse.post(text)), rse.instance.mark)


async def test_a_message_that_speaks_of_the_mark_leaves(rse: Rse) -> None:
    change = await rse.change(Act.POSTED, await rse.post("Commencez par #interne ce qui ne sort pas d’ici."))
    assert not stays_inside(change, rse.instance.mark)
    assert change.content is not None
    assert "#interne" in change.content.text
