"""Where a person of the federation shows who she is, finds what waits for her, and leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fastapi import Request, Response  # noqa: TC002 - FastAPI reads annotations when it runs
from fastapi.responses import HTMLResponse, RedirectResponse

from hub.operations.acting import desk_of, form_of, session_of, who_still_acts
from hub.operations.forms import fields_of
from hub.operations.office import COOKIE, LIFE
from hub.registry.applications import open_applications
from hub.ui import render

if TYPE_CHECKING:
    from hub.operations.office import Office
    from hub.operations.web import Door

FORM_LIMIT: Final = 4096
PLACE: Final = "/personne"


class Entrance:
    """Open to all; what is shown there of the federation, to its people alone."""

    def __init__(self, door: Door, office: Office) -> None:
        self._door, self._office = door, office

    async def page(self, request: Request) -> HTMLResponse:
        """Who acts here now and what waits for a decision, or the form that asks for her token."""
        session = session_of(request, self._office)
        if session is None:
            return self._page()
        async with self._door.engine.connect() as connection:
            person = await who_still_acts(session, connection)
            waiting = await open_applications(connection) if person else []
        if person is None:
            return self._page()
        return self._page(person=person, until=session.auth_time + LIFE, waiting=waiting, stamp=self._office.stamp(session))

    async def enter(self, request: Request) -> Response:
        """Take a person's token and give a session for it."""
        token = (await fields_of(request, FORM_LIMIT)).get("jeton", "")
        async with desk_of(self._office) as desk:
            person = await desk.people.by_token(token)
        if person is None:
            return self._page(status=401, refused=True)
        answer = RedirectResponse(PLACE, status_code=303)
        answer.set_cookie(
            COOKIE, self._office.opened(person.id), max_age=int(LIFE.total_seconds()), secure=True, httponly=True, samesite="strict"
        )
        return answer

    async def leave(self, request: Request) -> Response:
        """Have the browser forget the session: whoever comes next to this screen is not her."""
        await form_of(request, self._office, FORM_LIMIT)
        answer = RedirectResponse(PLACE, status_code=303)
        answer.delete_cookie(COOKIE, secure=True, httponly=True, samesite="strict")
        return answer

    def _page(self, status: int = 200, **shown: object) -> HTMLResponse:
        told = {"refused": False, "person": None, "until": None, "waiting": (), "stamp": "", **shown}
        return HTMLResponse(render("personne.html", now=self._door.clock(), **told), status_code=status)
