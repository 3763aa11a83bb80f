"""Servers of others, without a network: actors with keys, what they sign, and the peers' door that judges it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from starlette.applications import Starlette

from hub.crowd import Crowd
from hub.federation.addresses import Addresses
from hub.federation.inbox import BYTES_AT_ONCE, InboxParts, routes
from hub.federation.registries import PeerRegistries
from hub.federation.repository import Remembered
from hub.federation.signatures import CAVAGE, RFC9421, Cavage, Rfc9421, Scheme
from hub.federation.verification import Trust, Verifier
from hub.registry.peers import Peer, PeerKind
from schemas import cavage
from schemas.content_digest import content_digest
from schemas.http_signature import UnverifiedHead, sign
from schemas.keys import SigningKey
from schemas.manifest import Grade
from schemas.nonces import Nonces
from schemas.rsa_keys import RsaSigningKey
from schemas.wire.publisher import NotAcknowledged, Place
from tests.fakes_asgi import Answer, call

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.federation.repository import Shown
    from schemas.wire.publisher import Sendable

HERE = Addresses("https://hub.example")
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
STREAMS = "https://www.w3.org/ns/activitystreams"
COMMUNITY = "futurs-publics"
GROUP = HERE.group(COMMUNITY)
ACTIVITY_JSON = "application/activity+json"
RSA = RsaSigningKey.generate("https://old.example/category/2#key")
"""One for all: making one takes long."""


class Public(Protocol):
    """A public key of any kind."""

    @property
    def algorithm(self) -> str: ...
    def verifies(self, signature: bytes, message: bytes) -> bool: ...


@dataclass(frozen=True)
class RemoteKey:
    """A key that its owner's document claims."""

    key_id: str
    owner: str
    public: Public

    @property
    def algorithm(self) -> str:
        return self.public.algorithm

    def verifies(self, signature: bytes, message: bytes) -> bool:
        return self.public.verifies(signature, message)


@dataclass(frozen=True)
class RemoteActor:
    """What a server says of an actor."""

    id: str
    kind: str
    name: str
    inbox: str
    shared_inbox: str = ""
    also_known_as: tuple[str, ...] = ()
    keys: tuple[RemoteKey, ...] = ()

    def key(self, key_id: str) -> RemoteKey | None:
        return next((one for one in self.keys if one.key_id == key_id), None)


class Unknown(StrEnum):
    """What a server of nobody's says."""

    KEY = "key_unknown"
    ACTOR = "actor_unknown"
    OBJECT = "peer_refuses_to_tell"


@dataclass
class Person:
    """An actor on a server of others, with a key of hers."""

    id: str
    kind: str = "Person"
    name: str = "Alice Martin"
    aliases: tuple[str, ...] = ()
    key: SigningKey = field(init=False)

    def __post_init__(self) -> None:
        self.key = SigningKey.generate(self.id)

    @property
    def server(self) -> str:
        return self.id.split("/")[2]

    @property
    def remote(self) -> RemoteActor:
        keys = (RemoteKey(self.key.key_id, self.id, self.key.public),)
        return RemoteActor(
            self.id, self.kind, self.name, self.id + "/inbox", f"https://{self.server}/inbox", also_known_as=self.aliases, keys=keys
        )

    def note(self, path: str = "notes/1", text: str = "<p>Bonjour</p>", **more: Any) -> dict[str, Any]:
        """Something that she wrote, for everybody and for our community."""
        return {
            "id": f"https://{self.server}/{path}", "type": "Note", "attributedTo": self.id, "to": [PUBLIC], "cc": [GROUP],
            "content": text, "published": "2026-11-22T08:59:00Z", **more,
        }  # fmt: skip

    def does(self, verb: str, what: Any, path: str = "acts/1", **more: Any) -> dict[str, Any]:
        """An activity of hers."""
        return {"@context": STREAMS, "id": f"https://{self.server}/{path}", "type": verb, "actor": self.id, "object": what, **more}

    def creates(self, note: dict[str, Any] | None = None, path: str = "acts/1") -> dict[str, Any]:
        """Her Create of a note."""
        return self.does("Create", note if note is not None else self.note(), path, to=[PUBLIC], cc=[GROUP])


@dataclass
class FakeAbroad:
    """Other servers' documents; `asked` lists every question, so that a test sees what was never asked."""

    actors: dict[str, RemoteActor] = field(default_factory=dict)
    lone_keys: dict[str, RemoteKey] = field(default_factory=dict)
    documents: dict[str, bytes | StrEnum | None] = field(default_factory=dict)
    silent: dict[str, StrEnum] = field(default_factory=dict)
    """Why nothing can be asked of a server now."""
    asked: list[str] = field(default_factory=list)
    callers: list[str] = field(default_factory=list)
    registries: dict[str, bytes] = field(default_factory=dict)

    async def registry(self, origin: str, budget: Any) -> bytes | StrEnum:
        del budget
        self.asked.append(origin)
        if why := self._silent(origin):
            return why
        return self.registries.get(origin, Unknown.OBJECT)

    def add(self, *people: Person) -> None:
        self.actors |= {one.id: one.remote for one in people}

    def budget(self) -> Any:
        return None

    async def key(self, key_id: str, budget: Any) -> RemoteKey | StrEnum:
        del budget
        self.asked.append(key_id)
        if why := self._silent(key_id):
            return why
        found = next((key for one in self.actors.values() if (key := one.key(key_id))), self.lone_keys.get(key_id))
        return found or Unknown.KEY

    async def key_for(self, caller: str, key_id: str, budget: Any) -> RemoteKey | StrEnum:
        self.callers.append(caller)
        return await self.key(key_id, budget)

    async def renewed(self, key_id: str, budget: Any) -> RemoteKey | StrEnum:
        del budget
        return self._silent(key_id) or Unknown.KEY

    async def actor(self, uri: str, budget: Any) -> RemoteActor | StrEnum:
        del budget
        self.asked.append(uri)
        return self._silent(uri) or self.actors.get(uri) or Unknown.ACTOR

    async def document(self, uri: str, budget: Any) -> bytes | StrEnum | None:
        del budget
        self.asked.append(uri)
        return self._silent(uri) or self.documents.get(uri, Unknown.OBJECT)

    def _silent(self, uri: str) -> StrEnum | None:
        return self.silent.get(uri.split("/")[2])


@dataclass
class KeptRecords:
    """Kafka in memory; broken on demand."""

    records: list[Sendable] = field(default_factory=list)
    broken: bool = False
    ready: bool = True

    async def publish(self, records: Sequence[Sendable]) -> list[Place]:
        if self.broken:
            raise NotAcknowledged("nobody there")
        self.records.extend(records)
        return [Place(one.topic, 0, len(self.records)) for one in records]


def peer(server: str, grade: Grade = Grade.FULL, **more: Any) -> Peer:
    """A server that the federation knows."""
    return Peer(server, server, f"Association {server}", PeerKind.ACTIVITYPUB, grade, NOW, NOW, **more)


def signed(
    actor: Person, body: bytes, path: str = "/inbox", *, components: Sequence[str] = ("@method", "@target-uri", "content-digest"),
    now: datetime = NOW, key: Any = None, **parameters: Any,
) -> dict[str, str]:  # fmt: skip
    """The fields of a POST signed as RFC 9421 has it, covering what Mastodon covers."""
    used = key or actor.key
    fields = {"content-type": ACTIVITY_JSON, "content-digest": content_digest(body), "content-length": str(len(body))}
    head = UnverifiedHead("POST", HERE.base + path, list(fields.items()))
    said = {"created": int(now.timestamp()), "keyid": used.key_id, **parameters}
    made = sign(head, components, said, used)
    return {**fields, **{name.lower(): value for name, value in made.items()}}


def signed_by_cavage(body: bytes, path: str = "/inbox", now: datetime = NOW) -> dict[str, str]:
    """The fields of a POST signed by RSA as NodeBB does."""
    made = cavage.signed_fields(RSA, "POST", HERE.base + path, now, ACTIVITY_JSON, body)
    return {"content-length": str(len(body)), **{name.lower(): value for name, value in made.items()}}


@dataclass
class KeptVersions:
    """The highest version of each peer's registry, in memory."""

    seen: dict[str, Remembered] = field(default_factory=dict)

    async def every(self) -> Sequence[Remembered]:
        return list(self.seen.values())

    async def last(self, peer: str) -> Remembered | None:
        return self.seen.get(peer)

    async def keep(self, peer: str, anchor: str, version: int, now: datetime, shown: Shown | None = None) -> None:
        before = self.seen.get(peer)
        if before is None or before.anchor != anchor or before.version <= version:
            document = shown.document if shown is not None else before.document if before is not None else None
            self.seen[peer] = Remembered(peer, anchor, version, document, now)


@dataclass
class Door:
    """The peers' inboxes over a registry, other servers and a Kafka in memory."""

    abroad: FakeAbroad = field(default_factory=FakeAbroad)
    kafka: KeptRecords = field(default_factory=KeptRecords)
    peers: dict[str, Peer] = field(default_factory=dict)
    key: SigningKey = field(default_factory=lambda: SigningKey.generate("hub"))
    crowd: Crowd = field(default_factory=lambda: Crowd(BYTES_AT_ONCE))
    now: datetime = NOW
    registry_read: bool = True
    versions: KeptVersions = field(default_factory=KeptVersions)

    def __post_init__(self) -> None:
        nonces = Nonces()
        self.known = PeerRegistries(self.abroad, self.versions, lambda: self.now)
        schemes: dict[str, Scheme] = {RFC9421: Rfc9421(nonces), CAVAGE: Cavage()}
        trust = Trust(HERE, self._peer, schemes, self, nonces, lambda: self.now, self.known, lambda: self.registry_read)
        self.parts = InboxParts(HERE, Verifier(trust, self.abroad), self.kafka, self.crowd)
        self.app = Starlette(routes=routes(self.parts))

    def _peer(self, server: str) -> Peer | None:
        return self.peers.get(server)

    @property
    def owner(self) -> str:
        return self.key.owner

    def held(self) -> SigningKey:
        """What signs now: a test may change it."""
        return self.key

    def admit(self, *people: Person, grade: Grade = Grade.FULL, **more: Any) -> None:
        """Their servers are peers, their documents are there."""
        self.abroad.add(*people)
        self.peers |= {one.server: peer(one.server, grade, **more) for one in people}

    async def post(self, body: bytes, fields: Mapping[str, str], path: str = "/inbox", method: str = "POST") -> Answer:
        """One request."""
        return await call(self.app, path, headers={"host": "hub.example", **fields}, method=method, body=body)

    async def bring(self, actor: Person, activity: Mapping[str, Any], path: str = "/inbox", **more: Any) -> Answer:
        """One honest delivery."""
        body = written(activity)
        return await self.post(body, signed(actor, body, path, now=self.now, **more), path)


def written(activity: Mapping[str, Any]) -> bytes:
    """As it travels."""
    return json.dumps(activity, ensure_ascii=False).encode()
