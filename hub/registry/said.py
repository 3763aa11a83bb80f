"""What a manifest or a declaration says, thing by thing in French, and what a later one says otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from hub.registry.declarations import Declaration
from hub.ui import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from schemas.application import DeclaredKey, Manifest, Peering
    from schemas.manifest import KeyEntry

ORGANISATION: Final = "Organisme"
SIRET: Final = "SIRET"
KEY: Final = "Clé"
NETWORK: Final = "Réseau privé permis"
SIGNATURE: Final = "Signature"
ORDER: Final = (
    ORGANISATION, SIRET, "Plateforme", "Serveur", SIGNATURE, NETWORK, "Clé de son registre", KEY, "Adresse", "Données échangées",
    *words.ROLES.values(), "Charte acceptée", "Établi le", "Valable jusqu’au",
)  # fmt: skip
"""In the order in which people read: what lets it in first."""


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing that is said; `name` tells apart those of which there may be several."""

    label: str
    said: str
    name: str = ""


class Difference(StrEnum):
    """How a thing differs from what was accepted before."""

    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Row:
    """A thing as it was accepted, and as it is presented now; None where it is not said. `note` is what the registry knows of it."""

    label: str
    before: str | None
    after: str | None
    note: str = ""

    @property
    def difference(self) -> Difference:
        """What approving brings about it."""
        if self.before == self.after:
            return Difference.SAME
        if self.before is None:
            return Difference.ADDED
        return Difference.REMOVED if self.after is None else Difference.CHANGED


def things(said: Manifest | Declaration) -> list[Thing]:
    """All that it says; nothing of it is left out, since people approve what they see."""
    told = _of_declaration(said) if isinstance(said, Declaration) else _of_manifest(said)
    return sorted(told, key=lambda thing: ORDER.index(thing.label))


def compared(before: Manifest | Declaration, after: Manifest | Declaration, known: Iterable[KeyEntry], now: datetime) -> list[Row]:
    """Each thing of both, side by side; `known` are the keys that the registry has, whatever either says."""
    old, new = ({(thing.label, thing.name): thing.said for thing in things(one)} for one in (before, after))
    states = {key.multibase: words.key_state(key.state_at(now).value) for key in known}
    rows = [
        Row(label, old.get((label, name)), new.get((label, name)), f"au registre : {states[name]}" if name in states else "")
        for label, name in dict.fromkeys([*new, *old])
    ]
    return sorted(rows, key=lambda row: ORDER.index(row.label))


def facts(said: Iterable[Thing]) -> Mapping[str, Sequence[str]]:
    """What is said, by what it is about."""
    found: dict[str, list[str]] = {}
    for thing in said:
        found.setdefault(thing.label, []).append(thing.said)
    return found


def _of_manifest(said: Manifest) -> Iterator[Thing]:
    yield Thing(ORGANISATION, said.organisation.name)
    yield Thing(SIRET, said.organisation.siret)
    yield Thing("Plateforme", said.platform)
    yield from _of_peering(said.peering) if said.peering else ()
    yield from (Thing(KEY, _key(key), key.multibase) for key in said.keys)
    yield from (Thing("Adresse", f"{one.kind.value} : {one.url}", f"{one.kind.value} {one.url}") for one in said.endpoints)
    yield Thing("Données échangées", ", ".join(words.data_class(one.value) for one in said.data_classes))
    for role, label in words.ROLES.items():
        contact = getattr(said.contacts, role)
        yield Thing(label, f"{contact.name} <{contact.mailbox}>")
    yield Thing("Charte acceptée", said.charter)
    yield Thing("Établi le", _moment(said.issued))
    yield Thing("Valable jusqu’au", _moment(said.expires))


def _of_peering(peering: Peering) -> Iterator[Thing]:
    yield Thing("Serveur", peering.kind.value)
    yield from _of_rights(peering.networks, peering.cavage)
    if peering.anchor:
        yield Thing("Clé de son registre", peering.anchor)


def _of_declaration(said: Declaration) -> Iterator[Thing]:
    yield Thing(ORGANISATION, said.organisation.name)
    if said.organisation.siret:
        yield Thing(SIRET, said.organisation.siret)
    yield from _of_rights(said.networks, said.cavage)
    yield Thing("Établi le", _moment(said.issued))


def _of_rights(networks: Iterable[str], cavage: object) -> Iterator[Thing]:
    yield Thing(SIGNATURE, "peut signer à l’ancienne (draft-cavage)" if cavage else "selon la RFC 9421")
    yield from (Thing(NETWORK, network, network) for network in networks)


def _key(key: DeclaredKey) -> str:
    return f"{key.multibase}, {words.custody(key.custody.value)}, du {_moment(key.valid_from)} au {_moment(key.valid_until)}"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}Z"
