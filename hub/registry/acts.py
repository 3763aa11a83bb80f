"""What people did in the registry: each act dated, kept, and attested by the hub's own signature."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select, update

from hub.storage.registry_tables import acts, people
from schemas import jcs
from schemas.documents import sign_document
from schemas.manifest import Change, Grade
from schemas.proof import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.registry.people import Person, Presence
    from schemas.keys import SigningKey


class ActKind(StrEnum):
    """What was done."""

    APPLIED = "applied"
    DECLARED = "declared"
    APPROVED = "approved"
    REFUSED = "refused"
    GRADE_CHANGED = "grade_changed"
    QUARANTINE_ENDED = "quarantine_ended"
    KEY_ANNOUNCED = "key_announced"
    KEY_ROTATED = "key_rotated"
    KEY_REVOKED = "key_revoked"
    KEY_COMPROMISED = "key_compromised"
    MODERATOR_NAMED = "moderator_named"
    MODERATOR_ENDED = "moderator_ended"
    MESSAGE_MODERATED = "message_moderated"
    MESSAGE_RESTORED = "message_restored"
    COPY_REWRITTEN = "copy_rewritten"
    REPORT_CLOSED = "report_closed"
    ANCHOR_REPLACED = "anchor_replaced"
    PAIR_REPLACED = "pair_replaced"
    ACTIVITIES_RESENT = "activities_resent"
    PERSON_NAMED = "person_named"
    PERSON_REVOKED = "person_revoked"


ENDING: Final = frozenset({ActKind.APPLIED, ActKind.DECLARED, ActKind.REFUSED, ActKind.GRADE_CHANGED})
"""Acts after which approvals given before count for nothing: they were given to another question."""


@dataclass(frozen=True, slots=True)
class Act:
    """One act; `presence` is absent for what an applicant or a node did by its own key, or an operator where the hub's key lies.

    `about` is the person whom it is about, where it is one: the attestation says her name.
    """

    subject: str
    kind: ActKind
    at: datetime
    application: str | None = None
    grade: Grade | None = None
    key: str | None = None
    reason: str | None = None
    presence: Presence | None = field(default=None, repr=False)
    about: Person | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class KeptAct:
    """An act as it is kept: who did it, by name, and the attestation's bytes."""

    subject: str
    kind: ActKind
    at: datetime
    application: str | None
    grade: Grade | None
    key: str | None
    reason: str | None
    person: str | None
    name: str | None
    organisation: str | None
    siret: str | None
    version: int | None
    attestation: bytes = field(repr=False)
    revoked: bool = False
    """Whether whoever did it no longer acts: she lost her token, or left."""

    def authentication(self) -> dict[str, Any]:
        """How she had shown who she was: provider, acr, authTime; empty for what a key did."""
        found: dict[str, Any] = json.loads(self.attestation).get("authentication", {})
        return found

    def about(self) -> dict[str, str]:
        """The person whom it is about: id, name, organisation, siret; empty where it is about none."""
        found: dict[str, str] = json.loads(self.attestation).get("person", {})
        return found


def attested(act: Act, key: SigningKey) -> bytes:
    """The act as a document that the hub signs (eddsa-jcs-2022): it says what a person did here, and how she had shown who she was."""
    said: dict[str, Any] = {
        "type": "TraitDUnionAttestation", "act": act.kind.value, "subject": act.subject, "at": timestamp(act.at),
        "manifest": act.application, "grade": act.grade.value if act.grade else None, "key": act.key, "reason": act.reason,
    }  # fmt: skip
    if act.about is not None:
        said["person"] = _named(act.about)
    if act.presence is not None:
        said["by"] = _named(act.presence.person)
        said["authentication"] = {
            "provider": act.presence.provider, "acr": act.presence.acr, "authTime": timestamp(act.presence.auth_time),
        }  # fmt: skip
    return jcs.canonical(sign_document({name: part for name, part in said.items() if part is not None}, key, act.at))


def _named(person: Person) -> dict[str, str]:
    return {"id": person.id, "name": person.name, "organisation": person.organisation, "siret": person.siret}


def standing_approvals(kept: Iterable[KeptAct], grade: Grade, application: str | None) -> list[KeptAct]:
    """The approvals that count now for a grade: those since the last act that ended the question, of this very application (None: of none).

    Not those of who no longer acts: one human who lost her token and was given another would be two people.
    """
    return [act for act in _approvals(kept, grade, application) if not act.revoked]


def lapsed_approvals(kept: Iterable[KeptAct], grade: Grade, application: str | None) -> list[KeptAct]:
    """Those that would count if whoever gave them still acted."""
    return [act for act in _approvals(kept, grade, application) if act.revoked]


def _approvals(kept: Iterable[KeptAct], grade: Grade, application: str | None) -> list[KeptAct]:
    counting: list[KeptAct] = []
    for act in kept:
        if act.kind in ENDING:
            counting = []
        elif act.kind is ActKind.APPROVED and act.grade is grade and act.application == application:
            counting.append(act)
    return counting


def approvals_of_key(kept: Iterable[KeptAct], key: str) -> list[KeptAct]:
    """The approvals of a key of the hub that count now: those since anything else was done about it, by who still acts."""
    counting: list[KeptAct] = []
    for act in kept:
        if act.key == key:
            counting = [*counting, act] if act.kind is ActKind.APPROVED else []
    return [act for act in counting if not act.revoked]


class SqlActs:
    """Acts in the database, in the order in which they were done."""

    def __init__(self, connection: AsyncConnection, key: SigningKey) -> None:
        self._connection, self._key = connection, key
        self._new: list[int] = []

    async def add(self, act: Act) -> None:
        """Attest an act and keep it."""
        row = {
            "subject": act.subject, "kind": act.kind.value, "at": act.at, "application": act.application, "reason": act.reason,
            "grade": act.grade.value if act.grade else None, "key": act.key,
            "person": act.presence.person.id if act.presence else None, "attestation": attested(act, self._key),
        }  # fmt: skip
        self._new.append(int((await self._connection.execute(insert(acts).values(**row).returning(acts.c.id))).scalar_one()))

    async def of(self, subject: str) -> list[KeptAct]:
        """What was done about somebody."""
        return await acts_of(self._connection, subject)

    async def published(self, version: int) -> None:
        """Note the registry version that says what this transaction did."""
        if self._new:
            await self._connection.execute(update(acts).where(acts.c.id.in_(self._new)).values(version=version))

    async def changes(self) -> list[Change]:
        """What this transaction did, as the registry's history tells it: everything but who."""
        new = await _kept(self._connection, acts.c.id.in_(self._new)) if self._new else []
        told = []
        for act in new:
            if act.kind is not ActKind.APPROVED:
                led = _since_the_question(await self.of(act.subject), act)
                count = sum(one.kind is ActKind.APPROVED and not one.revoked for one in led)
                told.append(Change(act=act.kind.value, subject=act.subject, grade=act.grade, key=act.key, approvals=count or None))
        return told


def _since_the_question(kept: Sequence[KeptAct], end: KeptAct) -> list[KeptAct]:
    """The acts that led to one: those after the act that ended the question before, about the same grade or the same key."""
    leading: list[KeptAct] = []
    for act in kept:
        if act == end:
            break
        leading = [] if act.kind in ENDING else [*leading, act]
    return [act for act in leading if (act.grade, act.key) == (end.grade, end.key)]


async def acts_of(connection: AsyncConnection, subject: str) -> list[KeptAct]:
    """What was done about a node or a peer (`node/wifip`, `peer/opsi.example`), oldest first."""
    return await _kept(connection, acts.c.subject == subject)


async def acts_about_people(connection: AsyncConnection) -> list[KeptAct]:
    """Who was named to approve, and who no longer does, oldest first."""
    return await _kept(connection, acts.c.kind.in_({ActKind.PERSON_NAMED.value, ActKind.PERSON_REVOKED.value}))


async def _kept(connection: AsyncConnection, which: Any) -> list[KeptAct]:
    query = select(acts, people.c.name, people.c.organisation, people.c.siret, people.c.revoked_at)
    query = query.outerjoin(people, people.c.id == acts.c.person)
    return [_act(row) for row in await connection.execute(query.where(which).order_by(acts.c.id))]


def _act(row: Any) -> KeptAct:
    return KeptAct(
        row.subject, ActKind(row.kind), row.at, row.application, Grade(row.grade) if row.grade else None, row.key, row.reason,
        row.person, row.name, row.organisation, row.siret, row.version, bytes(row.attestation),
        row.revoked_at is not None,
    )  # fmt: skip
