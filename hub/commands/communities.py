"""traitdunion communities: open and list interministerial communities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands import terminal
from schemas.words import Audience

if TYPE_CHECKING:
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
