"""Who acts by a form: the session of a request, the form that is surely that session's own, and the transaction that attests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.operations.forms import fields_of
from hub.operations.office import COOKIE, present
from hub.operations.refusals import Refused
from hub.registry.people import SqlPeople
from schemas.keys import KeyMalformed
from schemas.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractAsyncContextManager

    from fastapi import Request
    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.operations.office import Desk, Office, Session
    from hub.registry.people import Person, Presence


def session_of(request: Request, office: Office) -> Session | None:
    """Who sends this request, None for a stranger or where this site has no key to judge by."""
    unverified = request.cookies.get(COOKIE)
    try:
        return office.session(unverified) if unverified else None
    except (FileNotFoundError, KeyMalformed):
        return None


async def form_of(request: Request, office: Office, limit: int) -> tuple[Session, Mapping[str, str]]:
    """A session and the fields of a form that is its own. Raises Refused: 401 for a stranger, 403 for a form made elsewhere."""
    session, said = session_of(request, office), await fields_of(request, limit)
    if session is None:
        raise Refused(Problem(401, "person_unknown", "Qui agit ?", "Entrez d’abord avec votre jeton : /personne."))
    if not office.stamped(session, said.get("sceau", "")):
        raise Refused(Problem(403, "form_not_yours", "Ce formulaire n’est pas celui de votre session", "Rechargez la page."))
    return session, said


async def who_acts(session: Session, desk: Desk) -> Presence:
    """Who acts, as the registry knows her in this transaction. Raises Refused: 401 once her token is revoked."""
    presence = await present(session, desk)
    if presence is None:
        raise Refused(Problem(401, "person_unknown", "Qui agit ?", "Ce jeton a été retiré."))
    return presence


async def who_still_acts(session: Session, connection: AsyncConnection) -> Person | None:
    """Who reads by a session, None once her token is revoked."""
    person = await SqlPeople(connection).get(session.person)
    return None if person is None or person.revoked_at is not None else person


def desk_of(office: Office) -> AbstractAsyncContextManager[Desk]:
    """A transaction that attests. Raises Refused (503) where this site has no key."""
    try:
        return office.begin()
    except (FileNotFoundError, KeyMalformed) as error:
        raise Refused(Problem(503, "hub_key_missing", "Ce site n’a pas la clé du hub : rien ne peut y être attesté")) from error
