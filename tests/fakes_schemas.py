"""Invented ministries with real keys: a registry, their events, and what the hub adds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from schemas.envelope import event_id, object_id
from schemas.facts.answer import AnswerAccepted, AnswerWithdrawn
from schemas.facts.community import CommunityOpened, NodeApproved
from schemas.facts.copy import CopyEdited, CopyWithdrawn
from schemas.facts.delivery import Delivery, DeliveryReported
from schemas.facts.membership import MembershipJoined, MembershipLeft
from schemas.facts.message import Attachment, Author, Content, MessageDeleted, MessageEdited, MessagePosted
from schemas.facts.moderation import CopyRestored, MessageModerated, MessageRestored, Said, Words
from schemas.facts.reaction import ReactionAdded, ReactionRemoved
from schemas.facts.resync import ResyncCompleted, ResyncRequested
from schemas.facts.tie import TieAccepted, TieProposed, TieRefused
from schemas.jcs import canonical_strings
from schemas.keys import SigningKey
from schemas.manifest import Registry, issue
from schemas.proof import UnverifiedEvent, content_digest, encode, sign_event, timestamp
from schemas.words import Audience, Ground, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.envelope import CanonicalEvent
    from schemas.facts.base import Fact

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
HUB, FINANCES, EDUCATION = (
    SigningKey(owner, Ed25519PrivateKey.from_private_bytes(sha256(owner.encode()).digest())) for owner in ("hub", "finances", "education")
)  # the same in every run, so that tests named after them have one name
SALT = bytes(range(32))

POSTED = MessagePosted(
    space="category:5",
    author=Author(name="Inès Morel", organisation="Finances"),
    content=Content(html="<p>Bonjour à tous</p>", text="Bonjour à tous", language="fr"),
    title="Une idée",
    link="https://wifip.example/t/12",
    attachments=(Attachment(name="plan.pdf", link="https://wifip.example/f/1", media_type="application/pdf", size=1200),),
)
FACTS: tuple[Fact, ...] = (
    POSTED,
    MessageEdited(space="category:5", author=POSTED.author, content=Content(html="<p>Bonsoir</p>", text="Bonsoir")),
    MessageDeleted(space="category:5"),
    MessageModerated(ground=Ground.OFF_TOPIC, note="Voir la charte."),
    MessageRestored(
        said=Said(attributes='{"source":"finances"}', salt="ab" * 32, value='{"space":"97"}', admitted_at=NOW), withdrawn_in="education"
    ),
    CopyWithdrawn(space="category:5"),
    CopyRestored(node="education", space="category:5", words=Words(author=POSTED.author, content=POSTED.content, title="Bonjour")),
    CopyEdited(space="category:5"),
    ReactionAdded(space="category:5", author=POSTED.author, emoji="❤️"),
    ReactionRemoved(space="category:5"),
    AnswerAccepted(space="category:5"),
    AnswerWithdrawn(space="category:5"),
    MembershipJoined(space="category:5", member=POSTED.author),
    MembershipLeft(space="category:5", member=POSTED.author),
    TieProposed(node="finances", space="category:5", title="Futurs Publics", audience=Audience.MEMBERS),
    TieAccepted(space="category:5", space_name="Futurs Publics", audience=Audience.MEMBERS, externals=False),
    TieRefused(node="finances", space="category:5", reason="space_not_offered"),
    ResyncRequested(space="category:5", after=41),
    ResyncCompleted(node="finances", space="category:5", request="ab" * 16, through=47),
    CommunityOpened(title="Futurs Publics", audience=Audience.MEMBERS),
    NodeApproved(node="education", organisation="Éducation nationale", platform="matrix"),
    DeliveryReported(
        deliveries=(
            Delivery(
                event="0" * 32, event_digest="1" * 64, community="futurs-publics", sequence=7, topic="node.finances.outbound.v1",
                partition=0, offset=41, verdict=Verdict.WRITTEN, at=NOW, native_id="post:9", native_version="1", correlation="2" * 32,
            ),
            Delivery(
                event="3" * 32, event_digest="4" * 64, community="futurs-publics", sequence=8, topic="node.finances.outbound.v1",
                partition=0, offset=42, verdict=Verdict.REFUSED, at=NOW, reason="proof_invalid",
            ),
        )
    ),
)  # fmt: skip


def key_entry(key: SigningKey, **dates: datetime) -> dict[str, Any]:
    """A key as the registry publishes it, active since a month unless told."""
    said = {"activeFrom": NOW - 30 * DAY, **dates}
    return {"id": key.key_id, "publicKeyMultibase": key.public.multibase, **{name: timestamp(at) for name, at in said.items()}}


def node_entry(key: SigningKey, **changes: Any) -> dict[str, Any]:
    """A node with one key."""
    entry = {"id": key.owner, "organisation": key.owner.title(), "platform": "discourse", "grade": "full", "keys": [key_entry(key)]}
    return {**entry, **changes}


def registry_document(**changes: Any) -> dict[str, Any]:
    """The registry before it is signed."""
    document = {
        "type": "TraitDUnionRegistry",
        "version": 4,
        "issued": timestamp(NOW),
        "expires": timestamp(NOW + 7 * DAY),
        "hub": node_entry(HUB),
        "nodes": [node_entry(FINANCES), node_entry(EDUCATION)],
    }
    return {**document, **changes}


def registry(**changes: Any) -> Registry:
    """A registry that verifies."""
    return Registry.open(issue(registry_document(**changes), HUB, NOW), HUB.public.multibase, NOW)


def signed(fact: Fact = POSTED, key: SigningKey = FINANCES, time: datetime = NOW, history: str | None = None) -> CanonicalEvent:
    """A ministry's event, as its connector signs it."""
    return sign_event(
        key, fact, subject=object_id(key.owner, "post:1"), time=time, platform="discourse", native_id="post:1",
        change_marker="2026-03-02T09:30:00Z", actor="5" * 64, audience=Audience.MEMBERS, community="futurs-publics", parent="6" * 32,
        history=history,
    )  # fmt: skip


def unverified(event: CanonicalEvent, **changes: str) -> UnverifiedEvent:
    """The same as it would be received, with attributes changed by somebody on the way."""
    return UnverifiedEvent({**event.attributes, **changes}, event.value, event.salt)


def signed_by_hand(key: SigningKey = FINANCES, value: bytes | None = None, **changes: str | None) -> UnverifiedEvent:
    """What a node that does not use our code may sign: any attributes (None leaves one out), any bytes."""
    event = signed(key=key)
    said: Mapping[str, str | None] = {**event.attributes, **changes}
    value = event.value if value is None else value
    attributes = {name: text for name, text in said.items() if text is not None and name != "proof"}
    if "contentdigest" not in changes:
        attributes["contentdigest"] = content_digest(SALT, value)
    if "id" not in changes:
        attributes["id"] = event_id(key.owner, attributes.get("type", ""), attributes["nativeid"], attributes["changemarker"])
    return UnverifiedEvent({**attributes, "proof": encode(key.sign(canonical_strings(attributes)))}, value, SALT)
