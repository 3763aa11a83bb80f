"""What `keys rotate` does with an announcement: a node's, that of our own pair, or a peer's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub.commands import admission, terminal
from schemas.application import Kind

if TYPE_CHECKING:
    from hub.registry.key_service import Plan
    from hub.unit_of_work import UnitOfWork
    from schemas.manifest import KeyEntry
    from schemas.rotation import Announced, RotationRefused

WORDS: Final = {
    "rotation_by_another_key": "La clé qui annonce n'est pas une clé par laquelle {name} signe à présent.",
    "rotation_without_rsa": "Cette annonce ne nomme pas la moitié RSA de la paire : refaites-la par « traitdunion keys announce-pair ».",
}


@dataclass(frozen=True, slots=True)
class Wished:
    """What the operator said of the times: seconds of notice, hours of overlap; None where the usual will do."""

    lead: float | None
    overlap: float | None

    def plan(self, usual: Plan) -> Plan:
        """The usual plan, but for what was said."""
        from hub.registry.key_service import Plan

        return Plan(
            usual.lead if self.lead is None else timedelta(seconds=self.lead),
            usual.overlap if self.overlap is None else timedelta(hours=self.overlap),
        )


def carried_out(said: Announced, wished: Wished) -> str:
    """Let the key follow, and tell from when; raises RotationRefused or KeyTaken."""
    return _ours(said, wished) if said.node == _authority() else _anothers(said, wished)


def refusal(said: Announced, refused: RotationRefused) -> str:
    """Why it does not, in a sentence."""
    return WORDS[refused.reason].format(name=said.node)


def _anothers(said: Announced, wished: Wished) -> str:
    """A peer's, where one bears that name, else a node's."""
    from hub.registry import key_service, peer_keys

    plan = wished.plan(key_service.Plan())

    async def use(work: UnitOfWork) -> str:
        presence = await terminal.presence(work)
        if await work.peers.get(said.node) is not None:
            new = await peer_keys.rotate(said, presence, work)
            return f"{new} suit {said.old} : c'est par elle que {said.node} signe désormais son manifeste."
        return _told(await key_service.rotate(said, plan, presence, work), plan)

    return admission.acting(Kind.NODE, said.node, use)


def _ours(said: Announced, wished: Wished) -> str:
    from hub.registry import pair_service

    plan = wished.plan(pair_service.PLAN)

    async def use(work: UnitOfWork) -> KeyEntry:
        return await pair_service.rotate(said, plan, await terminal.presence(work), work)

    return _told(terminal.in_transaction(use), plan)


def _told(new: KeyEntry, plan: Plan) -> str:
    start = new.active_from
    end = start + plan.overlap if start else None
    return f"{new.id} sera active le {terminal.when(start)} ; l'ancienne est crue jusqu'au {terminal.when(end)}."


def _authority() -> str:
    """The name under which other servers know this one; empty where none does."""
    from hub.settings import HubSettings
    from schemas.activities import authority_of

    return authority_of(HubSettings().federation_url) or ""
