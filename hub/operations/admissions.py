"""Requests of those who apply, and of the federation's people who decide: pages, and the API for applications."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fastapi import Request, Response  # noqa: TC002 - FastAPI reads annotations when it runs
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse

from hub.operations.acting import desk_of, form_of, session_of, who_acts, who_still_acts
from hub.operations.forms import body_of, fields_of
from hub.operations.peer_dossier import aside
from hub.operations.refusals import Refused
from hub.registry import admission, pacing
from hub.registry.admission_work import (
    ApplicationMissing,
    ApplicationTooSoon,
    ApprovalRefused,
    KeyTaken,
    ManifestReplayed,
    NameTaken,
    NodeNotFound,
    ReasonMissing,
    TooManyApplications,
)
from hub.registry.dossier import dossier_of
from hub.registry.endings import Ending, validity
from hub.registry.model import GradeRefused, Node
from hub.ui import render, words
from schemas.application import Kind
from schemas.application_faults import SIZE_LIMIT, ManifestRefused, check
from schemas.manifest import Grade
from schemas.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.operations.office import Desk, Office, Session
    from hub.operations.web import Door
    from hub.registry.dossier import Dossier
    from schemas.application_faults import SignedManifest

FORM_LIMIT: Final = 4096
DECISIONS: Final = {"full": Grade.FULL, "observer": Grade.OBSERVER, "suspended": Grade.SUSPENDED, "gone": Grade.GONE}
PLACES: Final = {Kind.NODE: "/noeuds", Kind.PEER: "/pairs"}


class Admissions:
    """Pages about one node or peer, and what people do there."""

    def __init__(self, door: Door, office: Office) -> None:
        self._door, self._office = door, office

    async def candidacy(self) -> HTMLResponse:
        """The form by which anybody may apply; open to all."""
        return self._candidacy("")

    async def apply(self, request: Request) -> HTMLResponse:
        """Take a manifest from the form, and say everything that is wrong with it."""
        unverified = (await fields_of(request, SIZE_LIMIT * 3)).get("manifeste", "")
        try:
            signed, new = await self._applied(unverified.encode())
        except ManifestRefused as refused:
            return self._candidacy(unverified, status=422, faults=refused.faults)
        except Refused as refused:
            return self._candidacy(unverified, status=refused.problem.status, headers=refused.headers, problem=refused.problem)
        return self._candidacy("", status=201 if new else 200, signed=signed, new=new)

    async def apply_by_api(self, request: Request) -> JSONResponse:
        """Take a manifest as a body: 201 with its digest, or problem details with every fault."""
        try:
            signed, new = await self._applied(await body_of(request, SIZE_LIMIT + 1))
        except ManifestRefused as refused:
            faults = [{"reason": one.reason, "path": one.path, "sentence": one.sentence} for one in refused.faults]
            title = "Ce manifeste ne convient pas"
            raise Refused(Problem(422, "manifest_refused", title, refused.faults[0].sentence, {"faults": faults})) from refused
        said = {"subject": signed.manifest.subject, "digest": signed.digest, "state": "open" if new else "known"}
        return JSONResponse(said, status_code=201 if new else 200)

    async def node(self, request: Request, node_id: str) -> HTMLResponse:
        """What the registry keeps about a node."""
        return await self._dossier(request, Kind.NODE, node_id)

    async def peer(self, request: Request, authority: str) -> HTMLResponse:
        """What the registry keeps about a peer."""
        return await self._dossier(request, Kind.PEER, authority)

    async def decide_on_node(self, request: Request, node_id: str) -> Response:
        """A person of the federation decides about a node."""
        return await self._decide(request, Kind.NODE, node_id)

    async def decide_on_peer(self, request: Request, authority: str) -> Response:
        """A person of the federation decides about a peer."""
        return await self._decide(request, Kind.PEER, authority)

    async def _applied(self, unverified: bytes) -> tuple[SignedManifest, bool]:
        signed = check(unverified, self._office.charter, self._door.clock())
        try:
            async with desk_of(self._office) as desk:
                new = await pacing.apply_from_outside(signed, desk)
                await desk.commit()
        except ApplicationTooSoon as soon:
            raise Refused(Problem(429, "application_too_soon", words.reason("application_too_soon")), soon.seconds) from soon
        except (NameTaken, ManifestReplayed, KeyTaken, TooManyApplications) as error:
            status, reason = APPLYING[type(error)]
            raise Refused(Problem(status, reason, words.reason(reason))) from error
        return signed, new

    async def _decide(self, request: Request, kind: Kind, name: str) -> Response:
        session, said = await form_of(request, self._office, FORM_LIMIT)
        try:
            async with desk_of(self._office) as desk:
                await _act(f"{kind.value}/{name}", said, session, desk)
                await desk.commit()
        except (NodeNotFound, ApplicationMissing, ApprovalRefused, ReasonMissing, GradeRefused) as error:
            status, reason = DECIDING[type(error)]
            reason = error.reason if isinstance(error, ApprovalRefused) else reason
            raise Refused(Problem(status, reason, words.reason(reason))) from error
        return RedirectResponse(f"{PLACES[kind]}/{name}", status_code=303)

    async def _dossier(self, request: Request, kind: Kind, name: str) -> HTMLResponse:
        session = session_of(request, self._office)
        if session is None:
            self._door.permit(request)
        async with self._door.engine.connect() as connection:
            if session is not None and await who_still_acts(session, connection) is None:
                self._door.permit(request)
                session = None
            found = await dossier_of(connection, kind, name) if "\x00" not in name else None
            more = await aside(connection, name, self._door.clock()) if found and kind is Kind.PEER else {}
        if found is None:
            raise Refused(Problem(404, "node_unknown", "Personne ne porte ce nom ici"))
        return HTMLResponse(render("dossier.html", here=PLACES[kind], now=self._door.clock(), **more, **self._shown(found, kind, session)))

    def _shown(self, found: Dossier, kind: Kind, session: Session | None) -> dict[str, object]:
        now = self._door.clock()
        keys = found.member.keys if isinstance(found.member, Node) else ()
        return {
            "dossier": found, "name": found.member.id, "keys": keys, "peer": None if isinstance(found.member, Node) else found.member,
            "ending": Ending(kind, found.member.id, found.member.expires, validity(found.member, now)) if found.member.expires else None,
            "place": PLACES[kind], "session": session, "stamp": self._office.stamp(session) if session else "",
        }  # fmt: skip

    def _candidacy(self, manifest: str, status: int = 200, headers: Mapping[str, str] | None = None, **shown: object) -> HTMLResponse:
        told = {"faults": (), "problem": None, "signed": None, "new": False, **shown}
        page = render("candidature.html", manifest=manifest, charter=self._office.charter, now=self._door.clock(), **told)
        return HTMLResponse(page, status_code=status, headers=headers)


async def _act(subject: str, said: Mapping[str, str], session: Session, desk: Desk) -> None:
    presence = await who_acts(session, desk)
    decision, reason, read = said.get("decision", ""), said.get("raison", ""), said.get("empreinte")
    if decision == "refuse":
        await admission.refuse(subject, reason, presence, desk, read)
    elif decision in DECISIONS:
        await admission.decide(subject, DECISIONS[decision], presence, desk, reason, read)
    else:
        raise Refused(Problem(400, "decision_unknown", "Cette décision n’existe pas"))


APPLYING: Final[dict[type[Exception], tuple[int, str]]] = {
    NameTaken: (409, "name_taken"), ManifestReplayed: (409, "manifest_replayed"), KeyTaken: (409, "key_taken"),
    TooManyApplications: (429, "too_many_applications"),
}  # fmt: skip
DECIDING: Final[dict[type[Exception], tuple[int, str]]] = {
    NodeNotFound: (404, "node_unknown"), ApplicationMissing: (409, "application_missing"), ApprovalRefused: (409, "approval_refused"),
    ReasonMissing: (422, "reason_missing"), GradeRefused: (409, "grade_refused"),
}  # fmt: skip
