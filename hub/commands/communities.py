"""traitdunion communities: open and list interministerial communities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands import terminal
from schemas.words import Audience

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.federation.addresses import Addresses
    from hub.peer_work import PeerWork
    from hub.unit_of_work import UnitOfWork

app = terminal.group("Les communautés interministérielles.")


@app.command("open")
def open_(
    community: Annotated[str, typer.Argument(help="Identifiant, par exemple futurs-publics.")],
    title: Annotated[str, typer.Option(help="Titre, tel qu'on le lit.")],
    audience: Annotated[Audience, typer.Option(help="Qui peut la lire.")] = Audience.MEMBERS,
) -> None:
    """Ouvre une communauté ; ne change rien si elle est déjà ouverte ainsi."""
    import re

    from pydantic import ValidationError

    from hub.communities import service

    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", community):
        terminal.fail(f"« {community} » ne peut pas nommer une communauté : 1 à 64 caractères parmi a-z, 0-9 et -.")
    if audience is Audience.UNKNOWN:
        terminal.fail("Une communauté dont on ne sait pas qui la lit n'est jamais fédérée.")

    async def use(work: UnitOfWork) -> bool:
        return await service.open_community(community, title, audience, work)

    try:
        new = terminal.in_transaction(use)
    except service.CommunityKnownError:
        terminal.fail(f"Une communauté « {community} » est déjà ouverte, sous un autre titre ou pour d'autres lecteurs.")
    except ValidationError:
        terminal.fail("Le titre doit avoir de 1 à 200 caractères.")
    terminal.say(f"La communauté « {title} » est ouverte." if new else f"La communauté « {title} » était déjà ouverte : rien à faire.")


@app.command("list")
def list_(as_json: terminal.AsJson = False) -> None:
    """Montre les communautés."""
    from hub.access import permit_command_line
    from hub.communities.repository import all_communities
    from hub.ui import words

    found = terminal.reading(lambda connection: all_communities(connection, permit_command_line()))
    if as_json:
        plain = [
            {"id": one.id, "title": one.title, "audience": one.audience.value, "sequence": one.sequence, "opened_at": one.opened_at}
            for one in found
        ]
        terminal.show_json(plain)
        return
    rows = [(one.id, one.title, words.audience(one.audience.value), one.sequence, terminal.when(one.opened_at)) for one in found]
    columns = ("Communauté", "Titre", "Qui peut la lire", "Dernier numéro", "Ouverte")
    terminal.show_table("Communautés", columns, rows, "Aucune communauté n'est ouverte.")


@app.command("follow")
def follow(
    community: Annotated[str, typer.Argument(help="Une communauté publique d'ici.")],
    group: Annotated[
        str, typer.Argument(help="L'adresse d'un groupe d'un serveur pair, par exemple https://opsi.example/groups/innovation.")
    ],
) -> None:
    """Fait suivre à une communauté un groupe d'un serveur pair : ce qu'il transmet y est entendu dès qu'il a accepté."""
    from hub.federation.following import follow_group

    new = _with_peers(lambda work, here: follow_group(community, group, work, here))
    terminal.say(
        "La demande est partie : le groupe doit l'accepter." if new else "Cette communauté suit déjà ce groupe, ou l'a déjà demandé."
    )


@app.command("unfollow")
def unfollow(
    community: Annotated[str, typer.Argument(help="Une communauté d'ici.")],
    group: Annotated[str, typer.Argument(help="L'adresse du groupe.")],
) -> None:
    """Cesse de suivre un groupe d'un serveur pair."""
    from hub.federation.following import leave_group

    left = _with_peers(lambda work, here: leave_group(community, group, work, here))
    terminal.say("Cette communauté ne suit plus ce groupe." if left else "Cette communauté ne suivait pas ce groupe.")


@app.command("follows")
def follows(as_json: terminal.AsJson = False) -> None:
    """Montre les groupes d'ailleurs que suivent les communautés, et qui les suit."""
    from hub.federation.repository import SqlFollowers, SqlFollows
    from hub.ui import words

    async def read(connection: AsyncConnection) -> list[tuple[str, str, str, str, datetime, str | None]]:
        known = (await SqlFollows(connection).all()).values()
        ours = [(one.community, "suit", one.group, one.state.value, one.asked_at, one.reason) for one in known]
        theirs = [(one.community, "est suivie par", one.actor, "accepted", one.since, None) for one in await SqlFollowers(connection).all()]
        return [*ours, *theirs]

    found = terminal.reading(read)
    if as_json:
        terminal.show_json([dict(zip(("community", "direction", "actor", "state", "since", "reason"), one, strict=True)) for one in found])
        return
    rows = [
        (community, way, actor, words.follow(state), terminal.when(at), words.reason(reason) if reason else "")
        for community, way, actor, state, at, reason in found
    ]
    terminal.show_table("Abonnements", ("Communauté", "", "Acteur", "État", "Depuis", "Motif"), rows, "Aucun abonnement.")


def _with_peers(use: Callable[[PeerWork, Addresses], Awaitable[bool]]) -> bool:
    """Run a use case of federation; ends with a sentence where it is refused or not set up."""
    from hub import bootstrap
    from hub.peer_work import PeerWork
    from hub.ports import RefusedError
    from hub.settings import HubSettings
    from hub.ui import words
    from schemas.wire.records import new_correlation

    here = bootstrap.addresses(HubSettings())
    if not here.base:
        terminal.fail("Ce serveur ne se fédère pas : TRAITDUNION_FEDERATION_URL n'est pas réglé.")
    try:
        return terminal.in_transaction(lambda work: use(PeerWork(work, {}, new_correlation()), here))
    except RefusedError as refused:
        terminal.fail(f"Refusé : {words.reason(refused.reason)}.")
