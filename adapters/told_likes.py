"""The ledger's word on likes: which of them others were told of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adapters.memory import OBJECT_COLUMNS, object_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.ledger import Ledger
    from adapters.memory import KnownObject

_TOLD = """
    FROM objects AS liked JOIN objects AS message ON message.instance = liked.instance AND message.native_id = liked.about
    WHERE liked.instance = $1 AND liked.kind = 'reaction' AND liked.origin = 'own' AND NOT message.deleted AND NOT message.withdrawn
"""
LIKES: Final = f"SELECT {', '.join(f'liked.{one}' for one in OBJECT_COLUMNS.split(', '))} {_TOLD} AND liked.about = $2"
LIKED: Final = f"""
    SELECT about FROM (SELECT DISTINCT liked.about {_TOLD} AND NOT liked.deleted AND liked.space = ANY($2)) AS messages
    ORDER BY length(about) DESC, about DESC LIMIT $3
"""  # noqa: S608 - constants
"""The newest ones: their numbers grow."""


@dataclass(frozen=True, slots=True)
class ToldLikes:
    """What others were told of an instance's likes, by the ledger."""

    ledger: Ledger
    instance: str

    async def likes(self, message: str) -> list[KnownObject]:
        """The likes of a message of which others were told, `deleted` where that it was taken back, too."""
        async with self.ledger.connection() as connection:
            return [object_of(row) for row in await connection.fetch(LIKES, self.instance, message)]

    async def liked(self, spaces: Sequence[str], most: int) -> list[str]:
        """The newest messages of these spaces that have any which stands."""
        async with self.ledger.connection() as connection:
            return [row["about"] for row in await connection.fetch(LIKED, self.instance, list(spaces), most)]
