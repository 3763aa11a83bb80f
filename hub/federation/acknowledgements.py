"""Receipts of other Trait d'union, told and judged: whose word it is, to whom, about whose activities. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from hub.federation.addresses import Addresses
from hub.federation.work import digest
from hub.federation.wrapping import context
from hub.registry.peers import PeerKind
from schemas import peer_receipt
from schemas.activities import authority_of
from schemas.anchors import named_signer
from schemas.keys import PublicKey
from schemas.manifest import KeyState
from schemas.origins import origin_of
from schemas.peer_receipt import ReceiptMalformed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from hub.registry.peers import Peer
    from schemas.activities import Told
    from schemas.keys import SigningKey
    from schemas.peer_receipt import Acknowledged, PeerReceipt

VERB: Final = "Receipt"
MEMBER: Final = "receipt"
"""The activity's own member in our context, of the type `@json`: what the hub has signed."""


SIGNS: Final = frozenset({KeyState.ACTIVE, KeyState.RETIRING})


class Fault(StrEnum):
    """Why a receipt is not believed."""

    PASSED_ON = "receipt_passed_on"
    NOT_EXPECTED = "receipt_not_expected"
    BY_ANOTHER = "receipt_by_another_actor"
    MALFORMED = "receipt_malformed"
    INVALID = "receipt_proof_invalid"
    OF_ANOTHER = "receipt_of_another_server"
    FOR_ANOTHER = "receipt_for_another_server"
    NOT_OURS = "receipt_of_anothers_activity"
    UNSENT = "receipt_of_unsent_activity"
    OTHER_BYTES = "receipt_of_other_bytes"


def opened(told: Told, peer: Peer | None, here: Addresses, at: datetime) -> PeerReceipt | Fault:
    """A receipt of a peer's own hub about activities of ours, or what is wrong with it; whether those were sent to it is known elsewhere.

    The proof is by the key that signs that server's registry, which two people here have admitted, or by one that has followed it: neither
    who holds the keys of its door nor another server can say what became of anything. `at` is when it came: its hub's keys have their dates.
    """
    if told.via is not None:
        return Fault.PASSED_ON
    if peer is None or peer.kind is not PeerKind.TRAITDUNION or peer.anchor is None:
        return Fault.NOT_EXPECTED
    if told.actor != Addresses(origin_of(told.actor) or "").host_actor:
        return Fault.BY_ANOTHER
    document = told.act.get(MEMBER)
    try:
        receipt = peer_receipt.read(document if isinstance(document, dict) else {})
    except ReceiptMalformed:
        return Fault.MALFORMED
    key = _key_of(peer, told.act[MEMBER], at)
    if key is None or not peer_receipt.holds(told.act[MEMBER], key):
        return Fault.INVALID
    if receipt.issuer != peer.id:
        return Fault.OF_ANOTHER
    if receipt.addressee != authority_of(here.base):
        return Fault.FOR_ANOTHER
    if any(here.event_of(one.activity) is None for one in receipt.deliveries):
        return Fault.NOT_OURS
    return receipt


def signer_of(told: Told) -> str:
    """The key (Multikey) that a receipt names, unproved; empty where it names none."""
    document = told.act.get(MEMBER)
    return named_signer(document) if isinstance(document, dict) else ""


def _key_of(peer: Peer, document: Mapping[str, Any], at: datetime) -> PublicKey | None:
    """The key that must have signed: as the peer's registry has it, and before that was read, the anchor."""
    said = named_signer(document)
    known = {key.multibase: key for key in peer.hub_keys}
    if not known:
        return PublicKey.of(peer.anchor or "")
    found = known.get(said)
    return PublicKey.of(said) if found is not None and found.state_at(at) in SIGNS else None


def activity(deliveries: Sequence[Acknowledged], to: str, here: Addresses, key: SigningKey, now: datetime) -> dict[str, Any]:
    """A receipt to the server whose own actor is `to`, in the name of our own; `key` is the hub's."""
    receipt = peer_receipt.PeerReceipt(
        issuer=authority_of(here.base) or "", addressee=authority_of(to) or "", issued=now, deliveries=tuple(deliveries)
    )
    signed = receipt.signed(key)
    return {
        "@context": context(here),
        "id": here.activity(digest(VERB, signed["proof"]["proofValue"])),
        "type": VERB,
        "actor": here.host_actor,
        "to": [to],
        "object": to,
        MEMBER: signed,
    }
