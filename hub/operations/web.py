"""Requests for the hub's pages and their JSON: each asks for a permit before it reads."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse

from hub.communities import members, reactions
from hub.communities import repository as rooms
from hub.communities.model import Message
from hub.communities.moderations import moderations_of
from hub.communities.reports import open_reports
from hub.operations import arrivals, overview, peers, reader, streams, threads, trace
from hub.operations.doubt import doubtful
from hub.operations.forms import fields_of
from hub.operations.our_pairs import our_anchors, our_pairs
from hub.operations.refusals import Refused
from hub.registry.acts import acts_about_people
from hub.registry.dossier import lessened
from hub.registry.endings import endings
from hub.registry.repository import all_ties, newest_lifetime, spaces_of
from hub.ui import THEME, render
from schemas.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from hub.access import Permit
    from hub.communities.model import Community, Participants, Tally
    from hub.communities.moderations import TakenAway
    from hub.communities.reports import Report
    from hub.operations.reader import Gate
    from hub.operations.streams import Streams
    from hub.operations.trace import Arrival, Step
    from hub.ports import Clock

FORM_LIMIT: Final = 4096
AROUND: Final = rooms.PAGE // 2
"""Messages shown before one to which a link leads."""
NAME: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:/#@-]{0,127}")
After = Annotated[int, Query(ge=0, le=2**53 - 1, description="Show what has a higher number.")]
Follow = Annotated[int, Query(ge=0, le=600, alias="suivre", description="Seconds between two refreshes; 0 for none.")]


@dataclass(frozen=True, slots=True)
class Door:
    """What every handler needs; `permit` is the only way to one."""

    engine: AsyncEngine
    clock: Clock
    streams: Streams
    gate: Gate
    tie_life: timedelta
    federation_anchor: str
    prefix: str = ""
    hub: str = "hub"
    """The hub's own name, as `source` of what it says for people on other servers."""

    def permit(self, request: Request) -> Permit:
        """A permit for who may read; raises Refused."""
        client = request.client.host if request.client else None
        approach = reader.Approach(client, dict(request.headers), request.cookies.get(reader.COOKIE))
        permit = self.gate.permit(approach)
        if permit is None:
            raise Refused(
                Problem(401, "not_permitted", "Réservé aux opérateurs", "Depuis la machine elle-même, ou avec le jeton d’opérateur.")
            )
        return permit


class Pages:
    """HTML for people."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def home(self, request: Request, follow: Follow = 0) -> HTMLResponse:
        """Communities, nodes, what waits."""
        permit = self._door.permit(request)
        async with self._door.engine.connect() as connection:
            shown = {
                "communities": await rooms.all_communities(connection, permit),
                "counts": await overview.messages_by_community(connection, permit),
                "inside": await overview.inside(connection),
                "lessened": await lessened(connection),
                "endings": await endings(connection, self._door.clock()),
                "registry": await newest_lifetime(connection),
            }
            shown |= await self._nodes(connection)
        return self._page("accueil.html", here="/", follow=follow, **shown)

    async def community(self, request: Request, community_id: str, after: After = 0, follow: Follow = 0) -> HTMLResponse:
        """A community's thread."""
        permit = self._door.permit(request)
        async with self._door.engine.connect() as connection:
            community = await community_named(connection, permit, community_id)
            messages = await rooms.thread(connection, permit, community.id, after=after)
            names = [message.id for message in messages]
            newest = await rooms.page_up_to(connection, permit, community.id)
            spaces = await spaces_of(connection, permit, community.id)
            concerned = {f"node/{tie.node}" for _, tie in spaces} | {
                f"peer/{name}" for name in await peers.servers_of(connection, community.id)
            }
            shown = {
                "before": await rooms.page_up_to(connection, permit, community.id, after) if after else 0,
                "arrived": await arrivals.whereabouts(connection, names, self._door.clock()),
                "tallies": await reactions.tallies_of(connection, permit, names),
                "accepted": await reactions.accepted_of(connection, permit, names),
                "participants": await members.participants_of(connection, permit, community.id),
                "spaces": spaces,
                "moderations": await moderations_of(connection, names),
                "open_reports": (await open_reports(connection)).get(community.id, 0),
                "doubtful": await doubtful(connection, names),
                "lessened": await lessened(connection, concerned),
                "endings": await endings(connection, self._door.clock(), concerned),
            }
        shown |= {"community": community, "tree": threads.nest(messages), "after": after, "follow": follow}
        shown |= {"newest": newest, "next_after": messages[-1].first_sequence if messages and after < newest else None}
        return self._page("communaute.html", here="", **shown)

    async def message(self, request: Request, message_id: str) -> HTMLResponse:
        """The way of one message."""
        permit = self._door.permit(request)
        name = _known_name(message_id)
        async with self._door.engine.connect() as connection:
            way = await trace.way_of(connection, name, self._door.clock())
            message = await rooms.message_of(connection, permit, way[0].subject if way else name)
            names = [message.id] if message else []
            tallies = await reactions.tallies_of(connection, permit, names)
            accepted = await reactions.accepted_of(connection, permit, names)
            moderation = (await moderations_of(connection, names)).get(message.id) if message else None
            among = await rooms.page_up_to(connection, permit, message.community, message.first_sequence, limit=AROUND) if message else 0
        if message is None and not way:
            raise _not_found("message_unknown", "Ce message est inconnu ici")
        shown = {"name": name, "message": message, "way": way, "tallies": tallies, "accepted": accepted, "moderation": moderation}
        return self._page("message.html", here="", among=among, **shown)

    async def nodes(self, request: Request) -> HTMLResponse:
        """Nodes, their backlog and keys; the hub's own groups."""
        self._door.permit(request)
        async with self._door.engine.connect() as connection:
            shown = await self._nodes(connection)
            anchors, approvers = await our_anchors(connection, self._door.clock()), await acts_about_people(connection)
        return self._page("noeuds.html", here="/noeuds", anchors=anchors, approvers=approvers, **shown)

    async def ties(self, request: Request) -> HTMLResponse:
        """Which spaces are tied to which communities."""
        self._door.permit(request)
        async with self._door.engine.connect() as connection:
            ties = await all_ties(connection)
        now = self._door.clock()
        return self._page("rattachements.html", here="/rattachements", ties=[(tie, tie.carries(now, self._door.tie_life)) for tie in ties])

    async def peers(self, request: Request) -> HTMLResponse:
        """Servers of others: how far each is, and what stands in its way."""
        self._door.permit(request)
        async with self._door.engine.connect() as connection:
            shown = await peers.peer_states(connection, self._door.clock())
            ours = await our_pairs(connection, self._door.federation_anchor, self._door.clock())
        return self._page("pairs.html", here="/pairs", peers=shown, ours=ours)

    async def dead_letters(self, request: Request) -> HTMLResponse:
        """How much was refused, and why."""
        self._door.permit(request)
        return self._page("rebuts.html", here="/rebuts", heaps=await self._door.streams.dead_letters())

    async def accessibility(self) -> HTMLResponse:
        """What these pages do for everybody; open to all."""
        return self._page("accessibilite.html")

    async def understanding(self) -> HTMLResponse:
        """Who reads what, for agents who come here from a notice in their RSE; open to all."""
        return self._page("comprendre.html")

    async def entrance(self, request: Request) -> HTMLResponse:
        """The form that asks for the operator's token, and the way out for who has given it; open to all."""
        return self._page("entrer.html", refused=False, inside=self._door.gate.entered(request.cookies.get(reader.COOKIE)))

    async def enter(self, request: Request) -> Response:
        """Take the operator's token and give a session for it."""
        said = (await fields_of(request, FORM_LIMIT)).get("jeton", "")
        if not self._door.gate.knows(said):
            return HTMLResponse(render("entrer.html", refused=True, inside=False, now=self._door.clock()), status_code=401)
        answer = RedirectResponse("/", status_code=303)
        answer.set_cookie(
            reader.COOKIE,
            self._door.gate.session(),
            max_age=int(reader.SESSION.total_seconds()),
            secure=True,
            httponly=True,
            samesite="strict",
        )
        return answer

    async def leave(self) -> Response:
        """Have the browser forget the session; a page elsewhere that posts here ends it and gains nothing."""
        answer = RedirectResponse("/entrer", status_code=303)
        answer.delete_cookie(reader.COOKIE, secure=True, httponly=True, samesite="strict")
        return answer

    async def theme(self) -> Response:
        """The style sheet; open to all."""
        return Response(THEME, media_type="text/css", headers={"Cache-Control": "max-age=300"})

    async def _nodes(self, connection: AsyncConnection) -> dict[str, Any]:
        nodes = await overview.node_states(connection, self._door.clock())
        lags = await self._door.streams.lag()
        of_nodes = streams.by_node(lags or (), self._door.prefix)
        own = [lag for lag in lags or () if lag not in of_nodes.values()]
        return {"nodes": nodes, "lags": of_nodes, "groups": own, "broker": lags is not None}

    def _page(self, template: str, **shown: Any) -> HTMLResponse:
        return HTMLResponse(render(template, now=self._door.clock(), hub=self._door.hub, **shown))


class Api:
    """JSON for programs of the operators."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def messages(self, request: Request, community_id: str, after: After = 0) -> JSONResponse:
        """A page of a community's messages in the hub's order; `next` is the number to ask after, null at the end."""
        permit = self._door.permit(request)
        async with self._door.engine.connect() as connection:
            community = await community_named(connection, permit, community_id)
            messages = await rooms.thread(connection, permit, community.id, after=after)
            names = [message.id for message in messages]
            tallies = await reactions.tallies_of(connection, permit, names)
            accepted = await reactions.accepted_of(connection, permit, names)
        shown = [
            _plain(message) | {"reactions": [_tally(one) for one in tallies.get(message.id, ())], "accepted": message.id in accepted}
            for message in messages
        ]
        return _json({"community": _plain(community), "messages": shown, "next": _next(messages)})

    async def participants(self, request: Request, community_id: str) -> JSONResponse:
        """Who takes part in a community, ministry by ministry: a count, and the first hundred names."""
        permit = self._door.permit(request)
        async with self._door.engine.connect() as connection:
            community = await community_named(connection, permit, community_id)
            participants = await members.participants_of(connection, permit, community.id)
        return _json({"community": community.id, "participants": [_plain(one) for one in participants]})

    async def message(self, request: Request, message_id: str) -> JSONResponse:
        """A message by its id or any of its events' ids; `deliveries` are those of that event, or of the message's first."""
        permit = self._door.permit(request)
        name = _known_name(message_id)
        async with self._door.engine.connect() as connection:
            way = await trace.way_of(connection, name, self._door.clock())
            message = await rooms.message_of(connection, permit, way[0].subject if way else name)
        if message is None:
            raise _not_found("message_unknown", "Ce message est inconnu ici")
        asked = name if any(step.event == name for step in way) else message.first_event
        changes = [_change(step) for step in way if step.sequence is not None]
        deliveries: list[Any] = next((change["deliveries"] for change in changes if change["event"] == asked), [])
        return _json({"message": _plain(message), "event": asked, "deliveries": deliveries, "changes": changes})

    async def trace(self, request: Request, name: str) -> JSONResponse:
        """The way of one message, without its content; null stands for what is unknown or was forgotten."""
        self._door.permit(request)
        async with self._door.engine.connect() as connection:
            way = await trace.way_of(connection, _known_name(name), self._door.clock())
        if not way:
            raise _not_found("message_unknown", "Ce message est inconnu ici")
        return _json({"message": way[0].subject, "steps": [as_json(step) for step in way]})

    async def nodes(self, request: Request) -> JSONResponse:
        """Every node with its backlog; `lag` is null where the broker does not answer."""
        self._door.permit(request)
        async with self._door.engine.connect() as connection:
            states = await overview.node_states(connection, self._door.clock())
        lags = streams.by_node(await self._door.streams.lag() or (), self._door.prefix)
        return _json({"nodes": [_node(state, lags.get(state.node.id)) for state in states]})


def as_json(step: Step) -> dict[str, Any]:
    """A step of a trace for machines: places as Kafka tools write them."""
    arrivals_ = [{**asdict(arrival), "place": str(arrival.place) if arrival.place else None} for arrival in step.arrivals]
    places = {"read_at": str(step.read_at) if step.read_at else None, "facts": str(step.facts) if step.facts else None}
    return {**asdict(step), **places, "arrivals": arrivals_}


def _delivery(arrival: Arrival) -> dict[str, Any]:
    return {
        "node": arrival.node, "verdict": arrival.verdict, "reason": arrival.reason, "native_id": arrival.native_id, "at": arrival.at,
        "latency_ms": arrival.latency_ms, "receipt": arrival.receipt, "verified": arrival.verified,
    }  # fmt: skip


def _change(step: Step) -> dict[str, Any]:
    return {
        "event": step.event, "type": step.type, "sequence": step.sequence, "admitted_at": step.admitted_at,
        "deliveries": [_delivery(arrival) for arrival in step.arrivals],
        "transmissions": [asdict(told) for told in step.transmissions],
    }  # fmt: skip


def _node(state: overview.NodeState, lag: streams.GroupLag | None) -> dict[str, Any]:
    node = state.node
    return {
        "id": node.id, "organisation": node.organisation_name, "platform": node.platform, "grade": node.grade.value,
        "quarantined_at": node.quarantined_at, "manifest_expires": node.expires, "waiting": state.waiting.records, "waiting_since": state.waiting.oldest,
        "lag": lag.records if lag else None, "last_receipt": state.last_receipt, "refused": state.refused,
        "ties": [{"community": tie.community, "space": tie.space, "name": tie.space_name, "state": tie.state.value} for tie in state.ties],
        "keys": [key.id for key in node.keys],
    }  # fmt: skip


def _tally(tally: Tally) -> dict[str, Any]:
    return {"emoji": tally.emoji, "count": tally.count, "ministries": dict(tally.ministries)}


def _plain(value: Community | Message | Participants) -> dict[str, Any]:
    """Of what a moderator took away, no word."""
    if isinstance(value, Message) and value.withheld:
        value = replace(value, title=None, html="", link=None)
    return asdict(value)


def _json(value: dict[str, Any]) -> JSONResponse:
    return JSONResponse(_jsonable(value))


def _jsonable(value: Any) -> Any:
    """Times as RFC 3339 in UTC, tuples as lists; the rest is JSON already."""
    if isinstance(value, dict):
        return {name: _jsonable(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(member) for member in value]
    return value.isoformat() if hasattr(value, "isoformat") else value


def _next(messages: Sequence[Message]) -> int | None:
    return messages[-1].first_sequence if len(messages) == rooms.PAGE else None


def as_plain(value: Report | TakenAway) -> dict[str, Any]:
    """What moderation tells, as JSON."""
    return dict(_jsonable(asdict(value)))


async def community_named(connection: AsyncConnection, permit: Permit, name: str) -> Community:
    """A community that the permit opens; raises Refused."""
    community = await rooms.community_of(connection, permit, name) if NAME.fullmatch(name) else None
    if community is None:
        raise _not_found("community_unknown", "Cette communauté est inconnue ici")
    return community


def _known_name(unverified: str) -> str:
    """A name that can be an id of ours: PostgreSQL refuses U+0000 with an error of its own."""
    if not NAME.fullmatch(unverified):
        raise _not_found("message_unknown", "Ce message est inconnu ici")
    return unverified


def _not_found(reason: str, title: str) -> Refused:
    return Refused(Problem(404, reason, title, "L’adresse est peut-être incomplète, ou ce qu’elle nommait n’est plus gardé."))
