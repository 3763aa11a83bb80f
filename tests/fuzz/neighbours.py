"""What nodes and other Trait d'union bring, as functions of bytes: records, provenances, receipts, ministries' envelopes."""

from __future__ import annotations

import base64
import contextlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from hub.federation import acknowledgements, ministries
from hub.federation.addresses import Addresses
from hub.registry.peers import PeerKind
from schemas import jcs, peer_receipt, provenance
from schemas.activities import ActivityMalformed, told
from schemas.envelope import object_id
from schemas.facts.message import Author, Content, MessagePosted
from schemas.manifest import Registry, issue
from schemas.node_door import BatchMalformed, Carried, Cursor, Page, from_http, read_batch, read_page, to_http, written_batch, written_page
from schemas.peer_receipt import Acknowledged, Fate, PeerReceipt
from schemas.proof import sign_event, timestamp
from schemas.provenance import Belief, KnownActor, Provenance, ProvenanceRefused
from schemas.words import Audience
from tests.fakes_abroad import GROUP, HERE, PUBLIC, peer
from tests.fakes_peers import BODY, INBOX, INES, NOW, ed25519_key
from tests.fuzz.reading import Forged, parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

DOOR, HUB, NODE = (ed25519_key(owner) for owner in (HERE.host_actor, "hub", "innovation"))
OPSI = Addresses("https://opsi.example")
NEIGHBOUR = replace(peer("opsi.example"), kind=PeerKind.TRAITDUNION, anchor=HUB.public.multibase)
CARRIED = Carried(b"{}", [("ce_id", "é %".encode()), ("ce_type", b"\xff"), ("salt", None)], b"futurs-publics")
FIELDS: Final = "ce-id: %C3%A9%20%25\nce-type: fr.gouv.rse.message.posted.v1\nsalt: 00ff\ncorrelation: é\nhost: hub.example"
SEEN = Provenance(
    INES, "pair.example", f"{INES}#main-key", "rfc9421", NOW, provenance.sha256(BODY), INBOX, Belief.OWN, actors=(KnownActor(INES, "Person", "Inès"),),
).signed(DOOR)  # fmt: skip
TAKEN = Acknowledged(activity=HERE.announce("0" * 32), digest="1" * 64, fate=Fate.SEQUENCED, community="innovation", sequence=7)
RECEIPT = acknowledgements.activity([TAKEN], HERE.host_actor, OPSI, HUB, NOW)
FACT = MessagePosted(
    space="salon", author=Author(name="Inès Morel", organisation="Innovation publique"),
    content=Content(html="<p>Bonjour à toutes</p>", text="Bonjour à toutes"),
)  # fmt: skip
EVENT = sign_event(
    NODE, FACT, subject=object_id("innovation", "$1"), time=NOW, platform="matrix", native_id="$1", change_marker="1", actor="a" * 32,
    audience=Audience.PUBLIC, community="innovation",
)  # fmt: skip
NOTE = {
    "id": OPSI.note(EVENT.envelope.subject), "type": "Note", "attributedTo": OPSI.node("innovation"), "to": [PUBLIC], "cc": [GROUP],
    "content": FACT.content.html,
    "ministryEvent": {
        "attributes": dict(EVENT.attributes), "value": base64.b64encode(EVENT.value).decode(), "salt": EVENT.salt.hex(),
    },
}  # fmt: skip


def _entry(key: Any) -> dict[str, Any]:
    known = {"id": key.key_id, "publicKeyMultibase": key.public.multibase, "activeFrom": timestamp(NOW - timedelta(days=9))}
    return {"id": key.owner, "organisation": key.owner, "platform": "plain", "grade": "full", "keys": [known]}


_DATES = {"issued": timestamp(NOW), "expires": timestamp(NOW + timedelta(days=9))}
_DOCUMENT = {"type": "TraitDUnionRegistry", "version": 1, **_DATES, "hub": _entry(HUB), "nodes": [_entry(NODE)]}
REGISTRY = Registry.open(issue(_DOCUMENT, HUB, NOW), HUB.public.multibase, NOW)


def batch(raw: bytes) -> None:
    """What a node brings at once; what was read is written and read as the same again."""
    with contextlib.suppress(BatchMalformed):
        records = read_batch(raw)
        if _crossing(read_batch(written_batch(records))) != _crossing(records):
            raise Forged("two batches")


def page(raw: bytes) -> None:
    """What a node's topic holds, as its hub says."""
    with contextlib.suppress(BatchMalformed):
        found = read_page(raw)
        if read_page(written_page(found)) != found:
            raise Forged("two pages")


def fields(raw: bytes) -> None:
    """One event as HTTP fields, a line each."""
    said = [(name, value.strip(" ")) for name, _, value in (line.partition(":") for line in raw.decode("latin-1").split("\n"))]
    with contextlib.suppress(BatchMalformed):
        headers = from_http(said)
        alone = len(dict(headers)) == len(headers)
        if alone and from_http(to_http(headers).items()) != headers:
            raise Forged("two events")


def seen_at_the_door(raw: bytes) -> None:
    """What stands beside an activity in Kafka."""
    with contextlib.suppress(ProvenanceRefused):
        said = provenance.members(raw.decode("utf-8", "surrogateescape"))
        provenance.verify(said, BODY, None, lambda key_id, _: DOOR.public if key_id == DOOR.key_id else ministries.Fault.MALFORMED)
        if {name: text for name, text in said.items() if name.startswith(provenance.PREFIX)} != SEEN:
            raise Forged("provenance")


def receipt(raw: bytes) -> None:
    """What another Trait d'union says became of what was brought there; and the document in it alone."""
    received = parsed(raw)
    if not isinstance(received, dict):
        return
    with contextlib.suppress(peer_receipt.ReceiptMalformed):
        peer_receipt.read(received)
    with contextlib.suppress(ActivityMalformed):
        said = told(received)
        acknowledgements.signer_of(said)
        found = acknowledgements.opened(said, NEIGHBOUR, HERE, NOW)
        if isinstance(found, PeerReceipt) and jcs.canonical(said.act["receipt"]) != jcs.canonical(RECEIPT["receipt"]):
            raise Forged("receipt")


def ministry(raw: bytes) -> None:
    """A Note with the envelope of another Trait d'union's ministry."""
    received = parsed(raw)
    if isinstance(received, dict):
        ministries.reread(received)
        found = ministries.proved(received, REGISTRY, NOW)
        if isinstance(found, ministries.Ministry) and found.fact != FACT:
            raise Forged("ministry")


def _crossing(records: Sequence[Carried]) -> list[tuple[object, ...]]:
    """What of each record is in a batch."""
    return [(one.key, one.value, one.headers) for one in records]


TARGETS: Final[Mapping[str, tuple[Callable[[bytes], None], tuple[bytes, ...]]]] = {
    "batch": (batch, (written_batch([CARRIED]),)),
    "page": (page, (written_page(Page("wifip.outbound.v1", [CARRIED], Cursor(0, 1))), b'{"topic":"\\ud800","records":[],"next":"0:1"}')),
    "fields": (fields, (FIELDS.encode("latin-1"),)),
    "provenance": (seen_at_the_door, (provenance.written(SEEN).encode(),)),
    "receipt": (receipt, (json.dumps(RECEIPT).encode(), json.dumps(RECEIPT["receipt"]).encode())),
    "ministry": (ministry, (json.dumps(NOTE).encode(),)),
}
"""As `tests.fuzz.targets` has them."""
