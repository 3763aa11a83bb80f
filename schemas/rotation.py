"""The word by which a key of a node, or of a server, names the one that follows it: signed by both, so that neither is somebody else's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from schemas import jcs
from schemas.actor_keys import multikey_of
from schemas.documents import document_holds, sign_document
from schemas.keys import KeyMalformed, PublicKey
from schemas.manifest import Custody
from schemas.proof import timestamp
from schemas.rsa_keys import RsaPublicKey

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
    """What an announcement says, both signatures checked: which key is followed, and by which. Whether the first counts is the registry's.

    `node` is a node's id, or a server's authority; `rsa` the RSA half (Multikey) of a server's next pair, empty where it has none.
    """

    node: str
    old: str
    new: str
    custody: Custody
    rsa: str = ""


def announce(old: SigningKey, new: SigningKey, custody: Custody, now: datetime, rsa: str = "") -> bytes:
    """The announcement's bytes: the new key signs first (it is held), the old one over that (it agrees)."""
    said = {"type": TYPE, "node": old.owner, "old": old.public.multibase, "new": new.public.multibase, "custody": custody.value}
    said |= {"rsa": rsa} if rsa else {}
    inner = sign_document({**said, "issued": timestamp(now)}, new, now)
    return jcs.canonical(sign_document({"type": TYPE, "rotation": inner}, old, now))


def read(unverified: bytes) -> Announced:
    """Check both signatures of an announcement; raises RotationRefused."""
    try:
        outer = jcs.parse(unverified)
        inner = outer["rotation"]
        node, custody = str(inner["node"]), Custody(inner["custody"])
        old, new = PublicKey.of(str(inner["old"])), PublicKey.of(str(inner["new"]))
        rsa = _rsa(inner.get("rsa"))
        kinds = {outer["type"], inner["type"]}
    except (jcs.JsonRefused, KeyMalformed, KeyError, TypeError, ValueError, AttributeError) as error:
        raise RotationRefused("rotation_malformed") from error
    if kinds != {TYPE} or old.multibase == new.multibase:
        raise RotationRefused("rotation_malformed")
    if not (_held(outer, old, node) and _held(inner, new, node)):
        raise RotationRefused("rotation_signature_invalid")
    return Announced(node, old.multibase, new.multibase, custody, rsa)


def _rsa(said: object) -> str:
    """The Multikey of an RSA key; raises ValueError (KeyMalformed among them) for anything else."""
    if said is None:
        return ""
    if isinstance(said, str) and isinstance(multikey_of(said), RsaPublicKey):
        return said
    raise ValueError(TYPE)


def _held(document: Any, key: PublicKey, node: str) -> bool:
    try:
        return document["proof"]["verificationMethod"] == f"{node}#{key.multibase}" and document_holds(document, key)
    except (jcs.JsonRefused, KeyError, TypeError):
        return False
