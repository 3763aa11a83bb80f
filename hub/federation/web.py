"""The page on which operators and animators read what people elsewhere report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Request, Response  # noqa: TC002 - FastAPI reads annotations when it runs
from fastapi.responses import HTMLResponse

from hub.federation.repository import REPORTS_KEPT, reports_of
from hub.ui import render

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.ext.asyncio import AsyncEngine

    from hub.access import Permit
    from hub.ports import Clock


class ReportPages:
    """HTML for people; `permit` is the pages' own, and raises where there is none."""

    def __init__(self, engine: AsyncEngine, clock: Clock, permit: Callable[[Request], Permit]) -> None:
        self._engine, self._clock, self._permit = engine, clock, permit

    async def reports(self, request: Request) -> Response:
        """The newest reports, each with its message."""
        permit = self._permit(request)
        async with self._engine.connect() as connection:
            reports = await reports_of(connection, permit)
        page = render("signalements.html", now=self._clock(), here="/signalements", reports=reports, days=REPORTS_KEPT.days)
        return HTMLResponse(page)
