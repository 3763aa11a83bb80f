"""Our actors and collections as other servers read them: pure, made of addresses and public keys."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Final

from hub.federation.addresses import MAIN_KEY
from hub.federation.webfinger import Kind, Named, username
from hub.ui import clean

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hub.federation.addresses import Addresses
    from hub.federation.showing import Said

ACTIVITYSTREAMS: Final = "https://www.w3.org/ns/activitystreams"
SECURITY: Final = "https://w3id.org/security/v1"
MULTIKEY: Final = "https://w3id.org/security/multikey/v1"
CONTROLLED: Final = "https://www.w3.org/ns/did/v1"
"""Where `assertionMethod` has its meaning: without it a reader of JSON-LD (bovine) does not see the Ed25519 key (FEP-521a)."""
PUBLIC: Final = f"{ACTIVITYSTREAMS}#Public"
NAMESPACE: Final = "/ns/v1"
TOMBSTONE: Final = "Tombstone"
IMPLEMENTS: Final = (
    ("RFC-9421: HTTP Message Signatures", "https://datatracker.ietf.org/doc/html/rfc9421"),
    ("RFC-9421 signatures using the Ed25519 algorithm", "https://datatracker.ietf.org/doc/html/rfc9421#name-eddsa-using-curve-edwards25"),
)
"""What this server's software can do beyond ActivityPub (FEP-844e)."""


@dataclass(frozen=True, slots=True)
class ShownKey:
    """An Ed25519 key (Multikey), and when it ends where that is set."""

    multibase: str
    expires: datetime | None = None

    def multikey(self, controller: str) -> dict[str, Any]:
        """As an actor's document shows it (FEP-521a); its end by W3C Controlled Identifiers 1.0 § 2.2.2."""
        address = f"{controller}#{self.multibase}"
        shown = {"id": address, "type": "Multikey", "controller": controller, "publicKeyMultibase": self.multibase}
        return {**shown, "expires": moment(self.expires)} if self.expires else shown


@dataclass(frozen=True, slots=True)
class ActorKeys:
    """The public halves of the pairs by which all actors here sign: each Ed25519 key, the one that signs first; one RSA key, as a PEM.

    Servers of others look for one RSA key under one id: some read no list there, so that the next one takes the former's place.
    """

    ed25519: tuple[ShownKey, ...]
    pem: str


@dataclass(frozen=True, slots=True)
class Profile:
    """What an actor says of itself."""

    named: Named
    type: str
    name: str
    summary: str
    published: datetime | None = None


def actor(profile: Profile, address: str, keys: ActorKeys, addresses: Addresses) -> dict[str, Any]:
    """An actor with what every kind of server asks of one: a name, boxes, both keys under ids of their own (FEP-521a)."""
    made: dict[str, Any] = {
        "@context": [ACTIVITYSTREAMS, SECURITY, CONTROLLED, MULTIKEY, addresses.base + NAMESPACE],
        "id": address,
        "type": profile.type,
        "preferredUsername": username(profile.named, addresses),
        "name": profile.name,
        "summary": profile.summary,
        "url": address,
        "inbox": addresses.shared_inbox if profile.named.kind is Kind.HOST else f"{address}/inbox",
        "outbox": f"{address}/outbox",
        "followers": f"{address}/followers",
        "endpoints": {"sharedInbox": addresses.shared_inbox},
        "manuallyApprovesFollowers": profile.named.kind is not Kind.GROUP,
        "discoverable": profile.named.kind is Kind.GROUP,
        "indexable": profile.named.kind is Kind.GROUP,
        "generator": generator(addresses),
        "publicKey": {"id": f"{address}#{MAIN_KEY}", "owner": address, "publicKeyPem": keys.pem},
        "assertionMethod": [key.multikey(address) for key in keys.ed25519],
    }
    if profile.published is not None:
        made["published"] = moment(profile.published)
    return made


def host_actor(keys: ActorKeys, addresses: Addresses) -> dict[str, Any]:
    """The server itself: it signs what nobody in particular asks (FEP-2677, FEP-d556)."""
    profile = Profile(
        Named(Kind.HOST), "Application", "Trait d’union", "<p>Relie les réseaux sociaux internes des ministères ; signe les lectures de ce serveur.</p>"
    )  # fmt: skip
    made = actor(profile, addresses.host_actor, keys, addresses)
    implements = [{"type": "Link", "name": name, "href": href} for name, href in IMPLEMENTS]
    return {**made, "url": addresses.base + "/", "implements": implements}


def group(community: str, title: str, opened: datetime, keys: ActorKeys, addresses: Addresses) -> dict[str, Any]:
    """A community as a Group (FEP-1b12): who follows it hears all that is said in it; who is admitted may speak."""
    summary = f"<p>Communauté interministérielle « {escape(title)} », reliée par Trait d’union. Les agents y écrivent depuis le réseau de leur ministère.</p>"
    address = addresses.group(community)
    made = actor(Profile(Named(Kind.GROUP, community), "Group", title, summary, opened), address, keys, addresses)
    return {**made, "featured": f"{address}/featured", "postingRestrictedToMods": False}


def node(node_id: str, organisation: str, platform: str, since: datetime | None, keys: ActorKeys, addresses: Addresses) -> dict[str, Any]:
    """A ministry's node: in its name its agents' messages go out, since agents are no actors here. Without a platform, the hub's own."""
    network = f"<p>Réseau social interne ({escape(platform)}) de {escape(organisation)}, relié par Trait d’union.</p>"
    summary = (
        network if platform else "<p>En ce nom sort ce que la modération des communautés retire de ce que d’autres serveurs y ont dit.</p>"
    )
    profile = Profile(Named(Kind.NODE, node_id), "Organization", organisation, summary, since)
    return actor(profile, addresses.node(node_id), keys, addresses)


def generator(addresses: Addresses) -> dict[str, Any]:
    """The software that made an actor, by the server's own actor."""
    implements = [{"type": "Link", "name": name, "href": href} for name, href in IMPLEMENTS]
    return {"type": "Application", "id": addresses.host_actor, "name": "Trait d’union", "implements": implements}


def collection(address: str, total: int, addresses: Addresses, *, pages: bool = True) -> dict[str, Any]:
    """An ordered collection, its first page at another address; of followers the number alone: who they are is nobody's business."""
    made: dict[str, Any] = {"@context": context(addresses), "id": address, "type": "OrderedCollection", "totalItems": total}
    if pages:
        made["first"] = f"{address}?page=1"
    return made


def whole(address: str, items: Sequence[Any], addresses: Addresses) -> dict[str, Any]:
    """A collection so short that it has no pages."""
    return {**collection(address, len(items), addresses, pages=False), "orderedItems": list(items)}


def page(address: str, shown: str, items: Sequence[Any], following: str | None, addresses: Addresses) -> dict[str, Any]:
    """A page of a collection; `shown` and `following` are queries."""
    made: dict[str, Any] = {
        "@context": context(addresses),
        "id": f"{address}?{shown}",
        "type": "OrderedCollectionPage",
        "partOf": address,
        "orderedItems": list(items),
    }
    return {**made, "next": f"{address}?{following}"} if following else made


def plain_note(said: Said, addresses: Addresses) -> dict[str, Any]:
    """A message whose ministry's proof is no longer kept here: what everybody may read of it, on this server's word alone."""
    address, room = addresses.note(said.id), addresses.group(said.community)
    author = f"<p><strong>{escape(said.author)} ({escape(said.organisation)})</strong> a écrit :</p>"
    title = f"<p><strong>{escape(said.title)}</strong></p>" if said.title else ""
    made: dict[str, Any] = {
        "@context": context(addresses),
        "id": address,
        "type": "Note",
        "attributedTo": addresses.node(said.node),
        "to": [PUBLIC],
        "cc": [f"{room}/followers", room],
        "audience": room,
        "url": address,
        "published": moment(said.occurred_at),
        "content": author + title + str(clean(said.html)),
    }
    named = {"name": said.title} if said.title else {}
    return {**made, **named, "inReplyTo": addresses.note(said.parent)} if said.parent else {**made, **named}


def tombstone(address: str, addresses: Addresses) -> dict[str, Any]:
    """What is left of a deleted message: that there was one."""
    return {"@context": context(addresses), "id": address, "type": TOMBSTONE, "formerType": "Note"}


def context(addresses: Addresses) -> list[str]:
    """The JSON-LD contexts of what is said here."""
    return [ACTIVITYSTREAMS, addresses.base + NAMESPACE]


def namespace(addresses: Addresses) -> dict[str, Any]:
    """Our own context: the members that we add to ActivityStreams' (`ministryEvent`), and those of others that we use."""
    ours = f"{addresses.base}{NAMESPACE}#"
    return {
        "@context": {
            "tu": ours,
            "toot": "http://joinmastodon.org/ns#",
            "lemmy": "https://join-lemmy.org/ns#",
            "litepub": "http://litepub.social/ns#",
            "fep844e": "https://w3id.org/fep/844e/",
            "ministryEvent": {"@id": "tu:ministryEvent", "@type": "@json"},
            "Receipt": "tu:Receipt",
            "receipt": {"@id": "tu:receipt", "@type": "@json"},
            "implements": {"@id": "fep844e:implements", "@type": "@id", "@container": "@set"},
            "manuallyApprovesFollowers": "as:manuallyApprovesFollowers",
            "discoverable": "toot:discoverable",
            "indexable": "toot:indexable",
            "featured": {"@id": "toot:featured", "@type": "@id"},
            "postingRestrictedToMods": "lemmy:postingRestrictedToMods",
            "EmojiReact": "litepub:EmojiReact",
        }
    }


def moment(at: datetime) -> str:
    """A time as ActivityStreams writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
