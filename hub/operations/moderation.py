"""Pages and JSON about a community's moderation: what animators are told, who moderates, and what people of the federation do there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from pydantic import AwareDatetime

from hub.communities import animation, moderation
from hub.communities.moderations import PAGE as AWAY
from hub.communities.moderations import taken_away
from hub.communities.moderators import moderators_of
from hub.communities.reports import PAGE, reports_of
from hub.operations.acting import desk_of, form_of, session_of, who_acts
from hub.operations.refusals import Refused
from hub.operations.web import as_plain, community_named
from hub.ports import RefusedError
from hub.ui import render, words
from schemas.problem import Problem
from schemas.words import Ground

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.communities.animation import Work
    from hub.operations.office import Office
    from hub.operations.web import Door
    from hub.registry.people import Presence

FORM_LIMIT: Final = 4096
Before = Annotated[int | None, Query(ge=1, le=2**53 - 1, alias="avant", description="Show reports of a lower number.")]
Named = Annotated[str, Query(max_length=128, alias="message", description="The message that the forms begin with.")]
CHOSEN: Final = frozenset(Ground) - {Ground.UNSTATED}
"""Who takes away with a form says why."""
FIRST: Final = datetime(1970, 1, 2, tzinfo=UTC)
LAST: Final = datetime(9999, 12, 30, tzinfo=UTC)
"""Moments that every time zone and the database can write."""
Earlier = Annotated[
    AwareDatetime | None, Query(ge=FIRST, le=LAST, alias="retires_avant", description="Show what was taken away before a moment.")
]
Closed = Annotated[bool, Query(alias="clos", description="Show those that were closed.")]


class ModerationPages:
    """What a community's animators look at, and what they do."""

    def __init__(self, door: Door, office: Office) -> None:
        self._door, self._office = door, office

    async def page(
        self,
        request: Request,
        community_id: str,
        before: Before = None,
        closed: Closed = False,  # noqa: FBT002 - FastAPI's way to a query
        message: Named = "",
        earlier: Earlier = None,
    ) -> HTMLResponse:
        """Reports, what is taken away, and who moderates."""
        permit, session = self._door.permit(request), session_of(request, self._office)
        async with self._door.engine.connect() as connection:
            community = await community_named(connection, permit, community_id)
            found = await reports_of(connection, permit, community.id, closed=closed, before=before)
            away = await taken_away(connection, permit, community.id, before=earlier)
            moderators = await moderators_of(connection, permit, community.id)
        shown = {
            "away": away, "next_earlier": away[-1].at if len(away) == AWAY else None,
            "community": community, "reports": found, "moderators": moderators, "closed": closed, "session": session, "message": message,
            "next_before": found[-1].id if len(found) == PAGE else None, "stamp": self._office.stamp(session) if session else "",
        }  # fmt: skip
        return HTMLResponse(render("moderation.html", here="", now=self._door.clock(), hub=self._door.hub, **shown))

    async def reports(self, request: Request, community_id: str, before: Before = None, closed: Closed = False) -> JSONResponse:  # noqa: FBT002 - as above
        """A page of a community's reports; `next` is the number to ask before, null at the end."""
        permit = self._door.permit(request)
        async with self._door.engine.connect() as connection:
            community = await community_named(connection, permit, community_id)
            found = await reports_of(connection, permit, community.id, closed=closed, before=before)
        plain = [as_plain(one) for one in found]
        return JSONResponse({"community": community.id, "reports": plain, "next": found[-1].id if len(found) == PAGE else None})

    async def taken_away(self, request: Request, community_id: str, earlier: Earlier = None) -> JSONResponse:
        """A page of what is taken away in a community; `next` is the moment to ask before, null at the end."""
        permit = self._door.permit(request)
        async with self._door.engine.connect() as connection:
            community = await community_named(connection, permit, community_id)
            found = await taken_away(connection, permit, community.id, before=earlier)
        after = found[-1].at.isoformat() if len(found) == AWAY else None
        return JSONResponse({"community": community.id, "taken_away": [as_plain(one) for one in found], "next": after})

    async def act(self, request: Request, community_id: str) -> Response:
        """A person of the federation acts in her own name."""
        session, said = await form_of(request, self._office, FORM_LIMIT)
        try:
            async with desk_of(self._office) as desk:
                await _act(said, community_id, await who_acts(session, desk), desk)
                await desk.commit()
        except RefusedError as error:
            raise Refused(Problem(409, error.reason, words.reason(error.reason))) from error
        return RedirectResponse(f"/communautes/{community_id}/moderation", status_code=303)


async def _act(said: Mapping[str, str], community: str, presence: Presence, work: Work) -> None:
    ground = said.get("motif", "")
    match said.get("acte"):
        case "remove" if ground in CHOSEN:
            message = await _message(said, community, work)
            await animation.take_away(message, Ground(ground), said.get("phrase", ""), presence, work)
        case "restore":
            await animation.bring_back(await _message(said, community, work), presence, work)
        case "rewrite":
            await animation.rewrite(await _report(said, community, work), presence, work)
        case "close":
            await animation.close(await _report(said, community, work), said.get("mot", ""), presence, work)
        case _:
            raise Refused(Problem(400, "decision_unknown", "Cette décision n’existe pas"))


async def _message(said: Mapping[str, str], community: str, work: Work) -> str:
    """The one that a form names, if it is of the page's own community: an id that was pasted from another does nothing there."""
    message = said.get("message", "").strip().replace("\x00", "")
    if await work.messages.community_of(message) != community:
        raise RefusedError(moderation.UNKNOWN)
    return message


async def _report(said: Mapping[str, str], community: str, work: Work) -> int:
    unverified = said.get("signalement", "")
    if not (unverified.isascii() and unverified.isdigit() and len(unverified) < 16):  # noqa: PLR2004 - as long as any that we give
        raise RefusedError("report_unknown")
    if await work.reports.community_of(int(unverified)) != community:
        raise RefusedError("report_unknown")
    return int(unverified)
