"""What a client may offer beyond the port: a notice in a tied space, a word to one person, what a space held before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from adapters.port import RseClient

if TYPE_CHECKING:
    from adapters.port import Later, Never, Written
    from schemas.facts.message import Content


@dataclass(frozen=True, slots=True)
class Notice:
    """What a tied space tells its readers. `key` is the same for ever for one space and community: the marker in the RSE.

    `native_id` where it was written before; `pinned` while it is to stand at the top.
    """

    space: str
    key: str
    title: str
    content: Content
    pinned: bool
    native_id: str | None = None


@runtime_checkable
class Announces(RseClient, Protocol):
    """An RSE in whose spaces a notice can be kept."""

    async def show(self, notice: Notice) -> Written | Later | Never:
        """Make the notice stand as given, once: changed in place where it stands, found by its key before it is written anew.

        A pin that the platform refuses is no refusal of the notice.
        """
        ...
