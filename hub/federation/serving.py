"""What other servers and strangers read here: GET alone, one address for people and machines, nothing that is not public."""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import structlog
from starlette.responses import Response
from starlette.routing import Route

from hub.federation import nodeinfo, published, webfinger
from hub.federation.addresses import ACTIVITIES, GROUPS, HOST_ACTOR, NODES, NOTES
from hub.federation.negotiation import Offer, wished
from hub.ui import THEME, render
from schemas.media_types import ACTIVITY_JSON
from schemas.problem import MEDIA_TYPE as PROBLEM
from schemas.problem import Problem
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from starlette.requests import Request

    from hub.federation.addresses import Addresses
    from hub.federation.nodeinfo import Figures
    from hub.federation.published import ActorKeys
    from hub.federation.showing import Published, Room
    from hub.ports import Clock

FIGURES_SECONDS: Final = 60.0
PAGE: Final = 20
AT_ONCE: Final = 64
"""Answers that are made together; who asks for more than that is asked to come again."""
ROBOTS: Final = b"User-agent: *\nDisallow: /\n"
"""What agents say is public to read and not for search engines to keep."""
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
LASTING: Final = "public, max-age=300"
PASSING: Final = "public, max-age=30"
WITHDRAWN: Final = "Son auteur l’a supprimé, ou la modération l’a retiré"
OPEN: Final = {"Access-Control-Allow-Origin": "*"}
log = structlog.get_logger()


class Absent(Exception):
    """Nothing to show: the problem that is answered, as a page or as JSON."""

    def __init__(self, status: int, reason: str, title: str, detail: str = "") -> None:
        super().__init__(reason)
        self.problem = Problem(status, reason, title, detail)


@dataclass(slots=True)
class _Minute:
    """Figures that are counted once a minute, however often they are asked for."""

    at: float = -FIGURES_SECONDS
    figures: Figures | None = None


@dataclass(frozen=True, slots=True)
class Here:
    """What the pages are made of."""

    addresses: Addresses
    keys: Callable[[], ActorKeys]
    shown: Published
    clock: Clock
    version: str


class Pages:
    """Each address's answer."""

    def __init__(self, here: Here, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._here, self._at, self._monotonic = here, here.addresses, monotonic
        self._minute, self._under_way = _Minute(), 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count an answer that is being made; raises Absent where there are too many."""
        if self._under_way >= AT_ONCE:
            raise Absent(503, "door_busy", "La porte fait trop de choses à la fois")
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    async def home(self, request: Request) -> Response:
        """The public communities; for a machine, the server's own actor."""
        rooms = await self._here.shown.rooms()
        return self._either(request, self._host(), lambda: self._page("pairs_accueil.html", rooms=rooms), LASTING)

    async def host(self, request: Request) -> Response:
        """The server's own actor. It asks for no signature: two servers that each asked for one would wait for each other."""
        return self._either(request, self._host(), lambda: self._page("pairs_serveur.html", address=self._at.host_actor), LASTING)

    async def group(self, request: Request) -> Response:
        """A community."""
        room = await self._room(request)
        address = self._at.group(room.id)
        said = await self._here.shown.newest(room.id) if _wishes_page(request) else ()
        account = webfinger.account(webfinger.Named(webfinger.Kind.GROUP, room.id), self._at).removeprefix("acct:")
        document = published.group(room.id, room.title, room.opened_at, self._here.keys(), self._at)
        return self._either(
            request, document, lambda: self._page("pairs_communaute.html", room=room, said=said, account=account, address=address), PASSING
        )

    async def outbox(self, request: Request) -> Response:
        """What was said in a community and is still kept, the newest first."""
        room = await self._room(request)
        address, asked = f"{self._at.group(room.id)}/outbox", request.query_params
        before = asked.get("before")
        if before is not None and not (before.isascii() and before.isdigit() and len(before) < 16):  # noqa: PLR2004 - past any number
            raise Absent(400, "parameters_malformed", "L’adresse contient un paramètre mal formé", "before")
        deeds = await self._here.shown.deeds(room.id, int(before) if before else None)
        if "page" not in asked and before is None:
            return self._document(request, published.collection(address, deeds.total, self._at), PASSING)
        following = f"before={deeds.before}" if deeds.before is not None else None
        shown = f"before={before}" if before else "page=1"
        return self._document(request, published.page(address, shown, deeds.items, following, self._at), PASSING)

    async def followers(self, request: Request) -> Response:
        """How many follow a community."""
        room = await self._room(request)
        total = await self._here.shown.followers(room.id)
        return self._document(request, published.collection(f"{self._at.group(room.id)}/followers", total, self._at, pages=False), PASSING)

    async def featured(self, request: Request) -> Response:
        """What is pinned in a community: nothing is, here."""
        room = await self._room(request)
        return self._document(request, published.whole(f"{self._at.group(room.id)}/featured", (), self._at), LASTING)

    async def node(self, request: Request) -> Response:
        """A ministry's node."""
        seat = await self._here.shown.seat(request.path_params["node"])
        if seat is None:
            raise Absent(404, "actor_unknown", "Aucun ministère ne porte ce nom ici")
        document = published.node(seat.id, seat.organisation, seat.platform, seat.since, self._here.keys(), self._at)
        return self._either(request, document, lambda: self._page("pairs_noeud.html", seat=seat, address=self._at.node(seat.id)), LASTING)

    async def nobody(self, request: Request) -> Response:
        """The boxes of an actor that nobody follows and that says what it says through the Groups."""
        kind, node = request.path_params.get("box"), request.path_params.get("node")
        if node is not None and await self._here.shown.seat(node) is None:
            raise Absent(404, "actor_unknown", "Aucun ministère ne porte ce nom ici")
        address = self._at.host_actor if node is None else self._at.node(node)
        if kind not in {"outbox", "followers"}:
            raise Absent(404, "route_unknown", "Cette adresse n’existe pas")
        return self._document(request, published.whole(f"{address}/{kind}", (), self._at), LASTING)

    async def note(self, request: Request) -> Response:
        """A message: as its ministry signed it, where that is kept; what was taken back or away is gone, and says so."""
        said = await self._here.shown.said(request.path_params["note"])
        if said is None:
            raise Absent(404, "message_unknown", "Ce message est inconnu ici")
        address = self._at.note(said.id)
        if said.deleted:
            gone = Absent(410, "message_deleted", "Ce message n’est plus montré", WITHDRAWN)
            return self._gone(request, published.tombstone(address, self._at), gone)
        kept = None if _wishes_page(request) else await self._here.shown.note(said.id)
        if isinstance(kept, str):
            return Response(status_code=302, headers={**HEADERS, "Location": kept, "Vary": "Accept", "Cache-Control": PASSING})
        if said.abroad and not _wishes_page(request):  # on our word it would be ours
            raise Absent(404, "message_unknown", "Ce message est d’un autre serveur, et l’adresse n’en est plus connue ici")
        document = kept or published.plain_note(said, self._at)
        room = await self._here.shown.room(said.community)
        return self._either(request, document, lambda: self._page("pairs_message.html", said=said, room=room, address=address), PASSING)

    async def activity(self, request: Request) -> Response:
        """What was done, as long as it is kept; people read the message that it was done to."""
        deed = await self._here.shown.deed(request.path_params["activity"])
        if deed is None:
            raise Absent(404, "activity_unknown", "Cette activité est inconnue ici, ou n’est plus gardée")
        if deed["type"] == published.TOMBSTONE:
            return self._gone(request, deed, Absent(410, "activity_withdrawn", "Ce que disait cette activité n’est plus montré", WITHDRAWN))
        return self._document(request, deed, PASSING)

    async def who(self, request: Request) -> Response:
        """From a name or an address to an actor (RFC 7033); browsers of other sites may ask too."""
        try:
            named = webfinger.asked(request.query_params.getlist("resource"), self._at)
        except webfinger.ResourceMalformed:
            return self._json(Problem(400, "resource_malformed", "Il faut une ressource, et une seule : acct:nom@serveur, ou une adresse"))
        if named is None or not await self._exists(named):
            return self._json(Problem(404, "resource_unknown", "Personne ne porte ce nom ici"))
        body = webfinger.descriptor(named, self._at, request.query_params.getlist("rel"))
        return self._answer(request, _bytes(body), webfinger.MEDIA_TYPE, LASTING, OPEN)

    async def software_links(self, request: Request) -> Response:
        """Where NodeInfo is."""
        return self._answer(request, _bytes(nodeinfo.links(self._at)), "application/json", LASTING, OPEN)

    async def software(self, version: nodeinfo.Version, request: Request) -> Response:
        """NodeInfo itself."""
        now, figures = self._monotonic(), self._minute.figures
        if figures is None or now - self._minute.at >= FIGURES_SECONDS:
            figures = await self._here.shown.figures()
            self._minute = _Minute(now, figures)
        body = _bytes(nodeinfo.document(figures, self._here.version, version))
        return self._answer(request, body, version.media_type, LASTING, OPEN)

    async def namespace(self, request: Request) -> Response:
        """Our JSON-LD context."""
        return self._answer(request, _bytes(published.namespace(self._at)), "application/ld+json", "public, max-age=86400", OPEN)

    async def robots(self, request: Request) -> Response:
        """For search engines."""
        return self._answer(request, ROBOTS, "text/plain; charset=utf-8", LASTING)

    async def theme(self, request: Request) -> Response:
        """The style sheet of the pages."""
        return self._answer(request, THEME, "text/css; charset=utf-8", LASTING)

    def problem(self, request: Request, problem: Problem) -> Response:
        """An error for people or for machines, as they wish."""
        if _wishes_page(request):
            page = self._page("pairs_probleme.html", problem=problem)
            return Response(page, problem.status, {**HEADERS, "Vary": "Accept"}, "text/html; charset=utf-8")
        return self._json(problem)

    def _host(self) -> dict[str, Any]:
        return published.host_actor(self._here.keys(), self._at)

    async def _room(self, request: Request) -> Room:
        room = await self._here.shown.room(request.path_params["community"])
        if room is None:
            raise Absent(404, "community_unknown", "Aucune communauté publique ne porte ce nom ici")
        return room

    async def _exists(self, named: webfinger.Named) -> bool:
        match named.kind:
            case webfinger.Kind.HOST:
                return True
            case webfinger.Kind.GROUP:
                return await self._here.shown.room(named.id) is not None
            case webfinger.Kind.NODE:
                return await self._here.shown.seat(named.id) is not None

    def _either(self, request: Request, document: dict[str, Any], page: Callable[[], bytes], lasts: str) -> Response:
        match wished(request.headers.get("accept", "")):
            case Offer.PAGE:
                return self._answer(request, page(), "text/html; charset=utf-8", lasts, {"Vary": "Accept"})
            case Offer.ACTIVITY | Offer.LINKED as offer:
                return self._answer(request, _bytes(document), offer.value, lasts, {"Vary": "Accept", **OPEN})
            case None:
                raise Absent(406, "not_acceptable", "Rien ici n’est de ce type", ", ".join(Offer))

    def _document(self, request: Request, document: dict[str, Any], lasts: str) -> Response:
        """What is of no use to people: they get it as machines do."""
        offer = wished(request.headers.get("accept", ""))
        media = Offer.LINKED.value if offer is Offer.LINKED else ACTIVITY_JSON
        return self._answer(request, _bytes(document), media, lasts, {"Vary": "Accept", **OPEN})

    def _gone(self, request: Request, document: dict[str, Any], gone: Absent) -> Response:
        if _wishes_page(request):
            return self.problem(request, gone.problem)
        return Response(_bytes(document), 410, {**HEADERS, "Vary": "Accept", "Cache-Control": PASSING}, ACTIVITY_JSON)

    def _answer(self, request: Request, body: bytes, media: str, lasts: str, more: Mapping[str, str] | None = None) -> Response:
        etag = f'"{hashlib.sha256(media.encode() + body).hexdigest()[:32]}"'
        headers = {**HEADERS, **(more or {}), "ETag": etag, "Cache-Control": lasts}
        if etag in [said.strip().removeprefix("W/") for said in request.headers.get("if-none-match", "").split(",")]:
            return Response(status_code=304, headers=headers)
        return Response(body, 200, headers, media)

    def _json(self, problem: Problem) -> Response:
        headers = {**HEADERS, **OPEN, "Vary": "Accept", "Cache-Control": "no-store"}
        if problem.status == 503:  # noqa: PLR2004 - HTTP
            headers["Retry-After"] = "5"
        return Response(problem.to_bytes(), problem.status, headers, PROBLEM)

    def _page(self, template: str, **shown: Any) -> bytes:
        return render(template, now=self._here.clock(), base=self._at.base, **shown).encode()


def routes(pages: Pages) -> list[Route]:
    """Every address that answers GET and HEAD."""
    table: Mapping[str, tuple[str, Callable[[Request], Awaitable[Response]]]] = {
        "/": ("home", pages.home),
        HOST_ACTOR: ("host", pages.host),
        f"{HOST_ACTOR}/{{box}}": ("host_box", pages.nobody),
        f"{GROUPS}{{community}}": ("group", pages.group),
        f"{GROUPS}{{community}}/outbox": ("outbox", pages.outbox),
        f"{GROUPS}{{community}}/followers": ("followers", pages.followers),
        f"{GROUPS}{{community}}/featured": ("featured", pages.featured),
        f"{NODES}{{node}}": ("node", pages.node),
        f"{NODES}{{node}}/{{box}}": ("node_box", pages.nobody),
        f"{NOTES}{{note}}": ("note", pages.note),
        f"{ACTIVITIES}{{activity}}": ("activity", pages.activity),
        "/.well-known/webfinger": ("webfinger", pages.who),
        "/.well-known/nodeinfo": ("nodeinfo_links", pages.software_links),
        **{version.path: ("nodeinfo", partial(pages.software, version)) for version in nodeinfo.Version},
        published.NAMESPACE: ("namespace", pages.namespace),
        "/robots.txt": ("robots", pages.robots),
        "/theme.css": ("theme", pages.theme),
    }
    return [Route(path, _counted(name, page, pages), methods=["GET"], name=name) for path, (name, page) in table.items()]


def _counted(name: str, page: Callable[[Request], Awaitable[Response]], pages: Pages) -> Callable[[Request], Awaitable[Response]]:
    async def answered(request: Request) -> Response:
        outcome = "ok"
        try:
            with pages.one():
                return await page(request)
        except Absent as absent:
            outcome = absent.problem.reason
            return pages.problem(request, absent.problem)
        except Exception as error:  # noqa: BLE001 - the server would log its text, which may hold content
            outcome = "door_failed"
            log.error("peer_door_failed", route=name, error=type(error).__name__)  # noqa: TRY400 - as above
            return pages.problem(request, Problem(500, outcome, "La demande n’a pas pu être traitée"))
        finally:
            Metric.peer_door.labels(name, outcome).inc()

    return answered


def _wishes_page(request: Request) -> bool:
    return wished(request.headers.get("accept", "")) is Offer.PAGE


def _bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
