"""The page on which operators and animators read what people elsewhere report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Query, Request, Response
from fastapi.responses import HTMLResponse

from hub.federation.repository import REPORTS_KEPT, REPORTS_PAGE, reports_of
from hub.ui import render

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.ext.asyncio import AsyncEngine

    from hub.access import Permit
    from hub.ports import Clock

Before = Annotated[str | None, Query(pattern="^[0-9a-f]{1,64}$", alias="avant", description="Show what stands behind a report.")]


class ReportPages:
    """HTML for people; `permit` is the pages' own, and raises where there is none."""

    def __init__(self, engine: AsyncEngine, clock: Clock, permit: Callable[[Request], Permit]) -> None:
        self._engine, self._clock, self._permit = engine, clock, permit

    async def reports(self, request: Request, before: Before = None) -> Response:
        """A page of reports, the newest first, each with its message."""
        permit = self._permit(request)
        async with self._engine.connect() as connection:
            reports = await reports_of(connection, permit, before)
        more = reports[-1].id if len(reports) == REPORTS_PAGE else None
        shown = {"reports": reports, "before": before, "more": more, "days": REPORTS_KEPT.days}
        page = render("signalements.html", now=self._clock(), here="/signalements", **shown)
        return HTMLResponse(page)
