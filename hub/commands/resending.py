"""traitdunion peers aside | resend: what a server did not take for ever, and how it is brought to it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.commands import admission, courier, terminal
from schemas.application import Kind

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.operations.demanded import Demands
    from hub.operations.sending_again import Resent
    from hub.operations.set_aside import SetAside
    from hub.unit_of_work import UnitOfWork

Activity = Annotated[str | None, typer.Option("--activity", help="L'événement, ou l'adresse de l'activité qui le dit (« peers aside »).")]
All = Annotated[bool, typer.Option("--all", help="Tout ce qui peut l'être.")]


Limit = Annotated[int, typer.Option("--limit", min=1, max=500, help="Combien au plus.")]
After = Annotated[int, typer.Option("--after", help="Ceux d'après ce rang, celui de la dernière ligne vue.")]


def aside(peer: courier.Authority, limit: Limit = 500, after: After = -1, as_json: terminal.AsJson = False) -> None:
    """Montre ce qu'un serveur pair n'a pas pris et qui fut mis de côté, du plus ancien au plus récent, et ce qui empêche de le renvoyer."""
    from hub import bootstrap
    from hub.operations.demanded import demands
    from hub.operations.peers import peer_state
    from hub.operations.set_aside import count, set_aside
    from hub.ui import words

    async def read(connection: AsyncConnection) -> tuple[list[SetAside], Demands, int]:
        if await peer_state(connection, peer, bootstrap.clock()) is None:
            terminal.fail(f"Aucun serveur pair ne s'appelle « {peer} ».")
        found = await set_aside(connection, peer, limit, after)
        more = await set_aside(connection, peer, 1, found[-1].offset) if found else []
        return found, await demands(connection, peer, found), await count(connection, peer) if more else 0

    found, known, of = terminal.reading(read)
    now = bootstrap.clock()
    if as_json:
        terminal.show_json([plain(one, known.why_not(one, now)) for one in found])
        return
    rows = [
        (one.event or "réponse", one.community, words.form(one.form), terminal.when(one.at), words.reason(one.reason),
         words.reason(why) if (why := known.why_not(one, now)) else "possible")
        for one in found
    ]  # fmt: skip
    columns = ("Événement", "Communauté", "Forme", "Mis de côté le", "Raison", "Renvoi")
    terminal.show_table(f"Ce que {peer} n'a pas pris", columns, rows, f"Rien n'est mis de côté pour {peer}.")
    if of:
        terminal.say(f"Ce n'en sont que {len(found)}, sur {of} ; la suite : traitdunion peers aside {peer} --after {found[-1].offset}")


def resend(peer: courier.Authority, reason: admission.Why, activity: Activity = None, everything: All = False) -> None:
    """Renvoie en votre nom ce qu'un serveur pair n'a pas pris, octet pour octet, une fois réparé ; ce qui fut retiré depuis ne part pas."""
    from hub.operations import sending_again
    from hub.ports import RefusedError
    from hub.ui import words

    if (activity is None) is not everything:
        terminal.fail("Dites ce qui se renvoie : --activity, ou --all.")

    async def use(work: UnitOfWork) -> Resent:
        return await sending_again.resend(peer, activity, reason, await terminal.presence(work), work)

    try:
        done = admission.acting(Kind.PEER, peer, use)
    except RefusedError as refused:
        terminal.fail(f"Rien n'est renvoyé à {peer} : {words.reason(refused.reason)} [{refused.reason}]")
    along = f", avec ce qui fut dit depuis de la même chose ({done.along})" if done.along else ""
    terminal.say(f"Activités renvoyées à {peer} : {done.activities}{along}. Le courrier les porte à leur tour.")
    for name, number in sorted(done.refused.items()):
        terminal.say(f"  restent {number} : {words.reason(name)} [{name}]")
    if done.waiting > sum(done.refused.values()):
        terminal.say(f"  d'autres attendent encore ({done.waiting}) : redites la commande.")


def plain(one: SetAside, why_not: str | None) -> dict[str, Any]:
    """An activity for machines; `resend` says what stands against sending it again, null where nothing does."""
    return {
        "event": one.event or None, "community": one.community, "form": one.form, "offset": one.offset, "told_at": one.told_at,
        "set_aside_at": one.at, "reason": one.reason, "resend": why_not,
    }  # fmt: skip
