"""A peer's own page beyond what the registry keeps: what it did not take, and the form by which a person has it brought again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fastapi import Request, Response  # noqa: TC002 - FastAPI reads annotations when it runs
from fastapi.responses import RedirectResponse

from hub.operations import sending_again
from hub.operations.acting import desk_of, form_of, who_acts
from hub.operations.demanded import demands
from hub.operations.refusals import Refused
from hub.operations.set_aside import count, set_aside
from hub.ports import RefusedError
from hub.registry.admission_work import NodeNotFound, ReasonMissing
from hub.ui import words
from schemas.problem import Problem

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.operations.office import Office
    from hub.operations.set_aside import SetAside

FORM_LIMIT: Final = 4096
SHOWN: Final = 100
DECIDING: Final = {NodeNotFound: (404, "node_unknown"), ReasonMissing: (422, "reason_missing")}


class Resends:
    """What people of the federation have brought again."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def resend(self, request: Request, authority: str) -> Response:
        """A person of the federation has one activity, or all, brought again in her own name."""
        session, said = await form_of(request, self._office, FORM_LIMIT)
        try:
            async with desk_of(self._office) as desk:
                presence = await who_acts(session, desk)
                name = said.get("activite", "").replace("\x00", "") or None
                await sending_again.resend(authority.replace("\x00", ""), name, said.get("raison", ""), presence, desk)
                await desk.commit()
        except RefusedError as error:
            raise Refused(Problem(409, error.reason, words.reason(error.reason))) from error
        except (NodeNotFound, ReasonMissing) as error:
            status, reason = DECIDING[type(error)]
            raise Refused(Problem(status, reason, words.reason(reason))) from error
        return RedirectResponse(f"/pairs/{authority}#mis-de-cote", status_code=303)


async def aside(connection: AsyncConnection, peer: str, now: datetime) -> dict[str, object]:
    """What a peer's page shows: the oldest activities that it did not take, what stands against sending each again, and how many there are."""
    found = await set_aside(connection, peer, SHOWN)
    known = await demands(connection, peer, found)
    shown: list[tuple[SetAside, str | None]] = [(one, known.why_not(one, now)) for one in found]
    choices = dict.fromkeys(one.event for one, why_not in shown if why_not is None)
    return {"aside": shown, "aside_choices": list(choices), "aside_count": await count(connection, peer)}
