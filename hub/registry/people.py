"""The people of the federation: those who approve, each by a token of her own that is kept as its hash alone."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select, update

from hub.access.approval import Approver
from hub.storage.registry_tables import people
from schemas.siret import siren_of

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

PREFIX: Final = "tdu-"
"""So that a token that somebody left in a file or a log can be searched for."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody named who acts for the federation."""

    id: str
    name: str
    organisation: str
    siret: str
    added_at: datetime
    revoked_at: datetime | None = None

    def approver(self) -> Approver:
        """What `access` asks of her."""
        return Approver(self.id, siren_of(self.siret))


@dataclass(frozen=True, slots=True)
class Presence:
    """A person who has just shown who she is: how (`provider`, `acr`), and when."""

    person: Person
    provider: str
    acr: str
    auth_time: datetime


def new_token() -> str:
    """A token of 256 bits, shown once."""
    return PREFIX + secrets.token_urlsafe(32)


def hash_of(token: str) -> bytes:
    """What is kept of a token; it has the entropy of a key, so that a slow hash would protect nothing more."""
    return hashlib.sha256(token.encode()).digest()


class SqlPeople:
    """The federation's people in the database."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def all(self) -> list[Person]:
        """Everybody, those who left as well."""
        return [_person(row) for row in await self._connection.execute(select(people).order_by(people.c.added_at))]

    async def by_token(self, unverified: str) -> Person | None:
        """Who holds this token; None for an unknown or revoked one. The hash is looked up, so that no comparison leaks the token."""
        query = select(people).where(people.c.token_hash == hash_of(unverified), people.c.revoked_at.is_(None))
        row = (await self._connection.execute(query)).first()
        return _person(row) if row else None

    async def bearer(self, unverified: str) -> Person | None:
        """Whose token it is or was: a token that ended is nobody else's for ever."""
        row = (await self._connection.execute(select(people).where(people.c.token_hash == hash_of(unverified)))).first()
        return _person(row) if row else None

    async def get(self, person: str) -> Person | None:
        """A person, wherever she stands."""
        row = (await self._connection.execute(select(people).where(people.c.id == person))).first()
        return _person(row) if row else None

    async def add(self, person: Person, token: str) -> None:
        """Add a person with her token."""
        row = {"id": person.id, "name": person.name, "organisation": person.organisation, "siret": person.siret}
        await self._connection.execute(insert(people).values(**row, token_hash=hash_of(token), added_at=person.added_at))

    async def revoke(self, person: str, at: datetime) -> bool:
        """End a person's token; False for who is unknown or gone already. What she decided with others stands; what waits for another person's approval counts hers no more."""
        statement = update(people).where(people.c.id == person, people.c.revoked_at.is_(None)).values(revoked_at=at)
        return (await self._connection.execute(statement)).rowcount > 0


def _person(row: Any) -> Person:
    return Person(row.id, row.name, row.organisation, row.siret, row.added_at, row.revoked_at)
