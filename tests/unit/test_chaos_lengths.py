"""A chaos run's long texts are longer than one write into most RSEs takes, and no longer than their own RSE lets people write."""

from __future__ import annotations

import pytest

from adapters.discourse.limits import DEFAULT
from adapters.exo.render import TEXT_LIMIT
from adapters.matrix.compose import EVENT_LIMIT
from tests.chaos.discourse import Discourse
from tests.chaos.exo import Exo
from tests.chaos.matrix import Matrix
from tests.chaos.people import Wish
from tests.chaos.words import text_of

HOMESERVER = 65_536 - 1_000


@pytest.mark.parametrize("wish", [Wish.POST, Wish.REPLY, Wish.EDIT])
def test_long_texts_of_every_kind_are_divided_elsewhere_and_fit_at_home(wish: Wish) -> None:
    forum, room, wall = (text_of(1, 1, kind.longest[wish]) for kind in (Discourse, Matrix, Exo))
    assert len(forum) < DEFAULT.max_post_length
    assert len(room.encode()) * (2 if wish is Wish.EDIT else 1) < HOMESERVER
    assert min(len(text) for text in (forum, room, wall)) > TEXT_LIMIT
    assert all(2 * len(text.encode()) > EVENT_LIMIT for text in (forum, wall))
