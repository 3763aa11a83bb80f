"""Receipts of other Trait d'union, told and judged: whose word it is, to whom, about whose activities. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from hub.federation.addresses import Addresses
from hub.federation.outgoing import context
from hub.federation.work import digest
from hub.registry.peers import PeerKind
from schemas import peer_receipt
from schemas.activities import authority_of
from schemas.keys import PublicKey
from schemas.origins import origin_of
from schemas.peer_receipt import ReceiptMalformed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hub.registry.peers import Peer
    from schemas.activities import Told
    from schemas.keys import SigningKey
    from schemas.peer_receipt import Acknowledged, PeerReceipt

VERB: Final = "Receipt"
MEMBER: Final = "receipt"
"""The activity's own member in our context, of the type `@json`: what the hub has signed."""


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


def opened(told: Told, peer: Peer | None, here: Addresses) -> PeerReceipt | Fault:
    """A receipt of a peer's own hub about activities of ours, or what is wrong with it; whether those were sent to it is known elsewhere.

    The proof is by the key that signs that server's registry, which two people here have admitted: neither who holds the keys of its door
    nor another server can say what became of anything.
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
    if not peer_receipt.holds(told.act[MEMBER], PublicKey.of(peer.anchor)):
        return Fault.INVALID
    if receipt.issuer != peer.id:
        return Fault.OF_ANOTHER
    if receipt.addressee != authority_of(here.base):
        return Fault.FOR_ANOTHER
    if any(here.event_of(one.activity) is None for one in receipt.deliveries):
        return Fault.NOT_OURS
    return receipt


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
