"""What people of a space see, waited for: a message as it should be, or its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deploy.demo.spaces import find
from tests.fakes_synapse import seen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from deploy.demo.spaces import Shown, Space


async def shows(space: Space, words: str, fits: Callable[[Shown], Any] = lambda _: True) -> Shown:
    """A message as soon as people of a space see it so."""

    def held(shown: Sequence[Shown]) -> bool:
        found = find(shown, words)
        return found is not None and bool(fits(found))

    found = find(await seen(space.shown, held), words)
    assert found is not None
    return found


async def lacks(space: Space, words: str) -> None:
    """Wait until nobody there sees it any more."""
    await seen(space.shown, lambda shown: find(shown, words) is None)
