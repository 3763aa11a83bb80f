"""Whether a manifest will do: every fault at once, each with its reason, its place and a French sentence."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from schemas import jcs
from schemas.application import Contact, Kind, Manifest, names_fittingly
from schemas.application_words import EXPECTED, LABELS, WHATS
from schemas.documents import document_holds, sign_document
from schemas.keys import KeyMalformed, PublicKey

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schemas.keys import SigningKey

SIZE_LIMIT: Final = 64 * 1024
AHEAD: Final = timedelta(minutes=5)
LONGEST: Final = timedelta(days=3 * 366)
"""A manifest names people and keys: past three years nobody knows whether it is still true."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: `reason` for machines, `path` as in `keys.0.validFrom`, a sentence for people."""

    reason: str
    path: str
    sentence: str


class ManifestRefused(ValueError):
    """A manifest with faults."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__(", ".join(fault.reason for fault in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class SignedManifest:
    """A manifest without a fault, and its bytes in the one form (RFC 8785) that its digest names."""

    manifest: Manifest
    unparsed: bytes
    key_id: str

    @property
    def digest(self) -> str:
        """SHA-256, hexadecimal."""
        return hashlib.sha256(self.unparsed).hexdigest()


def sign(draft: Mapping[str, Any], key: SigningKey, now: datetime) -> bytes:
    """Sign a manifest by one of the keys that it declares; no check is made here."""
    unsigned = {name: said for name, said in draft.items() if name != "proof"}
    return jcs.canonical(sign_document(unsigned, key, now))


def check(unverified: bytes, charter: str, now: datetime) -> SignedManifest:
    """A manifest that will do; raises ManifestRefused with every fault. `charter` is the version that must be accepted."""
    document = _parsed(unverified)
    faults = (*_of_fields(document), *_of_dates(document, now), *_of_words(document, charter), *_of_proof(document))
    if faults:
        raise ManifestRefused(tuple(dict.fromkeys(faults)))
    manifest = Manifest.strictly({name: said for name, said in document.items() if name != "proof"})
    return SignedManifest(manifest, jcs.canonical(document), document["proof"]["verificationMethod"])


def reopened(kept: bytes) -> Manifest:
    """A manifest that was checked when it came, from the database."""
    document = jcs.parse(kept)
    return Manifest.strictly({name: said for name, said in document.items() if name != "proof"})


def fault(path: str, what: str) -> Fault:
    """A fault by its place and kind, in words."""
    place = re.sub(r"\.\d+(?=\.|$)", "", path)
    label = LABELS.get(place, f"« {place} »")
    sentence = WHATS[what].format(label=label, expected=EXPECTED.get(place, "une autre valeur est attendue"))
    return Fault(f"{_snake(place)}_{what}" if place else f"manifest_{what}", path, sentence[:1].upper() + sentence[1:])


def _parsed(unverified: bytes) -> dict[str, Any]:
    if len(unverified) > SIZE_LIMIT:
        raise ManifestRefused((fault("", "too_large"),))
    try:
        document = jcs.parse(unverified)
    except jcs.JsonRefused as error:
        raise ManifestRefused((fault("", "unreadable"),)) from error
    if not isinstance(document, dict):
        raise ManifestRefused((fault("", "unreadable"),))
    return document


def _of_fields(document: Mapping[str, Any]) -> Iterator[Fault]:
    try:
        Manifest.strictly({name: said for name, said in document.items() if name != "proof"})
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False, include_context=False):
            yield fault(".".join(map(str, problem["loc"])), _KINDS.get(problem["type"], "malformed"))


def _of_dates(document: Mapping[str, Any], now: datetime) -> Iterator[Fault]:
    issued, expires = _moment(document.get("issued")), _moment(document.get("expires"))
    if issued and issued > now + AHEAD:
        yield fault("issued", "in_future")
    if expires and expires <= now:
        yield fault("expires", "past")
    if issued and expires and (expires <= issued or expires - issued > LONGEST):
        yield fault("expires", "out_of_order" if expires <= issued else "too_late")
    for number, key in enumerate(_dicts(document.get("keys"))):
        since, until = _moment(key.get("validFrom")), _moment(key.get("validUntil"))
        if until and until <= now:
            yield fault(f"keys.{number}.validUntil", "past")
        if since and until and until <= since:
            yield fault(f"keys.{number}.validUntil", "out_of_order")


def _of_words(document: Mapping[str, Any], charter: str) -> Iterator[Fault]:
    kind, name = document.get("kind"), document.get("id")
    if isinstance(kind, str) and isinstance(name, str) and kind in set(Kind) and not names_fittingly(kind, name):
        yield fault("id", "malformed")
    if kind == Kind.PEER and document.get("peering") is None:
        yield fault("peering", "missing")
    if isinstance(document.get("charter"), str) and document["charter"] != charter:
        yield fault("charter", "outdated")
    keys = [key.get("publicKeyMultibase") for key in _dicts(document.get("keys"))]
    yield from (fault(f"keys.{number}.publicKeyMultibase", "twice") for number, key in enumerate(keys) if key and key in keys[:number])
    contacts = document.get("contacts")
    for role, said in contacts.items() if isinstance(contacts, dict) else ():
        if isinstance(said, dict) and _is_personal(said):
            yield fault(f"contacts.{role}.mailbox", "personal")


def _of_proof(document: Mapping[str, Any]) -> Iterator[Fault]:
    proof = document.get("proof")
    if not isinstance(proof, dict):
        yield fault("proof", "missing")
        return
    declared = {
        f"{document.get('id')}#{key.get('publicKeyMultibase')}": key.get("publicKeyMultibase") for key in _dicts(document.get("keys"))
    }
    method = proof.get("verificationMethod")
    multibase = declared.get(method) if isinstance(method, str) else None
    if multibase is None:
        yield fault("proof", "of_another_key")
    elif (key := _key(multibase)) is not None and not _holds(document, key):
        yield fault("proof", "invalid")


def _key(multibase: object) -> PublicKey | None:
    """None for what is no key: the fault of the field in which it stands says it."""
    try:
        return PublicKey.of(multibase) if isinstance(multibase, str) else None
    except KeyMalformed:
        return None


def _holds(document: Mapping[str, Any], key: PublicKey) -> bool:
    try:
        return document_holds(document, key)
    except jcs.JsonRefused:
        return False


def _is_personal(said: Mapping[str, Any]) -> bool:
    try:
        return Contact.model_validate(said).is_personal()
    except ValidationError:
        return False


def _moment(said: object) -> datetime | None:
    """None for what is no moment of the calendar in UTC: the fault of its field says it."""
    try:
        moment = datetime.fromisoformat(said) if isinstance(said, str) else None
        return moment.astimezone(UTC) if moment is not None and moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _dicts(said: object) -> list[dict[str, Any]]:
    return [one for one in said if isinstance(one, dict)] if isinstance(said, list) else []


def _snake(path: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", path).lower().replace(".", "_")


_KINDS: Final[Mapping[str, str]] = {
    "missing": "missing", "extra_forbidden": "unknown", "enum": "unlisted", "literal_error": "unlisted", "too_short": "empty",
    "checksum": "checksum",
}  # fmt: skip
