"""Where a peer's activity came from: what the peers' door saw, under its own proof, from the inbox to the last door."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from schemas import jcs
from schemas.documents import claims_proof_of
from schemas.origins import same_origin
from schemas.proof import decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from schemas.activities import Told
    from schemas.keys import PublicKey, SigningKey
    from schemas.manifest import Registry

PREFIX: Final = "peer_"
KEY: Final = "peer_keyid"
PROOF: Final = "peer_proof"
_DIGITS: Final = re.compile(r"[1-9][0-9]{0,15}")


class Belief(StrEnum):
    """Why what an activity tells is believed to be its author's."""

    OWN = "own"
    """The author's own server signed the request."""
    PROOF = "proof"
    """It bears its author's own proof (FEP-8b32), whoever passed it on."""
    FETCHED = "fetched"
    """It was fetched from its author's server, and stands in the provenance by its digest."""
    GONE = "gone"
    """It was deleted, and its server says so."""


@dataclass(frozen=True, slots=True)
class KnownActor:
    """What its own server says of an actor, as the door fetched it."""

    id: str
    kind: str
    name: str
    inbox: str = ""
    shared_inbox: str = ""

    def written(self) -> dict[str, str]:
        """As it travels."""
        return {"id": self.id, "kind": self.kind, "name": self.name, "inbox": self.inbox, "shared_inbox": self.shared_inbox}


class ProvenanceRefused(ValueError):
    """A provenance that is not the door's, or not of these bytes; `reason` is machine-readable."""

    def __init__(self, reason: str) -> None:
        """Keep the reason."""
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Provenance:
    """What the door saw: who signed, by what key and scheme, when, to which inbox; `digest` and `document` are SHA-256 of bytes."""

    actor: str
    peer: str
    key: str
    scheme: str
    received: datetime
    digest: str
    target: str
    belief: Belief
    document: str = ""
    """Digest of what was fetched from the object's own server; empty where nothing was."""
    actors: Sequence[KnownActor] = ()
    ministry: str = ""
    """The ministry whose own envelope the message carries, as its server's registry names it; empty for everybody else."""

    def named(self, actor: str) -> KnownActor | None:
        """What is known of an actor."""
        return next((one for one in self.actors if one.id == actor), None)

    def signed(self, key: SigningKey) -> dict[str, str]:
        """The `peer_*` members, signed."""
        said = self._texts(key.key_id)
        said[PROOF] = encode(key.sign(jcs.canonical_strings(said)))
        return said

    def _texts(self, key_id: str) -> dict[str, str]:
        return {
            KEY: key_id, "peer_actor": self.actor, "peer_server": self.peer, "peer_key": self.key, "peer_scheme": self.scheme,
            "peer_received": str(round(self.received.timestamp() * 1000)), "peer_digest": self.digest, "peer_target": self.target,
            "peer_belief": self.belief.value, "peer_document": self.document, "peer_ministry": self.ministry,
            "peer_actors": f'{{"actors":[{",".join(map(_written, self.actors))}]}}',
        }  # fmt: skip


@lru_cache(maxsize=1024)
def _written(actor: KnownActor) -> str:
    """RFC 8785, like the whole; remembered, since people say more than one thing."""
    return jcs.canonical_strings(actor.written()).decode()


def written(signed: Mapping[str, str]) -> str:
    """The signed members as one text."""
    return jcs.canonical_strings(signed).decode()


def members(unverified: str) -> dict[str, str]:
    """The members out of such a text, not yet believed; raises ProvenanceRefused."""
    try:
        found = jcs.parse(unverified.encode())
    except (jcs.JsonRefused, UnicodeEncodeError) as error:
        raise ProvenanceRefused("provenance_malformed") from error
    if not isinstance(found, dict) or not all(isinstance(said, str) for said in found.values()):
        raise ProvenanceRefused("provenance_malformed")
    return found


def sha256(raw: bytes) -> str:
    """The digest by which a provenance names bytes."""
    return hashlib.sha256(raw).hexdigest()


def verify(
    unverified: Mapping[str, str], activity: bytes, document: bytes | None, key_of: Callable[[str, datetime], PublicKey | StrEnum]
) -> Provenance:
    """Check the door's proof over all `peer_*` members, and that these are the bytes it saw; raises ProvenanceRefused.

    `key_of` finds the door's key as it stood at a moment.
    """
    said = {name: text for name, text in unverified.items() if name.startswith(PREFIX) and name != PROOF}
    try:
        signature, found = decode(unverified[PROOF]), _read(said)
    except (KeyError, ValueError, TypeError, OverflowError, OSError) as error:
        raise ProvenanceRefused("provenance_malformed") from error
    key = key_of(said[KEY], found.received)
    if isinstance(key, StrEnum):
        raise ProvenanceRefused("provenance_key_refused")
    if not key.verifies(signature, jcs.canonical_strings(said)):
        raise ProvenanceRefused("provenance_invalid")
    if found.digest != sha256(activity) or found.document != (sha256(document) if document is not None else ""):
        raise ProvenanceRefused("provenance_of_other_bytes")
    return found


def check_author(seen: Provenance, said: Told) -> None:
    """Refuse what cannot be its author's, whatever the door believed; raises ProvenanceRefused.

    A reader behind the door has nobody's keys: it sees under whose origin the words stand, and in whose name they are proved.
    """
    if not same_origin(said.id, said.actor) or (seen.belief is Belief.PROOF and not claims_proof_of(said.act, said.actor)):
        raise ProvenanceRefused("provenance_of_another_author")


def door_key(registry: Registry, key_id: str, moment: datetime) -> PublicKey | StrEnum:
    """The key of the peers' door as the registry had it at a moment."""
    return registry.door_key_at(key_id, moment)


def _read(said: Mapping[str, str]) -> Provenance:
    """Read the members; raises ValueError, KeyError or TypeError on what `signed` would not have written."""
    if not _DIGITS.fullmatch(said["peer_received"]):
        raise ValueError(KEY)
    listed: Any = jcs.parse(said["peer_actors"].encode())
    actors = tuple(KnownActor(**one) for one in listed["actors"])
    received = datetime.fromtimestamp(int(said["peer_received"]) / 1000, UTC)
    return Provenance(
        said["peer_actor"], said["peer_server"], said["peer_key"], said["peer_scheme"], received, said["peer_digest"],
        said["peer_target"], Belief(said["peer_belief"]), said["peer_document"], actors, said["peer_ministry"],
    )  # fmt: skip
