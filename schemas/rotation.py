"""The word by which a node's key names the one that follows it: signed by both, so that neither is somebody else's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from schemas import jcs
from schemas.documents import document_holds, sign_document
from schemas.keys import KeyMalformed, PublicKey
from schemas.manifest import Custody
from schemas.proof import timestamp

if TYPE_CHECKING:
    from datetime import datetime

    from schemas.keys import SigningKey

TYPE: Final = "TraitDUnionKeyRotation"


class RotationRefused(ValueError):
    """An announcement that nobody need believe; `reason` is machine-readable."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Announced:
    """What an announcement says, both signatures checked: which key is followed, and by which. Whether the first counts is the registry's."""

    node: str
    old: str
    new: str
    custody: Custody


def announce(old: SigningKey, new: SigningKey, custody: Custody, now: datetime) -> bytes:
    """The announcement's bytes: the new key signs first (it is held), the old one over that (it agrees)."""
    said = {"type": TYPE, "node": old.owner, "old": old.public.multibase, "new": new.public.multibase, "custody": custody.value}
    inner = sign_document({**said, "issued": timestamp(now)}, new, now)
    return jcs.canonical(sign_document({"type": TYPE, "rotation": inner}, old, now))


def read(unverified: bytes) -> Announced:
    """Check both signatures of an announcement; raises RotationRefused."""
    try:
        outer = jcs.parse(unverified)
        inner = outer["rotation"]
        node, custody = str(inner["node"]), Custody(inner["custody"])
        old, new = PublicKey.of(str(inner["old"])), PublicKey.of(str(inner["new"]))
        kinds = {outer["type"], inner["type"]}
    except (jcs.JsonRefused, KeyMalformed, KeyError, TypeError, ValueError, AttributeError) as error:
        raise RotationRefused("rotation_malformed") from error
    if kinds != {TYPE} or old.multibase == new.multibase:
        raise RotationRefused("rotation_malformed")
    if not (_held(outer, old, node) and _held(inner, new, node)):
        raise RotationRefused("rotation_signature_invalid")
    return Announced(node, old.multibase, new.multibase, custody)


def _held(document: Any, key: PublicKey, node: str) -> bool:
    try:
        return document["proof"]["verificationMethod"] == f"{node}#{key.multibase}" and document_holds(document, key)
    except (jcs.JsonRefused, KeyError, TypeError):
        return False
