"""traitdunion ties: spaces of RSEs and the communities that they are tied to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands import terminal

if TYPE_CHECKING:
    from hub.unit_of_work import UnitOfWork

app = terminal.group("Les rattachements : quel espace de quel RSE pour quelle communauté.")


@app.command()
def propose(
    node: Annotated[str, typer.Argument(help="Le nœud.")],
    space: Annotated[str, typer.Argument(help="L'espace, tel que le nœud le nomme.")],
    community: Annotated[str, typer.Argument(help="La communauté.")],
) -> None:
    """Propose un rattachement au nœud ; ses réglages et sa signature décident."""
    from pydantic import ValidationError
    from sqlalchemy.exc import IntegrityError

    from hub.communities.service import CommunityNotFound
    from hub.registry import service
    from hub.registry.admission_work import NodeNotFound

    async def use(work: UnitOfWork) -> None:
        await service.propose_tie(node, space, community, work)

    try:
        terminal.in_transaction(use)
    except service.TieKnownError as known:
        terminal.fail(f"Ce nœud a déjà rattaché « {known} » à cette communauté : un espace par communauté et par nœud.")
    except NodeNotFound:
        terminal.fail(f"Aucun nœud ne s'appelle « {node} ».")
    except CommunityNotFound:
        terminal.fail(f"Aucune communauté ne s'appelle « {community} ».")
    except ValidationError:
        terminal.fail("Cet espace ne peut pas être nommé ainsi.")
    except IntegrityError:
        terminal.fail("Cet espace est déjà rattaché à une autre communauté.")
    terminal.say(f"Proposé à {node}. Sa réponse signée se lit avec « traitdunion ties list ».")


@app.command("list")
def list_(as_json: terminal.AsJson = False) -> None:
    """Montre les rattachements et leur état."""
    from hub.registry.repository import all_ties
    from hub.ui import words

    ties = terminal.reading(all_ties)
    if as_json:
        plain = [
            {"node": tie.node, "community": tie.community, "space": tie.space, "space_name": tie.space_name, "state": tie.state.value,
             "audience": tie.audience, "reason": tie.reason, "attested_at": tie.attested_at}
            for tie in ties
        ]  # fmt: skip
        terminal.show_json(plain)
        return
    rows = [
        (tie.community, tie.node, tie.space, tie.space_name, words.tie(tie.state.value), words.audience(tie.audience),
         words.reason(tie.reason) if tie.reason else "", terminal.when(tie.attested_at))
        for tie in ties
    ]  # fmt: skip
    columns = ("Communauté", "Nœud", "Espace", "Nom", "État", "Qui peut le lire", "Raison", "Attesté")
    terminal.show_table("Rattachements", columns, rows, "Aucun rattachement n'a été proposé.")
