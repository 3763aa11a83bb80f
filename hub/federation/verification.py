"""Whether a peer really said this: from an unread request to a VerifiedActivity, which this module alone makes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeVar

from hub.access import peer_lapsed, peer_may
from hub.federation import acknowledgements, authority, ministries
from hub.federation.absences import Absences
from hub.federation.actors import REGISTRY
from hub.federation.authority import Asked, Believed
from hub.federation.ministries import MEMBER
from hub.federation.reasons import Reason, Rejection
from hub.federation.remote import PASSING
from hub.federation.signatures import CAVAGE, scheme_of
from hub.registry.peers import PeerKind, admitted
from schemas import documents, http_signature, proof, provenance
from schemas.activities import ActivityMalformed, authority_of, id_of, own_id, read, told, type_of
from schemas.manifest import Registry
from schemas.nonces import Seen
from schemas.origins import origin_of
from schemas.provenance import Belief, KnownActor, Provenance, ProvenanceRefused, sha256
from schemas.wire.destinations import Absence

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    from hub.federation.abroad import Abroad, Registries, RemoteActor, RemoteKey
    from hub.federation.addresses import Addresses
    from hub.federation.ministries import Ministry
    from hub.federation.signatures import Scheme
    from hub.ports import Clock, Headers, Record
    from hub.registry.peers import Peer
    from schemas.activities import Told
    from schemas.documents import OwnedKey
    from schemas.http_signature import SignedHead, UnverifiedHead, VerifyingKey
    from schemas.keys import KeyHolder, PublicKey
    from schemas.nonces import Nonces

DOCUMENT: Final = "fetched"
"""The header in which an object travels as its own server gave it."""
NEWER: Final = frozenset({proof.Reason.KEY_UNKNOWN.value, proof.Reason.NODE_UNKNOWN.value})
"""What a newer registry of that server may answer."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class VerifiedActivity:
    """An activity whose sender is proved, and whose author where it was passed on. Made in this module alone; not yet authorised."""

    activity: Mapping[str, Any] = field(repr=False)
    unparsed: bytes = field(repr=False)
    provenance: Provenance = field(repr=False)
    signed: Mapping[str, str] = field(repr=False)
    """The provenance as the door signed it."""
    told: Told = field(repr=False)
    document: bytes | None = field(default=None, repr=False)

    @property
    def actor(self) -> str:
        """Who sent it: an author, or the Group that passes it on."""
        return self.provenance.actor

    @property
    def peer(self) -> str:
        """The server that sent it."""
        return self.provenance.peer

    @property
    def id(self) -> str:
        """The activity's own id."""
        return own_id(self.activity)

    @property
    def received(self) -> datetime:
        """When the door took it in."""
        return self.provenance.received

    def headers(self, correlation: str) -> Headers:
        """As it travels to the worker."""
        said = [(name, text.encode()) for name, text in self.signed.items()]
        fetched = [(DOCUMENT, self.document)] if self.document is not None else []
        return (*said, *fetched, ("correlation", correlation.encode()))


class _Refused(Exception):
    """A rejection on its way out of this module's own functions."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.rejection = Rejection(str(reason), detail)


@dataclass(frozen=True, slots=True)
class UnverifiedPost:
    """A request to an inbox whose body is still unread."""

    head: UnverifiedHead
    inbox: str
    read: Callable[[Peer], Awaitable[bytes]]
    """Reads the body within the peer's share; raises what the door answers."""
    enter: Callable[[Peer], None]
    """Counts the request among the peer's, until it is answered; raises what the door answers."""
    caller: str = ""
    """The network from which it comes."""


@dataclass(frozen=True, slots=True)
class _Signed:
    """Whose signature a request bears; its body is still unproved."""

    head: SignedHead
    key: RemoteKey
    scheme: str
    peer: Peer


@dataclass(frozen=True, slots=True)
class Trust:
    """By what a door judges: the registry's peers, the ways to sign, the door's own key."""

    here: Addresses
    peers: Callable[[str], Peer | None]
    schemes: Mapping[str, Scheme]
    key: KeyHolder
    nonces: Nonces
    clock: Clock
    registries: Registries
    known: Callable[[], bool]
    """Whether the registry's peers can be told at all, and a key of ours may sign what the door saw."""


class Verifier:
    """Proves what comes to the inboxes: the cheap checks first, nothing fetched for a server that is not admitted."""

    def __init__(self, trust: Trust, abroad: Abroad) -> None:
        self._trust, self._abroad, self._peers = trust, abroad, admitted(trust.peers)
        self._absences = Absences(trust.clock)

    async def verified(self, post: UnverifiedPost) -> VerifiedActivity | Rejection:
        """What a request says, or why that is not believed."""
        try:
            scheme = scheme_of(post.head)
            key_id = _or_refused(self._trust.schemes[scheme].key_id_of(post.head))
            peer = self._admitted(key_id)
            post.enter(peer)
            return await self._prove(post, scheme, key_id, peer)
        except _Refused as refused:
            return refused.rejection

    def _admitted(self, key_id: str) -> Peer:
        if not self._trust.known():
            raise _Refused(Reason.PEERS)
        peer = self._peers(authority_of(key_id.partition("#")[0]) or "")
        if peer is None:
            raise _Refused(Reason.PEER_NOT_ADMITTED)
        return peer

    async def _prove(self, post: UnverifiedPost, scheme: str, key_id: str, peer: Peer) -> VerifiedActivity:
        """The head is proved before the body is read: nobody's bytes are held in somebody else's name."""
        if scheme == CAVAGE and not peer.cavage:
            raise _Refused(Reason.CAVAGE_NOT_ALLOWED)
        budget = self._abroad.budget()
        signed = await self._signed(post, scheme, key_id, peer, budget)
        body = await post.read(peer)
        _or_refused(http_signature.verify_body(signed.head, body))
        self._remember(signed.head)
        return await self._believed(post, signed, body, budget)

    async def _signed(self, post: UnverifiedPost, scheme: str, key_id: str, peer: Peer, budget: Any) -> _Signed:
        """Who signed the head; a key that no longer fits is asked for anew once, since it may have been rotated."""
        head, key = post.head, _or_refused(await self._abroad.key_for(post.caller, key_id, budget))
        proved = self._prove_head(head, scheme, key_id, key)
        if isinstance(proved, http_signature.Rejection) and proved.reason == http_signature.Reason.INVALID:
            renewed = await self._abroad.renewed(key_id, budget)
            if renewed in PASSING:
                raise _Refused(renewed)  # whether it was rotated, nobody can tell now
            if not isinstance(renewed, StrEnum):
                key, proved = renewed, self._prove_head(head, scheme, key_id, renewed)
        return _Signed(_or_refused(proved), key, scheme, peer)

    def _prove_head(self, head: UnverifiedHead, scheme: str, key_id: str, key: RemoteKey) -> SignedHead | http_signature.Rejection:
        def find(name: str) -> VerifyingKey | StrEnum:
            return key if name == key_id else Reason.ACTOR_MISMATCH

        return self._trust.schemes[scheme].verify_head(head, find, self._trust.clock())

    def _remember(self, signed: SignedHead) -> None:
        """Each signature is taken once: peers put no nonce into theirs.

        Its bytes are remembered, not its fields: those take a label, a space or a parameter more, and the signature holds all the same.
        """
        now = self._trust.clock().timestamp()
        match self._trust.nonces.take(signed.key_id, sha256(signed.signature), signed.until, now):
            case Seen.FRESH:
                return
            case Seen.REPLAYED:
                raise _Refused(Reason.REPLAYED)
            case Seen.FULL:
                raise _Refused(Reason.MEMORY_FULL)

    async def _believed(self, post: UnverifiedPost, signed: _Signed, body: bytes, budget: Any) -> VerifiedActivity:
        activity = _read(body)
        if id_of(activity.get("actor")) != signed.key.owner or authority_of(signed.key.owner) != signed.peer.id:
            raise _Refused(Reason.ACTOR_MISMATCH)
        sender = _or_refused(await self._abroad.actor(signed.key.owner, budget))
        judged = authority.judge(activity, signed.key.owner, sender.kind, await self._prover(activity, budget))
        document = None
        if isinstance(judged, Asked):
            document = await self._document(judged, budget)
            judged = authority.answered(judged, activity, None if document is None else _read(document))
        believed = _or_rejected(judged)
        self._permit(signed.peer, believed)
        if believed.told.verb == acknowledgements.VERB:
            await self._acknowledge(believed.told, budget)
        ministry = await self._ministry(believed, budget)
        actors = await self._known(sender, believed, budget)
        seen = Provenance(
            signed.key.owner, signed.peer.id, signed.head.key_id, signed.scheme, self._trust.clock(), sha256(body), post.inbox,
            believed.belief, sha256(document) if document is not None else "", actors, ministry,
        )  # fmt: skip
        return VerifiedActivity(activity, body, seen, seen.signed(self._trust.key.held()), believed.told, document)

    async def _document(self, asked: Asked, budget: Any) -> bytes | None:
        if self._peers(authority_of(asked.uri) or "") is None:
            raise _Refused(Reason.PEER_NOT_ADMITTED)
        document = await self._abroad.document(asked.uri, budget)
        self._heard(asked.uri, document)
        if isinstance(document, StrEnum):
            raise _Refused(Reason.OBJECT_UNAVAILABLE, document)
        return document

    def _heard(self, uri: str, answer: object) -> None:
        """A server that cannot answer says nothing against what others pass on of it: that is to be brought again, until it has been away too long."""
        server = authority_of(uri) or ""
        if not isinstance(answer, StrEnum) or answer not in PASSING:
            self._absences.over(server)
        else:
            raise _Refused(answer if self._waits(server, answer) else Reason.OBJECT_UNAVAILABLE, answer)

    def _waits(self, server: str, why: StrEnum) -> bool:
        """Whether it is still waited for; where our own key is silent it was not asked, and is not away."""
        return why is Absence.OUR_KEY or self._absences.waits(server)

    async def _prover(self, activity: Mapping[str, Any], budget: Any) -> str:
        """Who has proved what an activity holds; empty where that bears no proof. One that does not hold is refused, the activity's own too."""
        if "proof" in activity:
            await self._proof(activity, budget)
        inner = activity.get("object")
        return await self._proof(inner, budget) if isinstance(inner, dict) and "proof" in inner else ""

    async def _proof(self, document: Mapping[str, Any], budget: Any) -> str:
        """The owner of the key by which a document's proof holds."""
        claimed = _or_refused(documents.key_id_of(document))
        if self._peers(authority_of(claimed.partition("#")[0]) or "") is None:
            raise _Refused(Reason.PEER_NOT_ADMITTED)
        key = await self._abroad.key(claimed, budget)
        self._heard(claimed, key)

        def find(name: str) -> OwnedKey | StrEnum:
            return key if name == claimed else Reason.ACTOR_MISMATCH

        return _or_refused(documents.verify(document, find, self._trust.clock())).owner

    def _permit(self, peer: Peer, believed: Believed) -> None:
        """Signed is not permitted: `access` decides last, of who sends and of whose words they are."""
        if rejection := authority.why_not_ours(believed.told, self._trust.here.owns):
            raise _Refused(rejection.reason, rejection.detail)
        right, author = authority.right_of(believed.told.verb), self._peers(authority_of(believed.told.actor) or "")
        if not peer_may(peer.grade, right):
            raise _Refused(Reason.PEER_NOT_PERMITTED, peer.grade)
        if believed.belief is not Belief.OWN and (author is None or not peer_may(author.grade, right)):
            raise _Refused(Reason.PEER_NOT_ADMITTED)
        now = self._trust.clock()
        if peer_lapsed(right, peer.expires, now) or (author is not None and peer_lapsed(right, author.expires, now)):
            raise _Refused(Reason.MANIFEST_EXPIRED)

    async def _acknowledge(self, said: Told, budget: Any) -> None:
        """A receipt stands under its hub's own proof, by a key that its registry may have learnt a moment ago.

        Whether what it speaks of was sent there, the worker knows.
        """
        peer, now = self._peers(authority_of(said.actor) or ""), self._trust.clock()
        fault, signer = acknowledgements.opened(said, peer, self._trust.here, now), acknowledgements.signer_of(said)
        if fault is acknowledgements.Fault.INVALID and peer is not None and signer and signer not in _signers(peer):
            found = await self._newer(peer, origin_of(said.actor) or "", budget)
            if isinstance(found, Registry):
                fault = acknowledgements.opened(said, replace(peer, hub_keys=found.document.hub.keys), self._trust.here, now)
        if isinstance(fault, acknowledgements.Fault):
            raise _Refused(fault)

    async def _ministry(self, believed: Believed, budget: Any) -> str:
        """The ministry of another Trait d'union whose envelope a Note carries; empty where it carries none that could be checked."""
        said = believed.told
        if said.verb not in {"Create", "Update"} or not isinstance(said.object, dict) or MEMBER not in said.object:
            return ""
        server = self._peers(authority_of(said.actor) or "")
        if server is None or server.kind is not PeerKind.TRAITDUNION or server.anchor is None:
            return ""  # to a server that is no Trait d'union it is a word like another
        registries, origin = self._trust.registries, origin_of(said.actor) or ""
        proved = self._proved(said.object, _or_refused(await registries.of(server, origin, budget)))
        if proved in NEWER:
            match newer := await self._newer(server, origin, budget):
                case Registry():
                    proved = self._proved(said.object, newer)
                case ministries.Fault():
                    proved = newer
        if isinstance(proved, str):
            raise _Refused(proved)
        return proved.organisation

    async def _newer(self, peer: Peer, origin: str, budget: Any) -> Registry | StrEnum:
        """A peer's registry as it stands now, or why there is none; while it cannot be asked, who needs it is to come again, for a while."""
        found, at = await self._trust.registries.renewed(peer, origin, budget), origin + REGISTRY
        if isinstance(found, Registry) or found not in PASSING:
            self._absences.over(at)
        elif self._waits(at, found):
            raise _Refused(ministries.Fault.REGISTRY_UNAVAILABLE, found)
        return found

    def _proved(self, note: Mapping[str, Any], registry: Registry) -> Ministry | str:
        return ministries.proved(note, registry, self._trust.clock())

    async def _known(self, sender: RemoteActor, believed: Believed, budget: Any) -> tuple[KnownActor, ...]:
        """What is known of those who take part; of an author whose page cannot be had, nothing."""
        said, known = believed.told, [_noted(sender)]
        if said.actor != sender.id and self._peers(authority_of(said.actor) or "") is not None:
            author = await self._abroad.actor(said.actor, budget)
            known += [] if isinstance(author, StrEnum) else [_noted(author)]
        if said.verb == "Move":
            known.append(await self._moved_to(said, budget))
        return tuple(known)

    async def _moved_to(self, said: Told, budget: Any) -> KnownActor:
        """The new home of who moves, which must know of the old one: nobody is moved by herself to somebody else."""
        target = id_of(said.act.get("target"))
        if self._peers(authority_of(target) or "") is None:
            raise _Refused(Reason.PEER_NOT_ADMITTED)
        found = await self._abroad.actor(target, budget)
        self._heard(target, found)
        if isinstance(found, StrEnum) or said.actor not in found.also_known_as:
            raise _Refused(Reason.MOVE_NOT_CONFIRMED)
        return _noted(found)


def readmit(record: Record, key_of: Callable[[str, datetime], PublicKey | StrEnum]) -> VerifiedActivity:
    """An activity out of Kafka, after the door's own proof; raises ProvenanceRefused.

    `key_of` finds the door's key as it stood when the broker took the record: when the door received it is the door's own claim, which a
    thief of a key that is no longer in use would date back.
    """
    try:
        said = {name: (raw or b"").decode() for name, raw in record.headers if name != DOCUMENT}
        body, document = record.value or b"", next((raw for name, raw in record.headers if name == DOCUMENT), None)
        seen = provenance.verify(said, body, document, lambda key_id, _: key_of(key_id, record.timestamp))
        activity = read(body)
        fetched = read(document) if document is not None and seen.belief is Belief.FETCHED else None
        signed = {name: text for name, text in said.items() if name.startswith(provenance.PREFIX)}
        found = told(activity, fetched)
        provenance.check_author(seen, found)
        return VerifiedActivity(activity, body, seen, signed, found, document)
    except (UnicodeDecodeError, ActivityMalformed) as error:
        raise ProvenanceRefused("provenance_malformed") from error


def _read(body: bytes) -> dict[str, Any]:
    try:
        activity = read(body)
    except ActivityMalformed as error:
        raise _Refused(error.reason, error.detail) from error
    if not type_of(activity):
        raise _Refused(Reason.ACTIVITY_MALFORMED, "type")
    return activity


def _signers(peer: Peer) -> set[str | None]:
    """The keys by which a peer's hub signs, as far as we know them."""
    return {peer.anchor} if not peer.hub_keys else {key.multibase for key in peer.hub_keys}


def _noted(actor: RemoteActor) -> KnownActor:
    return KnownActor(actor.id, actor.kind, actor.name[:500], actor.inbox, actor.shared_inbox)


def _or_refused(found: T | StrEnum | http_signature.Rejection) -> T:
    if isinstance(found, StrEnum):
        raise _Refused(found)
    if isinstance(found, http_signature.Rejection):
        raise _Refused(found.reason, found.detail)
    return found


def _or_rejected(judged: authority.Judgement) -> Believed:
    if isinstance(judged, Rejection):
        raise _Refused(judged.reason, judged.detail)
    if isinstance(judged, Asked):
        raise _Refused(Reason.OBJECT_UNAVAILABLE)
    return judged
