"""Every page and API route for people, on one screen."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from hub import bootstrap
from hub.door import door
from hub.federation.web import ReportPages
from hub.operations.admissions import Admissions
from hub.operations.answers import SafeHeaders, answer_problems
from hub.operations.entrance import Entrance
from hub.operations.moderation import ModerationPages
from hub.operations.peer_dossier import Resends
from hub.operations.reader import Gate
from hub.operations.streams import KafkaStreams
from hub.operations.web import Api, Door, Pages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from sqlalchemy.ext.asyncio import AsyncEngine

    from hub.operations.streams import Streams
    from hub.ports import Clock
    from hub.settings import HubSettings
    from schemas.wire.kafka import KafkaSettings, TopicNames


def site(engine: AsyncEngine, settings: HubSettings, clock: Clock, streams: Streams, prefix: str = "") -> FastAPI:
    """The pages, their JSON, and the machines' door, over one database; `prefix` is the deployment's, before its topics' names."""

    @asynccontextmanager
    async def until_stopped(_: FastAPI) -> AsyncIterator[None]:
        yield
        await engine.dispose()

    token = settings.operator_token.get_secret_value() if settings.operator_token else ""
    gate = Gate(token or None, settings.site_host, clock)  # an empty token is none: it would open the pages to all
    parts = Door(engine, clock, streams, gate, settings.tie_life, settings.federation_anchor, prefix, settings.hub_id)
    pages, api = Pages(parts), Api(parts)
    office = bootstrap.office(settings, engine, clock)
    admissions, moderation, entrance = Admissions(parts, office), ModerationPages(parts, office), Entrance(parts, office)
    app = FastAPI(title="Trait d’union", docs_url=None, redoc_url=None, openapi_url=None, lifespan=until_stopped)
    routes: Mapping[str, Callable[..., Any]] = {
        "/": pages.home,
        "/communautes/{community_id}": pages.community,
        "/communautes/{community_id}/moderation": moderation.page,
        "/messages/{message_id:path}": pages.message,
        "/noeuds": pages.nodes,
        "/noeuds/{node_id}": admissions.node,
        "/pairs/{authority}": admissions.peer,
        "/candidature": admissions.candidacy,
        "/personne": entrance.page,
        "/rattachements": pages.ties,
        "/pairs": pages.peers,
        "/rebuts": pages.dead_letters,
        "/signalements": ReportPages(engine, clock, parts.permit).reports,
        "/accessibilite": pages.accessibility,
        "/comprendre": pages.understanding,
        "/entrer": pages.entrance,
        "/theme.css": pages.theme,
        "/api/communities/{community_id}/messages": api.messages,
        "/api/communities/{community_id}/participants": api.participants,
        "/api/communities/{community_id}/reports": moderation.reports,
        "/api/communities/{community_id}/removed": moderation.taken_away,
        "/api/messages/{message_id:path}": api.message,
        "/api/trace/{name:path}": api.trace,
        "/api/nodes": api.nodes,
    }
    for path, page in routes.items():
        app.add_api_route(path, page, methods=["GET", "HEAD"], response_model=None)
    posts: Mapping[str, Callable[..., Any]] = {
        "/entrer": pages.enter,
        "/sortir": pages.leave,
        "/candidature": admissions.apply,
        "/api/applications": admissions.apply_by_api,
        "/personne": entrance.enter,
        "/personne/sortie": entrance.leave,
        "/noeuds/{node_id}/decision": admissions.decide_on_node,
        "/communautes/{community_id}/moderation": moderation.act,
        "/pairs/{authority}/decision": admissions.decide_on_peer,
        "/pairs/{authority}/renvoi": Resends(office).resend,
    }
    for path, taken in posts.items():
        app.add_api_route(path, taken, methods=["POST"], response_model=None)
    app.router.routes.extend(door(engine, gate).routes)
    answer_problems(app, clock)
    app.add_middleware(SafeHeaders)
    return app


def application(settings: HubSettings, kafka_settings: KafkaSettings, names: TopicNames) -> FastAPI:
    """The site with its real parts."""
    streams = KafkaStreams(kafka_settings, names)
    return site(bootstrap.engine(settings), settings, bootstrap.clock, streams, names.topic_prefix)
