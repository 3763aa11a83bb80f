"""traitdunion moderation: who moderates a community, what is taken away and brought back, what animators are told of."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from hub.commands import terminal
from schemas.words import Ground  # noqa: TC001 - Typer reads it

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hub.unit_of_work import UnitOfWork

T = TypeVar("T")
app = terminal.group("La modération : qui modère, ce qui est retiré à tous, ce qui est signalé aux animateurs.")
CommunityName = Annotated[str, typer.Argument(help="La communauté.")]
MessageName = Annotated[str, typer.Argument(help="Le message, ou son premier événement.")]
ReportNumber = Annotated[int, typer.Argument(help="Le numéro du signalement, tel que « moderation reports » le montre.")]


@app.command()
def name(
    community: CommunityName,
    node: Annotated[str, typer.Argument(help="Le nœud de son RSE.")],
    member: Annotated[str, typer.Option(help="Son nom, si elle est parmi les membres de cet espace.")] = "",
    author_of: Annotated[str, typer.Option(help="Un message qu'elle a écrit depuis ce nœud.")] = "",
    actor: Annotated[str, typer.Option(help="Son pseudonyme, tel que son nœud le signe (32 chiffres hexadécimaux).")] = "",
) -> None:
    """Confie à une personne d'un RSE la modération d'une communauté : ce qu'elle y supprime d'un autre ministère disparaît partout."""
    from hub.communities import animation
    from hub.communities.acquaintance import NotOne, author, member_named

    async def use(work: UnitOfWork) -> tuple[bool, str]:
        presence = await terminal.presence(work)
        if author_of:
            found, called = await author(work.connection, author_of, community, node)
        elif member:
            found, called = await member_named(work.connection, member, community, node)
        else:
            found, called = actor, member
        return await animation.name_moderator(community, node, found, called, presence, work), found

    if sum(map(bool, (member, author_of, actor))) != 1:
        terminal.fail("De qui s'agit-il ? Un seul de --member, --author-of ou --actor le dit.")
    try:
        new, found = _acting(use)
    except NotOne as several:
        terminal.fail(
            f"{several.count} personnes répondent à cette description : --actor en désigne une."
            if several.count
            else "Personne ne répond à cette description."
        )
    terminal.say(f"{found} ({node}) modère « {community} »." if new else f"{found} ({node}) modérait déjà « {community} » : rien à faire.")


@app.command()
def end(
    community: CommunityName,
    node: Annotated[str, typer.Argument(help="Le nœud.")],
    actor: Annotated[str, typer.Argument(help="Le pseudonyme.")],
) -> None:
    """Met fin au rôle d'une personne ; ce qu'elle a retiré reste retiré."""
    from hub.communities import animation

    async def use(work: UnitOfWork) -> bool:
        return await animation.end_moderator(community, node, actor, await terminal.presence(work), work)

    terminal.say(
        f"{actor} ({node}) ne modère plus « {community} »." if _acting(use) else "Cette personne ne modérait pas cette communauté."
    )


@app.command()
def moderators(community: CommunityName, as_json: terminal.AsJson = False) -> None:
    """Montre qui modère une communauté."""
    from dataclasses import asdict

    from hub.access import permit_command_line
    from hub.communities.moderators import moderators_of

    permit = permit_command_line()
    found = terminal.reading(lambda connection: moderators_of(connection, permit, community))
    if as_json:
        terminal.show_json([asdict(one) for one in found])
        return
    rows = [(one.node, one.actor, one.name, terminal.when(one.since)) for one in found]
    terminal.show_table("Modération", ("Nœud", "Pseudonyme", "Nom", "Depuis"), rows, "Personne ne modère encore cette communauté.")


@app.command()
def remove(
    message: MessageName,
    ground: Annotated[Ground, typer.Option(help="Pourquoi : tous le lisent.")],
    note: Annotated[str, typer.Option(help="Une phrase de plus, que tous lisent aussi.")] = "",
) -> None:
    """Retire un message à tous ses lecteurs, dans tous les RSE."""
    from hub.communities import animation

    async def use(work: UnitOfWork) -> bool:
        return await animation.take_away(await _message(message, work), ground, note, await terminal.presence(work), work)

    asked = f"Le retrait est demandé à tous les RSE ; « traitdunion trace {message} » dit où il en est."
    terminal.say(asked if _acting(use) else "Ce message était déjà retiré : rien à faire.")


@app.command()
def restore(message: MessageName) -> None:
    """Rétablit partout un message retiré, tel que son auteur l'a laissé."""
    from hub.communities import animation
    from hub.communities.model import MessageState

    async def use(work: UnitOfWork) -> MessageState | None:
        return await animation.bring_back(await _message(message, work), await terminal.presence(work), work)

    match _acting(use):
        case None:
            terminal.say("Ce message n'était pas retiré : rien à faire.")
        case MessageState.VISIBLE:
            terminal.say(f"Le rétablissement est demandé à tous les RSE ; « traitdunion trace {message} » dit où il en est.")
        case _:
            terminal.say("La modération ne le retient plus, mais son auteur l'a supprimé depuis : il reste supprimé.")


@app.command()
def removed(
    community: CommunityName,
    before: Annotated[datetime | None, typer.Option(help="Ceux d'avant ce moment (UTC) : la page suivante.")] = None,
    as_json: terminal.AsJson = False,
) -> None:
    """Montre ce qui est retiré à tous en ce moment, et pourquoi."""
    from dataclasses import asdict

    from hub.access import permit_command_line
    from hub.communities.moderations import PAGE, taken_away
    from hub.ui import words

    permit, moment = permit_command_line(), terminal.moment(before) if before is not None else None
    found = terminal.reading(lambda connection: taken_away(connection, permit, community, before=moment))
    if as_json:
        terminal.show_json([asdict(one) for one in found])
        return
    rows = [
        (one.message, one.author or "", one.organisation or "", words.ground(one.ground.value), one.note, terminal.when(one.at), one.by)
        for one in found
    ]
    terminal.show_table(
        "Messages retirés", ("Message", "Auteur", "Ministère", "Motif", "Phrase", "Retiré le", "Par"), rows, "Aucun message n'est retiré."
    )
    if len(found) == PAGE:
        terminal.say(f"La suite : traitdunion moderation removed {community} --before {found[-1].at.isoformat()}")


@app.command()
def reports(
    community: CommunityName,
    closed: Annotated[bool, typer.Option("--closed", help="Les signalements clos.")] = False,
    before: Annotated[int | None, typer.Option(help="Ceux d'avant ce numéro : la page suivante.")] = None,
    as_json: terminal.AsJson = False,
) -> None:
    """Montre les copies que des personnes ont modifiées ou retirées dans leur RSE."""
    from dataclasses import asdict

    from hub.access import permit_command_line
    from hub.communities.reports import PAGE, reports_of
    from hub.ui import words

    permit = permit_command_line()
    found = terminal.reading(lambda connection: reports_of(connection, permit, community, closed=closed, before=before))
    if as_json:
        terminal.show_json([asdict(one) for one in found])
        return
    rows = [
        (one.id, words.report(one.kind.value), one.node, one.message, one.times, terminal.when(one.last_at), one.word or "")
        for one in found
    ]
    columns = ("N°", "Quoi", "Où", "Message", "Fois", "En dernier", "Clos par ces mots")
    terminal.show_table("Signalements", columns, rows, "Aucun signalement.")
    if len(found) == PAGE:
        terminal.say(f"La suite : traitdunion moderation reports {community}{' --closed' if closed else ''} --before {found[-1].id}")


@app.command()
def rewrite(report: ReportNumber) -> None:
    """Fait récrire la copie telle que le hub tient le message, et clôt le signalement."""
    from hub.communities import animation

    async def use(work: UnitOfWork) -> None:
        await animation.rewrite(report, await terminal.presence(work), work)

    _acting(use)
    terminal.say("La copie sera récrite ; le signalement est clos.")


@app.command()
def close(report: ReportNumber, word: Annotated[str, typer.Option(help="Ce qui en a été décidé.")]) -> None:
    """Clôt un signalement, d'un mot."""
    from hub.communities import animation

    async def use(work: UnitOfWork) -> None:
        await animation.close(report, word, await terminal.presence(work), work)

    _acting(use)
    terminal.say("Le signalement est clos.")


async def _message(name: str, work: UnitOfWork) -> str:
    """A message's own id, by that or by its first event's."""
    from hub.access import permit_command_line
    from hub.communities.repository import message_of

    found = await message_of(work.connection, permit_command_line(), name)
    return found.id if found is not None else name


def _acting(use: Callable[[UnitOfWork], Awaitable[T]]) -> T:
    """Run a use case; its refusal becomes a sentence."""
    from hub.ports import RefusedError
    from hub.ui import words

    try:
        return terminal.in_transaction(use)
    except RefusedError as refused:
        terminal.fail(f"Refusé : {words.reason(refused.reason)}.")
