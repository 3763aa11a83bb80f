"""Documents that carry their own proof: FEP-8b32 with eddsa-jcs-2022 (W3C vc-di-eddsa § 3.3), made and verified."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol

from schemas import jcs
from schemas.http_signature import Rejection, VerifyingKey
from schemas.keys import PublicKey, from_multibase, to_multibase
from schemas.moments import moment_of
from schemas.origins import same_origin
from schemas.proof import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from schemas.keys import SigningKey

TYPE: Final = "DataIntegrityProof"
SUITE: Final = "eddsa-jcs-2022"
PURPOSE: Final = "assertionMethod"
AHEAD: Final = timedelta(minutes=5)
MOST_PROOFS: Final = 8
LEGACY: Final = "signature"
"""A Linked Data signature, which who makes both sets beside the proof afterwards: it is taken off first (FEP-8b32), and proves nothing here."""


class Reason(StrEnum):
    """Why a document's proof is not believed: the names that people and machines see. Refusals of keys bear the names of their finder."""

    MISSING = "proof_missing"
    MALFORMED = "proof_malformed"
    SUITE_UNSUPPORTED = "proof_suite_unsupported"
    CHAINED = "proof_chained"
    OPTION_MISSING = "proof_option_missing"
    OPTION_MALFORMED = "proof_option_malformed"
    PURPOSE_MISMATCH = "proof_purpose_mismatch"
    CONTEXT_MISMATCH = "proof_context_mismatch"
    IN_FUTURE = "proof_in_future"
    EXPIRED = "proof_expired"
    OWNER_MISMATCH = "proof_owner_mismatch"
    ORIGIN_MISMATCH = "proof_origin_mismatch"
    KEY_UNSUITABLE = "proof_key_unsuitable"
    INVALID = "proof_invalid"
    NOT_CANONICAL = "document_not_canonicalisable"


class OwnedKey(VerifyingKey, Protocol):
    """A public key of which it is known whose it is."""

    @property
    def owner(self) -> str:
        """The actor that publishes it."""
        ...


@dataclass(frozen=True, slots=True)
class ProvedDocument:
    """A document and the owner of the key that has proved it. Made in this module alone; not yet authorised.

    `document` is what the proof covers and nothing else: the proof is taken off, an older signature beside it, and contexts that somebody
    has added behind it.
    """

    document: Mapping[str, Any] = field(repr=False)
    owner: str
    key_id: str
    created: datetime


class _Refused(Exception):
    """A rejection on its way out of this module's own functions."""

    def __init__(self, reason: StrEnum, detail: str = "") -> None:
        super().__init__(reason)
        self.rejection = Rejection(reason.value, detail)


def key_id_of(received: Mapping[str, Any]) -> str | Rejection:
    """The id of the key that the chosen proof names, unproved: so that a door may fetch that key before it verifies."""
    try:
        options = _chosen(received)
        _check_options(options)
        return _key_id(options, _owner(received))
    except _Refused as refused:
        return refused.rejection


def claims_proof_of(received: Mapping[str, Any], owner: str) -> bool:
    """Tell whether a document bears a proof in this owner's name: what a reader without her key checks of what another has verified."""
    try:
        return _owner(received) == owner and not isinstance(key_id_of(received), Rejection)
    except _Refused:
        return False


def verify(received: Mapping[str, Any], find_key: Callable[[str], OwnedKey | StrEnum], now: datetime) -> ProvedDocument | Rejection:
    """Prove who made a document, by the first of its proofs that is an eddsa-jcs-2022; the others are neither read nor believed.

    Its owner is whom `actor` and `attributedTo` name, one and the same where both stand, else (an actor's own document) its `id`: the key
    must be that owner's. Whether she is the author of what a reader makes of it, the reader compares. `received` must come from `jcs.parse`,
    each string as it came; nothing is re-written before it is verified, unknown members included.
    """
    try:
        options = _chosen(received)
        created = _check_options(options)
        _check_dates(options, created, now)
        owner = _owner(received)
        key_id = _key_id(options, owner)
        covered = {name: member for name, member in received.items() if name != LEGACY}
        key = _key(key_id, owner, find_key)
        return ProvedDocument(_proved(covered, options, key), key.owner, key_id, created)
    except _Refused as refused:
        return refused.rejection


def document_holds(document: Mapping[str, Any], key: VerifyingKey) -> bool:
    """Check a document of our own servers, one proof over the whole of it, against a key that is known beforehand."""
    if not isinstance(document.get("proof"), dict):
        return False
    try:
        options = _chosen(document)
        _check_options(options)
        return _proved(document, options, key).get("@context") == document.get("@context")
    except _Refused:
        return False


def sign_document(document: Mapping[str, Any], key: SigningKey, created: datetime) -> dict[str, Any]:
    """Add a proof to a JSON document that has none yet."""
    options: dict[str, Any] = {
        "type": TYPE,
        "cryptosuite": SUITE,
        "created": timestamp(created),
        "verificationMethod": key.key_id,
        "proofPurpose": PURPOSE,
    }
    if "@context" in document:
        options["@context"] = document["@context"]
    value = to_multibase(key.sign(_hash(document, options)))
    return {**document, "proof": {**options, "proofValue": value}}


def _chosen(received: Mapping[str, Any]) -> Mapping[str, Any]:
    """The first proof of our suite, whether one stands alone or in a set; that one must hold, so that no second one covers for it."""
    if "proof" not in received:
        raise _Refused(Reason.MISSING)
    said = received["proof"]
    proofs = said if isinstance(said, list) else [said]
    if not 0 < len(proofs) <= MOST_PROOFS or not all(isinstance(one, dict) for one in proofs):
        raise _Refused(Reason.MALFORMED)
    for one in proofs:
        if one.get("type") == TYPE and one.get("cryptosuite") == SUITE:
            return dict(one)
    raise _Refused(Reason.SUITE_UNSUPPORTED, ascii(proofs[0].get("cryptosuite", proofs[0].get("type")))[:40])


def _check_options(options: Mapping[str, Any]) -> datetime:
    """The options that we must understand; the others are covered as they came. Answers when the proof says it was made."""
    if "previousProof" in options:
        raise _Refused(Reason.CHAINED)  # such a proof covers other proofs too, which would have to be verified first
    for name in ("verificationMethod", "proofPurpose", "proofValue", "created"):
        if name not in options:
            raise _Refused(Reason.OPTION_MISSING, name)
        if not isinstance(options[name], str):
            raise _Refused(Reason.OPTION_MALFORMED, name)
    if options["proofPurpose"] != PURPOSE:
        raise _Refused(Reason.PURPOSE_MISMATCH)
    created = moment_of(options["created"])
    if created is None:
        raise _Refused(Reason.OPTION_MALFORMED, "created")
    return created


def _check_dates(options: Mapping[str, Any], created: datetime, now: datetime) -> None:
    """A proof may be of any age: a Note is read years after it was signed."""
    if created > now + AHEAD:
        raise _Refused(Reason.IN_FUTURE)
    if "expires" in options:
        expires = moment_of(options["expires"])
        if expires is None:
            raise _Refused(Reason.OPTION_MALFORMED, "expires")
        if expires <= now:
            raise _Refused(Reason.EXPIRED)


def _owner(received: Mapping[str, Any]) -> str:
    """Who must have signed; two owners would need two proofs, and no server of the fediverse makes such documents.

    One reader takes `actor` for the author, another `attributedTo`: a note by both, proved by the one, would be the other's words.
    """
    named = [_named(received[member]) for member in ("actor", "attributedTo") if received.get(member) is not None]
    if len(set(named)) > 1:
        raise _Refused(Reason.OWNER_MISMATCH)
    return named[0] if named else _named(received.get("id"))


def _named(said: Any) -> str:
    one = said[0] if isinstance(said, list) and len(said) == 1 else said
    owner = one.get("id") if isinstance(one, dict) else one
    if not isinstance(owner, str):
        raise _Refused(Reason.OWNER_MISMATCH)
    return owner


def _key_id(options: Mapping[str, Any], owner: str) -> str:
    """The key's id; looked for at the owner's own server alone, before anything is fetched (FEP-fe34)."""
    key_id: str = options["verificationMethod"]
    if not same_origin(key_id, owner):
        raise _Refused(Reason.ORIGIN_MISMATCH)
    return key_id


def _key(key_id: str, owner: str, find_key: Callable[[str], OwnedKey | StrEnum]) -> OwnedKey:
    key = find_key(key_id)
    if isinstance(key, StrEnum):
        raise _Refused(key)
    if key.owner != owner:
        raise _Refused(Reason.OWNER_MISMATCH)
    if key.algorithm != PublicKey.algorithm:
        raise _Refused(Reason.KEY_UNSUITABLE, key.algorithm)
    return key


def _proved(received: Mapping[str, Any], options: Mapping[str, Any], key: VerifyingKey) -> Mapping[str, Any]:
    """What the proof covers, where it holds (W3C vc-di-eddsa § 3.3.2 and 3.3.3)."""
    config = {name: option for name, option in options.items() if name != "proofValue"}
    document = {name: member for name, member in received.items() if name != "proof"}
    if "@context" in config:
        document["@context"] = _context(config["@context"], document)
    try:
        signature = from_multibase(options["proofValue"])
    except ValueError as error:
        raise _Refused(Reason.OPTION_MALFORMED, "proofValue") from error
    if _verifies(key, signature, document, config) or ("@context" not in config and _covers_context(key, signature, document, config)):
        return document
    raise _Refused(Reason.INVALID)


def _context(said: Any, document: Mapping[str, Any]) -> Any:
    """The proof's context, which the document's must begin with: what stands behind it was added later and is not proved (§ 3.3.2 step 4)."""
    if "@context" not in document:
        raise _Refused(Reason.CONTEXT_MISMATCH)
    whole = document["@context"]
    begun, entire = (one if isinstance(one, list) else [one] for one in (said, whole))
    if entire[: len(begun)] != begun:
        raise _Refused(Reason.CONTEXT_MISMATCH)
    return said


def _covers_context(key: VerifyingKey, signature: bytes, document: Mapping[str, Any], config: Mapping[str, Any]) -> bool:
    """Fedify signs its options with the document's context and sends them without it; either way every option is covered."""
    return "@context" in document and _verifies(key, signature, document, {**config, "@context": document["@context"]})


def _verifies(key: VerifyingKey, signature: bytes, document: Mapping[str, Any], config: Mapping[str, Any]) -> bool:
    try:
        return key.verifies(signature, _hash(document, config))
    except jcs.JsonRefused as error:
        raise _Refused(Reason.NOT_CANONICAL) from error


def _hash(document: Mapping[str, Any], config: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(jcs.canonical_parsed(config)).digest() + hashlib.sha256(jcs.canonical_parsed(document)).digest()
