"""What the invented ministries say of themselves when they apply, signed by their own keys; and who admits them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from schemas.application_faults import sign
from schemas.proof import timestamp

if TYPE_CHECKING:
    from datetime import datetime

    from deploy.demo.cast import Ministry
    from schemas.keys import SigningKey

CHARTER: Final = "2026-1"
YEAR: Final = timedelta(days=365)
CONTACTS: Final = {
    "owner": "Nadia Brun", "rssi": "Yann Le Gall", "dpo": "Inès Morel", "animation": "Paul Adam", "sponsor": "Hélène Vasseur",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Approver:
    """Somebody of the federation who admits."""

    id: str
    name: str
    organisation: str
    siret: str


APPROVERS: Final = (
    Approver("anne", "Anne Lefort", "Équipe Trait d’union", "00000100600014"),
    Approver("bakary", "Bakary Diop", "Direction du numérique", "00000100500016"),
)


def signed(ministry: Ministry, key: SigningKey, now: datetime) -> bytes:
    """A ministry's manifest."""
    return sign(_draft(ministry, key, now), key, now)


def _draft(ministry: Ministry, key: SigningKey, now: datetime) -> dict[str, Any]:
    return {
        "type": "TraitDUnionManifest",
        "kind": "node",
        "id": ministry.node,
        "organisation": {"name": ministry.name, "siret": ministry.siret},
        "platform": ministry.platform,
        "endpoints": [{"kind": "rse", "url": f"https://{ministry.node}.example/"}],
        "keys": [
            {
                "publicKeyMultibase": key.public.multibase, "validFrom": timestamp(now), "validUntil": timestamp(now + YEAR),
                "custody": "organisation",
            }
        ],
        "contacts": {role: {"name": name, "mailbox": f"{role}@{ministry.node}.example"} for role, name in CONTACTS.items()},
        "dataClasses": ["identity", "messages", "reactions", "memberships"],
        "charter": CHARTER,
        "issued": timestamp(now),
        "expires": timestamp(now + YEAR),
    }  # fmt: skip
