"""traitdunion people: the named people of the federation who approve, refuse and suspend."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands import terminal

if TYPE_CHECKING:
    from hub.unit_of_work import UnitOfWork

app = terminal.group("Les personnes de la fédération : elles admettent, refusent et suspendent, chacune en son nom.")


@app.command()
def add(
    name: Annotated[str, typer.Option(help="Son nom.")],
    organisation: Annotated[str, typer.Option(help="Son organisme, tel qu'on le lit.")],
    siret: Annotated[str, typer.Option(help="Le SIRET de son organisme : il n'admet pas seul les siens.")],
    token_file: Annotated[
        Path | None,
        typer.Option(help="Écrit le jeton dans ce fichier, lisible par vous seul, au lieu de le montrer ; s'il y est, le reprend."),
    ] = None,
) -> None:
    """Ajoute une personne et montre, une seule fois, le jeton par lequel elle agira."""
    from hub.registry import people_service
    from hub.registry.people import Person, new_token
    from schemas import siret as sirets
    from schemas.names import one_line

    if not sirets.holds(siret):
        terminal.fail(f"« {siret} » n'est pas un SIRET : 14 chiffres, dont le dernier contrôle les autres.")
    who, where = one_line(name, 200), one_line(organisation, 200)
    if not who or not where:
        terminal.fail("Une personne a un nom et un organisme.")
    token = _kept(token_file) if token_file else new_token()

    async def use(work: UnitOfWork) -> bool:
        return await people_service.name(Person(secrets.token_hex(4), who, where, siret, work.clock()), token, work)

    try:
        new = terminal.in_transaction(use)
    except people_service.TokenEnded as ended:
        terminal.fail(
            f"Ce jeton fut celui de {ended.person.name}, qui n'agit plus, et ne sera celui de personne : "
            f"donnez un autre fichier que {token_file}, ou effacez-le, et recommencez."
        )
    if not new:
        terminal.say(f"{who} est déjà connue par ce jeton : rien à faire.")
    elif token_file:
        terminal.say(f"{who} ({where}) peut agir par le jeton de {token_file}.")
    else:
        terminal.say(token)


@app.command()
def revoke(person: Annotated[str, typer.Argument(help="Son identifiant, tel que « people list » le montre.")]) -> None:
    """Retire son jeton à une personne ; ce qu'elle a fait reste, mais ses approbations qui en attendent une autre ne comptent plus."""
    from hub.registry import people_service

    async def use(work: UnitOfWork) -> bool:
        return await people_service.revoke(person, work)

    if not terminal.in_transaction(use):
        terminal.fail(f"Personne n'agit sous « {person} ».")
    terminal.say(f"{person} n'agit plus.")


@app.command("list")
def list_(as_json: terminal.AsJson = False) -> None:
    """Montre les personnes de la fédération ; leurs jetons ne se montrent jamais."""
    from dataclasses import asdict

    from hub.registry.people import SqlPeople

    people = terminal.reading(lambda connection: SqlPeople(connection).all())
    if as_json:
        terminal.show_json([asdict(person) for person in people])
        return
    rows = [
        (
            one.id,
            one.name,
            one.organisation,
            one.siret,
            terminal.when(one.added_at),
            terminal.when(one.revoked_at) if one.revoked_at else "",
        )
        for one in people
    ]
    terminal.show_table("Personnes", ("Id", "Nom", "Organisme", "SIRET", "Depuis", "Jusqu'à"), rows, "Personne n'agit encore.")


@app.command()
def acts(as_json: terminal.AsJson = False) -> None:
    """Montre qui fut nommé pour approuver, et qui ne l'est plus : chaque acte daté, attesté par le hub, et dit par le registre."""
    import json

    from hub.registry.acts import acts_about_people
    from hub.ui import words

    found = terminal.reading(acts_about_people)
    if as_json:
        terminal.show_json(
            [{"kind": act.kind.value, "at": act.at, "person": act.about(), "version": act.version,
              "attestation": json.loads(act.attestation)} for act in found]
        )  # fmt: skip
        return
    rows = [
        (terminal.when(act.at), words.act(act.kind.value), act.about()["id"], act.about()["name"], act.about()["organisation"],
         act.about()["siret"], act.version or "")
        for act in found
    ]  # fmt: skip
    columns = ("Quand", "Acte", "Id", "Nom", "Organisme", "SIRET", "Version")
    terminal.show_table("Actes", columns, rows, "Aucun acte n'est gardé : ces personnes furent nommées avant qu'il n'y en ait.")


def _kept(path: Path) -> str:
    """The token of a file, made the first time: a start that was cut short goes on with the one that it wrote."""
    from hub.registry.people import new_token

    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(new_token() + "\n", encoding="utf-8")
    token = path.read_text(encoding="utf-8").strip()
    if not token:
        terminal.fail(f"{path} est vide : effacez-le, et recommencez.")
    return token
