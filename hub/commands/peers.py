"""traitdunion peers: servers of others, from their application to their departure."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.commands import admission, courier, dossiers, rekeying, releasing, resending, terminal
from schemas.application import Kind
from schemas.manifest import Grade

app = terminal.group("Les serveurs pairs : d'autres Trait d'union, et les serveurs du fédivers.")
courier.add_to(app)
for command in (rekeying.rekey, resending.aside, resending.resend):
    app.command()(command)
OPTIONS = {"authority": "le nom de domaine", "name": "--organisation", "siret": "--siret", "networks": "--network"}
NEXT = "Ensuite, deux fois, après lecture (« traitdunion peers acts {0} ») : « traitdunion peers approve {0} --manifest EMPREINTE »."
Authority = Annotated[str, typer.Argument(help="Nom de domaine du serveur, avec son port s'il n'est pas l'ordinaire.")]


@app.command("apply")
def apply_(path: admission.ManifestFile) -> None:
    """Présente un serveur pair par son manifeste signé ; il reste candidat jusqu'à ce que deux personnes l'admettent."""
    name = admission.apply_(Kind.PEER, path)
    if name is None:
        terminal.say("Ce manifeste est déjà venu : rien à faire.")
        return
    terminal.say(f"{name} est candidat. {NEXT.format(name)}")


@app.command()
def declare(
    peer: Authority,
    organisation: Annotated[str, typer.Option(help="Qui tient ce serveur.")],
    reason: admission.Why,
    siret: Annotated[str | None, typer.Option(help="Son SIRET, s'il en a un.")] = None,
    cavage: Annotated[bool, typer.Option("--cavage", help="Il peut signer par draft-cavage.")] = False,
    network: Annotated[list[str] | None, typer.Option(help="Un réseau privé où il peut se tenir (CIDR) ; à répéter.")] = None,
) -> None:
    """Déclare en votre nom un serveur du fédivers, qui ne sait pas signer de manifeste ; deux personnes l'admettent, et en approuvent tout changement."""
    from pydantic import ValidationError

    from hub import bootstrap
    from hub.registry.declarations import Declaration, DeclaredOrganisation

    try:
        owner = DeclaredOrganisation(name=organisation, siret=siret)
        said = Declaration(
            authority=peer.lower(), organisation=owner, cavage=cavage, networks=tuple(network or ()), issued=bootstrap.clock()
        )
    except ValidationError as error:
        wrong = ", ".join(OPTIONS.get(str(one["loc"][0]), "--organisation") for one in error.errors())
        terminal.fail(f"Cette déclaration est mal formée : {wrong}.")
    if not admission.declare(said, reason):
        terminal.say("C'est déjà ce qui est déclaré : rien à faire.")
        return
    terminal.say(f"{said.authority} est déclaré par la fédération. {NEXT.format(said.authority)}")


@app.command()
def approve(peer: Authority, grade: admission.Into = Grade.FULL, manifest: admission.Read = None) -> None:
    """Approuve en votre nom qu'un serveur pair soit admis ; à la deuxième personne, un nouveau registre signé le dit à tous."""
    admission.approve(Kind.PEER, peer, grade, manifest)


@app.command()
def refuse(peer: Authority, reason: admission.Why, manifest: admission.Read = None) -> None:
    """Refuse la candidature d'un serveur pair, et dit pourquoi."""
    admission.refuse(Kind.PEER, peer, reason, manifest)


@app.command()
def lower(peer: Authority, reason: admission.Why) -> None:
    """Ramène un serveur pair admis à observateur : il lit et n'écrit plus. Il y faut deux personnes, comme pour l'admettre de nouveau."""
    admission.lower(Kind.PEER, peer, reason)


@app.command()
def suspend(peer: Authority, reason: admission.Why) -> None:
    """Suspend un serveur pair : il ne dit et ne reçoit plus rien, sauf les effacements. Une personne suffit."""
    admission.suspend(Kind.PEER, peer, reason)


@app.command()
def depart(peer: Authority, reason: admission.Why) -> None:
    """Prend acte du départ d'un serveur pair, pour toujours ; il y faut deux personnes."""
    admission.depart(Kind.PEER, peer, reason)


@app.command()
def release(peer: Authority, reason: admission.Why) -> None:
    """Met fin, en votre nom, à la quarantaine d'un serveur pair, puis rejoue ce qui en a été mis de côté, du plus ancien au plus récent."""
    releasing.release(Kind.PEER, peer, reason)


@app.command()
def acts(peer: Authority, as_json: terminal.AsJson = False) -> None:
    """Montre ce que le registre garde d'un serveur pair, et chaque acte qui le concerne, attesté par le hub."""
    dossiers.show(Kind.PEER, peer, as_json=as_json)
