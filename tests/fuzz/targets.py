"""What reads strangers' bytes, as functions of bytes: each may refuse them by its own errors and raises nothing else."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, Final

from schemas import cavage, content_digest, documents, jcs, media_types, structured
from schemas.actor_keys import ActorKey, KeyFault, actor_keys
from schemas.anchors import succeed
from schemas.application_faults import ManifestRefused, check, sign
from schemas.documents import ProvedDocument
from schemas.http_signature import (
    OF_PEERS_WITH_BODY,
    Rejection,
    SignedHead,
    UnverifiedHead,
    key_id_of,
    signed_fields,
    verify_body,
    verify_head,
)
from schemas.manifest import Registry, RegistryRefused, issue, read_unchecked
from schemas.nonces import Nonces
from schemas.wire.http_dates import LONGEST_WISH, wish_of
from tests.fakes_application import CHARTER, draft, peer_draft
from tests.fakes_peers import BODY, INBOX, INES, NOW, ed25519_key, head_of, rsa_key
from tests.fakes_schemas import FINANCES, HUB, registry_document
from tests.fakes_schemas import NOW as REGISTERED
from tests.fuzz import neighbours
from tests.fuzz.reading import Forged, parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RSA, ED25519 = rsa_key(), ed25519_key()
KEYS = {key.key_id: ActorKey(key.key_id, INES, key.public) for key in (RSA, ED25519)}
ACTIVITY: dict[str, Any] = {
    "@context": ["https://www.w3.org/ns/activitystreams"],
    "id": "https://pair.example/a/1",
    "type": "Create",
    "actor": INES,
}
SIGNED = documents.sign_document(ACTIVITY, ED25519, NOW)
ACTOR = {
    "id": INES,
    "publicKey": {"id": RSA.key_id, "owner": INES, "publicKeyPem": RSA.public_pem},
    "assertionMethod": [{"id": ED25519.key_id, "type": "Multikey", "controller": INES, "publicKeyMultibase": ED25519.public.multibase}],
}
MODERN = signed_fields(RSA, "POST", INBOX, NOW, media_types.ACTIVITY_JSON, BODY)
OLDER = cavage.signed_fields(RSA, "POST", INBOX, NOW, media_types.ACTIVITY_JSON, BODY)
APPLIED = [sign(draft(FINANCES, now=NOW), FINANCES, NOW), sign(peer_draft(HUB, now=NOW), HUB, NOW)]
PUBLISHED = [
    issue(registry_document(**more), HUB, REGISTERED) for more in ({}, {"anchors": [succeed(HUB, FINANCES, REGISTERED, REGISTERED)]})
]
BETWEEN: Final = "\n"
"""Between two fields of one request, which cannot hold it."""


def find(key_id: str) -> ActorKey | KeyFault:
    """The keys of the one actor there is."""
    return KEYS.get(key_id, KeyFault.UNKNOWN)


def structured_field(raw: bytes) -> None:
    """Any field read as a dictionary, and a digest besides."""
    text = raw.decode("latin-1")
    with contextlib.suppress(structured.FieldMalformed):
        structured.dictionary(text)
    content_digest.fault(text, BODY)
    media_types.holds_activity(text)


def signature(raw: bytes) -> None:
    """Signature-Input and Signature of a request that is otherwise right."""
    said, _, signed = raw.decode("latin-1").partition(BETWEEN)
    head = head_of({**MODERN, "Signature-Input": said, "Signature": signed})
    key_id_of(head, OF_PEERS_WITH_BODY)
    _believed_only_as_signed(verify_head(head, OF_PEERS_WITH_BODY, find, Nonces(), NOW))


def older_signature(raw: bytes) -> None:
    """Signature, Date and Digest of a request that is otherwise right."""
    signed, _, rest = raw.decode("latin-1").partition(BETWEEN)
    date, _, digest = rest.partition(BETWEEN)
    head = head_of({**OLDER, "Signature": signed, "Date": date or OLDER["Date"], "Digest": digest or OLDER["Digest"]})
    cavage.key_id_of(head, cavage.OF_PEERS_WITH_BODY)
    _believed_only_as_signed(cavage.verify_head(head, cavage.OF_PEERS_WITH_BODY, find, NOW))


def _believed_only_as_signed(found: SignedHead | Rejection) -> None:
    if isinstance(found, SignedHead) and isinstance(verify_body(found, BODY), Rejection):
        raise Forged(found.key_id)


def document(raw: bytes) -> None:
    """A whole document, proof and all."""
    received = parsed(raw)
    if isinstance(received, dict):
        documents.key_id_of(received)
        found = documents.verify(received, find, NOW)
        if isinstance(found, ProvedDocument) and jcs.canonical(found.document) != jcs.canonical(ACTIVITY):
            raise Forged(found.key_id)


def keys(raw: bytes) -> None:
    """An actor's document and its keys."""
    received = parsed(raw)
    if isinstance(received, dict):
        actor_keys(received, NOW)


def json_text(raw: bytes) -> None:
    """Any text as JSON, and what was read written in its canonical form, which reads as the same again."""
    value = parsed(raw)
    if isinstance(value, dict):
        with contextlib.suppress(jcs.JsonRefused):
            once = jcs.canonical(value)
            if jcs.canonical(jcs.parse(once)) != once:
                raise Forged("two canonical forms")


def manifest(raw: bytes) -> None:
    """What anybody may bring as a manifest."""
    with contextlib.suppress(ManifestRefused):
        if check(raw, CHARTER, NOW).unparsed not in APPLIED:
            raise Forged("manifest")


def registry(raw: bytes) -> None:
    """What a neighbour, or who stands before it, gives as its registry; and what a person has compared."""
    with contextlib.suppress(RegistryRefused):
        if jcs.canonical(jcs.parse(Registry.open(raw, HUB.public.multibase, REGISTERED).unparsed)) not in PUBLISHED:
            raise Forged("registry")
    with contextlib.suppress(RegistryRefused):
        read_unchecked(raw)


def retry_after(raw: bytes) -> None:
    """How long a server wants to be left alone."""
    wished = wish_of(raw.decode("utf-8", "surrogateescape"), NOW)  # as the client decodes fields
    if wished is not None and not 0 <= wished <= LONGEST_WISH:
        raise Forged("a wish past a day")


def _seeds(head: UnverifiedHead, *names: str) -> bytes:
    return BETWEEN.join(dict(head.fields)[name] for name in names).encode("latin-1")


TARGETS: Final[Mapping[str, tuple[Callable[[bytes], None], tuple[bytes, ...]]]] = {
    "structured": (structured_field, (MODERN["Signature-Input"].encode(), MODERN["Content-Digest"].encode(), media_types.LD_JSON.encode())),
    "signature": (signature, (_seeds(head_of(MODERN), "signature-input", "signature"),)),
    "cavage": (older_signature, (_seeds(head_of(OLDER), "signature", "date", "digest"), OLDER["Signature"].encode())),
    "documents": (document, (json.dumps(SIGNED).encode(), jcs.canonical({**SIGNED, "proof": [SIGNED["proof"]]}))),
    "keys": (keys, (json.dumps(ACTOR).encode(),)),
    "json": (json_text, (b'{"a":[1,2.5e3,true,null,"\\u00e9\\ud83d\\ude00"]}', json.dumps(SIGNED).encode())),
    "manifest": (manifest, tuple(APPLIED)),
    "registry": (registry, tuple(PUBLISHED)),
    **neighbours.TARGETS,
    "retry_after": (retry_after, (b"120", b"Sun, 22 Nov 2026 12:00:00 GMT", b"Mon, 01 Jan 2024 00:00:00 +9999")),
}
"""Each target and the seeds from which it is tried."""
