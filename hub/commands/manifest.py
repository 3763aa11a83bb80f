"""traitdunion manifest: what an integrator writes, signs and checks before applying; asks for no database."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.commands import terminal
from schemas.application import Kind
from schemas.manifest import Custody

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.keys import SigningKey

app = terminal.group("Le manifeste par lequel un nœud ou un serveur pair se présente.")
KeyFile = Annotated[Path, typer.Option(help="Clé privée du nœud (PEM PKCS #8) ; elle ne sort pas de votre machine.")]
Name = Annotated[str, typer.Argument(help="Identifiant du nœud (wifip), ou nom de domaine du serveur pair (opsi.example).")]


@app.command()
def new(  # noqa: PLR0913 - each is one thing that an applicant says of itself
    name: Name,
    organisation: Annotated[str, typer.Option(help="Nom de l'organisme, tel qu'on le lit.")],
    siret: Annotated[str, typer.Option(help="Son SIRET, 14 chiffres.")],
    platform: Annotated[str, typer.Option(help="Sorte de RSE ou de serveur : discourse, matrix…")],
    key: KeyFile,
    out: Annotated[Path, typer.Option(help="Fichier à écrire.")],
    endpoint: Annotated[list[str], typer.Option(help="sorte=adresse : rse, connector, activitypub ou registry. Plusieurs possibles.")],
    contact: Annotated[list[str], typer.Option(help="rôle=Nom <boîte de fonction>, pour owner, rssi, dpo, animation et sponsor.")],
    kind: Annotated[Kind, typer.Option(help="node : un RSE ; peer : un serveur pair.")] = Kind.NODE,
    data: Annotated[list[str] | None, typer.Option(help="Données échangées ; identity, messages et reactions à défaut.")] = None,
    charter: Annotated[str | None, typer.Option(help="Version de la charte acceptée ; celle en vigueur ici à défaut.")] = None,
    custody: Annotated[
        Custody, typer.Option(help="organisation : clé chez le ministère ; operator : chez l'opérateur.")
    ] = Custody.ORGANISATION,
    days: Annotated[int, typer.Option(min=1, max=1098, help="Durée de validité, en jours.")] = 365,
    server: Annotated[str | None, typer.Option(help="Pour un serveur pair : activitypub ou traitdunion.")] = None,
    cavage: Annotated[bool, typer.Option("--cavage", help="Pour un serveur pair : il signe à l'ancienne (draft-cavage).")] = False,
    network: Annotated[list[str] | None, typer.Option(help="Pour un serveur pair : réseau privé où il se tient.")] = None,
    anchor: Annotated[str | None, typer.Option(help="Pour un autre Trait d'union : l'ancre de son registre.")] = None,
) -> None:
    """Écrit un manifeste et le signe par la clé du nœud, en une fois ; dit tout ce qui ne convient pas."""
    from hub.settings import HubSettings
    from schemas.proof import timestamp

    signing, now = terminal.signing_key(name, key), _now()
    until = timestamp(now + timedelta(days=days))
    said: dict[str, Any] = {
        "type": "TraitDUnionManifest", "kind": kind.value, "id": name, "organisation": {"name": organisation, "siret": siret},
        "platform": platform, "endpoints": [dict(zip(("kind", "url"), _pair(one), strict=True)) for one in endpoint],
        "keys": [
            {"publicKeyMultibase": signing.public.multibase, "validFrom": timestamp(now), "validUntil": until, "custody": custody.value}
        ],
        "contacts": dict(map(_contact, contact)), "dataClasses": data or ["identity", "messages", "reactions"],
        "charter": charter or HubSettings().charter, "issued": timestamp(now), "expires": until,
    }  # fmt: skip
    if kind is Kind.PEER:
        said["peering"] = {"kind": server or "activitypub", "cavage": cavage, "networks": network or []}
        said["peering"] |= {"anchor": anchor} if anchor else {}
    _write(out, said, signing)


@app.command()
def sign(
    path: Annotated[Path, typer.Argument(help="Un manifeste en JSON, signé ou non.")],
    key: KeyFile,
) -> None:
    """Signe à nouveau un manifeste que vous avez modifié ; sa date devient celle d'à présent."""
    from schemas.proof import timestamp

    said = _read(path)
    signing = terminal.signing_key(str(said.get("id", "")), key)
    _write(path, said | {"issued": timestamp(_now())}, signing)


@app.command()
def check(path: Annotated[Path, typer.Argument(help="Un manifeste signé.")]) -> None:
    """Dit tout ce qui ne convient pas dans un manifeste, ou qu'il convient."""
    signed = terminal.manifest(path)
    terminal.say(f"{signed.manifest.subject} : le manifeste convient. Empreinte : {signed.digest}")


def _write(path: Path, said: dict[str, Any], key: SigningKey) -> None:
    from schemas.application_faults import sign as signed_by
    from schemas.jcs import JsonRefused

    try:
        document = json.loads(signed_by(said, key, _now()))
    except JsonRefused:
        terminal.fail("Ce manifeste ne peut pas être signé : un nombre y est trop grand.")
    path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    check(path)


def _read(path: Path) -> dict[str, Any]:
    from schemas import jcs

    try:
        said = jcs.parse(path.read_bytes())
    except FileNotFoundError:
        terminal.fail(f"Fichier introuvable : {path}")
    except jcs.JsonRefused:
        said = None
    if not isinstance(said, dict):
        terminal.fail(f"{path} n'est pas du JSON lisible.")
    return said


def _pair(said: str) -> Sequence[str]:
    name, found, value = said.partition("=")
    if not found:
        terminal.fail(f"« {said} » : on attend sorte=valeur.")
    return name, value


def _contact(said: str) -> tuple[str, dict[str, str]]:
    role, value = _pair(said)
    name, _, mailbox = value.partition("<")
    return role, {"name": name.strip(), "mailbox": mailbox.removesuffix(">").strip()}


def _now() -> Any:
    from hub import bootstrap

    return bootstrap.clock()
