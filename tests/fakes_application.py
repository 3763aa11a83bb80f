"""Manifests of invented ministries and peers: whole ones, and what a test breaks in them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from schemas.application_faults import SignedManifest, check, sign
from schemas.proof import timestamp

if TYPE_CHECKING:
    from schemas.keys import SigningKey

CHARTER = "2026-1"
SIRETS = ("00000000000018", "00000001800010", "00000002600013")
ROLES = ("owner", "rssi", "dpo", "animation", "sponsor")


def draft(key: SigningKey, *, now: datetime, siret: str = SIRETS[0], **changes: Any) -> dict[str, Any]:
    """A node's manifest before it is signed."""
    whole = {
        "type": "TraitDUnionManifest",
        "kind": "node",
        "id": key.owner,
        "organisation": {"name": f"Ministère {key.owner}", "siret": siret},
        "platform": "discourse",
        "endpoints": [{"kind": "rse", "url": "https://rse.example/"}],
        "keys": [declared(key, now)],
        "contacts": {role: {"name": "Camille Roux", "mailbox": f"{role}@ministere.example"} for role in ROLES},
        "dataClasses": ["identity", "messages"],
        "charter": CHARTER,
        "issued": timestamp(now),
        "expires": timestamp(now + timedelta(days=365)),
    }
    return {**whole, **changes}


def declared(key: SigningKey, now: datetime) -> dict[str, str]:
    """A key as a manifest says it."""
    return {
        "publicKeyMultibase": key.public.multibase, "validFrom": timestamp(now), "validUntil": timestamp(now + timedelta(days=365)),
        "custody": "organisation",
    }  # fmt: skip


def peer_draft(key: SigningKey, *, now: datetime, **changes: Any) -> dict[str, Any]:
    """A peer's manifest before it is signed; the key's owner is its authority."""
    said = {
        "kind": "peer",
        "platform": "traitdunion",
        "endpoints": [{"kind": "activitypub", "url": f"https://{key.owner}/"}],
        "peering": {"kind": "traitdunion", "cavage": False, "networks": [], "anchor": key.public.multibase},
    }
    return draft(key, now=now, **{**said, **changes})


def applying(key: SigningKey, now: datetime | None = None, **changes: Any) -> SignedManifest:
    """A node's manifest, signed and checked."""
    at = now or datetime.now(UTC)
    return check(sign(draft(key, now=at, **changes), key, at), CHARTER, at)
