"""Applications: manifests as they came, and what became of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, func, insert, select, update

from hub.registry.declarations import TYPE, Declaration
from hub.storage.registry_tables import acts, applications
from schemas import jcs
from schemas.application import Kind
from schemas.application_faults import reopened

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from schemas.application import Manifest
    from schemas.application_faults import SignedManifest


class ApplicationState(StrEnum):
    """An application's life."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    REPLACED = "replaced"


APPLICATION_STEPS: Final[Mapping[ApplicationState, frozenset[ApplicationState]]] = {
    ApplicationState.OPEN: frozenset({ApplicationState.ACCEPTED, ApplicationState.REFUSED, ApplicationState.REPLACED}),
    ApplicationState.ACCEPTED: frozenset({ApplicationState.REPLACED}),
    ApplicationState.REFUSED: frozenset(),
    ApplicationState.REPLACED: frozenset(),
}
"""An application's lifecycle: a newer manifest replaces the one before; of all, one at most is open and one at most accepted."""
STANDING: Final = frozenset({ApplicationState.OPEN, ApplicationState.ACCEPTED})
"""Applications that still say something."""


@dataclass(frozen=True, slots=True)
class Application:
    """A manifest that came, or a declaration in place of one, and its state."""

    subject: str
    digest: str
    state: ApplicationState
    unparsed: bytes = field(repr=False)
    issued: datetime
    applied_at: datetime
    decided_at: datetime | None = None

    @classmethod
    def of(cls, signed: SignedManifest, now: datetime) -> Application:
        """An application that comes now."""
        manifest = signed.manifest
        return cls(manifest.subject, signed.digest, ApplicationState.OPEN, signed.unparsed, manifest.issued, now)

    @classmethod
    def declared(cls, declaration: Declaration, now: datetime) -> Application:
        """What stands in an application's place for a server that cannot apply."""
        return cls(declaration.subject, declaration.digest, ApplicationState.OPEN, declaration.unparsed, declaration.issued, now)

    @property
    def declared_here(self) -> bool:
        """Whether people of the federation say it, and nobody signed it."""
        return isinstance(self.said, Declaration)

    @property
    def said(self) -> Manifest | Declaration:
        """What it says."""
        document = jcs.parse(self.unparsed)
        return Declaration.reopened(document) if document["type"] == TYPE else reopened(self.unparsed)


@dataclass(frozen=True, slots=True)
class Came:
    """Which application somebody came with last, and when."""

    digest: str
    applied_at: datetime


class SqlApplications:
    """Applications in the database."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of(self, subject: str) -> list[Application]:
        """Somebody's applications, oldest first."""
        return await applications_of(self._connection, subject)

    async def last(self, subject: str) -> Came | None:
        """Which one somebody came with last, unread."""
        query = select(applications.c.digest, applications.c.applied_at).where(applications.c.subject == subject)
        row = (await self._connection.execute(query.order_by(applications.c.applied_at.desc()).limit(1))).first()
        return Came(row.digest, row.applied_at) if row else None

    async def forget(self, application: Application) -> None:
        """Keep nothing of one on which nobody acted but who brought it."""
        await self._connection.execute(delete(acts).where(acts.c.application == application.digest, acts.c.person.is_(None)))
        await self._connection.execute(delete(applications).where(applications.c.digest == application.digest))

    async def add(self, application: Application) -> None:
        """Keep a new one."""
        row = {
            "digest": application.digest, "subject": application.subject, "state": application.state.value,
            "manifest": application.unparsed, "issued": application.issued, "applied_at": application.applied_at,
        }  # fmt: skip
        await self._connection.execute(insert(applications).values(**row))

    async def decide(self, application: Application, state: ApplicationState, now: datetime) -> None:
        """Bring it to another state; raises ValueError for a step that its lifecycle does not know."""
        if state not in APPLICATION_STEPS[application.state]:
            raise ValueError(f"{application.state} → {state}")
        statement = update(applications).where(applications.c.digest == application.digest)
        await self._connection.execute(statement.values(state=state.value, decided_at=now))

    async def open_ones(self) -> int:
        """How many wait for a decision."""
        query = select(func.count()).select_from(applications).where(applications.c.state == ApplicationState.OPEN.value)
        return int(await self._connection.scalar(query) or 0)


async def applications_of(connection: AsyncConnection, subject: str) -> list[Application]:
    """Somebody's applications, oldest first."""
    query = select(applications).where(applications.c.subject == subject).order_by(applications.c.issued)
    return [_application(row) for row in await connection.execute(query)]


async def open_applications(connection: AsyncConnection) -> list[tuple[Kind, str, datetime]]:
    """Who waits for a decision, and since when, the longest first; what each says is not read."""
    query = select(applications.c.subject, applications.c.applied_at).where(applications.c.state == ApplicationState.OPEN.value)
    rows = [(*row.subject.split("/", 1), row.applied_at) for row in await connection.execute(query.order_by(applications.c.applied_at))]
    return [(Kind(kind), name, at) for kind, name, at in rows]


def _application(row: Any) -> Application:
    return Application(
        row.subject, row.digest, ApplicationState(row.state), bytes(row.manifest), row.issued, row.applied_at, row.decided_at
    )
