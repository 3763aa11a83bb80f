"""Servers of others in every state, what they publish, and whom the registry knows: the stage on which peers' forgeries are played."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hub.federation.addresses import Addresses
from hub.federation.repository import Remembered
from hub.registry.peers import Peer, PeerKind
from schemas.documents import sign_document
from schemas.envelope import object_id
from schemas.facts.message import Author, Content, MessagePosted
from schemas.keys import SigningKey
from schemas.manifest import Grade, issue
from schemas.proof import sign_event, timestamp
from schemas.rsa_keys import RsaSigningKey
from schemas.words import Audience
from tests.forgeries.cast import Cast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.facts.base import Fact

ACTIVITY_JSON: Final = "application/activity+json"
STREAMS: Final = "https://www.w3.org/ns/activitystreams"
PUBLIC: Final = "https://www.w3.org/ns/activitystreams#Public"
COMMUNITY: Final = "futurs-publics"
GRADES: Final = {
    "candidat": Grade.CANDIDATE, "observateur": Grade.OBSERVER, "suspendu": Grade.SUSPENDED, "parti": Grade.GONE, "echu": Grade.FULL,
}  # fmt: skip
LAPSED: Final = "echu"
"""Admitted in full, by a manifest that has expired."""
HUBS: Final = ("opsi", "recule", "perime", "usurpe", "muet")
"""Other Trait d'union: one as it should be; registries that went back, ran out, are signed by somebody else, or are not there."""
SERVERS: Final = ("social", "forum", "ailleurs", "inconnu", *GRADES, *HUBS)
ADMITTED_ALSO: Final = ("10.1.2.3", "169.254.169.254", "[::1]:9", "prive.example", "metadonnees.example")
"""Peers in whose names nobody may have us ask a machine of our own."""
INWARD: Final = {"prive.example": [["10.1.2.3"]], "metadonnees.example": [["169.254.169.254"]]}
"""What the names among them stand for."""
FACT: Final = MessagePosted(
    space="salon", author=Author(name="Inès Morel", organisation="Innovation publique"), title="Un sujet",
    content=Content(html="<p>Bonjour à <strong>tous</strong></p>", text="Bonjour à tous"),
)  # fmt: skip


PRIVATE: Final = rsa.generate_private_key(65537, 2048)
RSA_OF_ALL: Final = RsaSigningKey("all", PRIVATE)
"""One pair for all actors: making one takes long, and each actor has it under a name of its own."""
RSA_OF_NOBODY: Final = RsaSigningKey.generate("nobody", 2048)


@dataclass(frozen=True)
class Served:
    """What a server answers at one address."""

    body: bytes = b""
    status: str = "200 OK"
    content_type: str = ACTIVITY_JSON
    location: str = ""
    encoding: str = ""
    endless: bool = False
    """Without its length before it: the connection's end is its own."""


@dataclass(frozen=True)
class Actor:
    """Somebody on a server of others, with a key of each kind."""

    id: str
    kind: str = "Person"
    key: SigningKey = field(init=False, compare=False)
    rsa: RsaSigningKey = field(init=False, compare=False)
    pair: RsaSigningKey = field(default_factory=lambda: RSA_OF_ALL, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", SigningKey.generate(self.id))
        object.__setattr__(self, "rsa", self.pair.acting_for(self.id))

    @property
    def server(self) -> str:
        return self.id.split("/")[2]

    @property
    def origin(self) -> str:
        return "/".join(self.id.split("/")[:3])

    @property
    def multikey(self) -> dict[str, Any]:
        return {"id": self.key.key_id, "type": "Multikey", "controller": self.id, "publicKeyMultibase": self.key.public.multibase}

    @property
    def pem(self) -> dict[str, Any]:
        return {"id": self.rsa.key_id, "owner": self.id, "publicKeyPem": self.rsa.public_pem}

    def document(self, **changes: Any) -> dict[str, Any]:
        """Its own document."""
        return {
            "@context": STREAMS, "id": self.id, "type": self.kind, "name": "Alice Martin", "inbox": self.id + "/inbox",
            "assertionMethod": [self.multikey], "publicKey": self.pem, **changes,
        }  # fmt: skip

    def does(self, verb: str, what: Any, path: str = "acts/1", **more: Any) -> dict[str, Any]:
        """An activity of its own."""
        return {"@context": STREAMS, "id": f"{self.origin}/{path}", "type": verb, "actor": self.id, "object": what, **more}


class World:
    """Everybody on this stage; `origins` tells where each of SERVERS stands, `here` is the address of the door that is tried."""

    def __init__(self, here: str, origins: Mapping[str, str]) -> None:
        self.here, self.origins, self.cast = Addresses(here), dict(origins), Cast()
        social, self.now = origins["social"], datetime.now(UTC)
        self.alice, self.bob = Actor(f"{social}/users/alice"), Actor(f"{social}/users/bob")
        self.carol = Actor(f"{origins['ailleurs']}/users/carol")
        self.moved = Actor(f"{origins['ailleurs']}/users/alice")
        self.forum, self.member = Actor(f"{origins['forum']}/category/2", "Group"), Actor(f"{origins['forum']}/uid/1")
        self.stranger = Actor(f"{origins['inconnu']}/users/x")
        self.graded = {name: Actor(f"{origins[name]}/users/x") for name in GRADES}
        self.ministries = {name: Actor(Addresses(origins[name]).node("innovation"), "Organization") for name in HUBS}
        self.servers = {name: Actor(Addresses(origins[name]).host_actor, "Application") for name in HUBS}
        self.playing_server = Actor(Addresses(social).host_actor, "Application")
        self.innovation = Actor(Addresses(origins["opsi"]).group("innovation"), "Group")
        self.regions = Actor(Addresses(origins["opsi"]).node("regions"), "Organization")
        self.odd = {name: Actor(f"{social}/odd/{name}") for name in ODD}
        self._anchors = {name: SigningKey.generate("hub") for name in HUBS}
        self._nodes = {name: SigningKey.generate(name) for name in ("innovation", "regions")}
        self.group = self.here.group(COMMUNITY)

    @property
    def people(self) -> list[Actor]:
        """Everybody whose document is as it should be."""
        known = [
            self.alice,
            self.bob,
            self.carol,
            self.forum,
            self.member,
            self.stranger,
            self.regions,
            self.innovation,
            self.playing_server,
        ]
        return [*known, *self.graded.values(), *self.ministries.values(), *self.servers.values()]

    def peers(self) -> dict[str, Peer]:
        """The registry's entries: all but the unknown one."""
        found = {name: self._peer(name) for name in self.origins if name != "inconnu"}
        named = {one: replace(found["social"], id=one, name=one) for one in ADMITTED_ALSO}
        return {one.id: one for one in found.values()} | named

    def _peer(self, name: str) -> Peer:
        server, grade = self.origins[name].partition("://")[2], GRADES.get(name, Grade.FULL)
        ended = self.now - timedelta(hours=1) if name == LAPSED else None
        kind, anchor = (PeerKind.TRAITDUNION, self._anchors[name].public.multibase) if name in HUBS else (PeerKind.ACTIVITYPUB, None)
        return Peer(
            server, name, f"Association {name}", kind, grade, self.now, self.now, cavage=name == "forum", anchor=anchor, expires=ended
        )

    # --- what is said --------------------------------------------------------------------------------------------------

    def note(self, actor: Actor, path: str = "notes/1", **more: Any) -> dict[str, Any]:
        """Something that somebody wrote, for everybody and for our community."""
        return {
            "id": f"{actor.origin}/{path}", "type": "Note", "attributedTo": actor.id, "to": [PUBLIC], "cc": [self.group],
            "content": "<p>Bonjour</p>", "published": timestamp(self.now), **more,
        }  # fmt: skip

    def brings_back(self, actor: Actor, address: str, path: str) -> dict[str, Any]:
        """A moderator's Undo of the Delete by which this was taken away."""
        delete = actor.does("Delete", {"id": address, "type": "Tombstone"}, "acts/withdrawal", summary="hors sujet")
        return actor.does("Undo", delete, path)

    def creates(self, actor: Actor, note: Mapping[str, Any] | None = None, path: str = "acts/1", **more: Any) -> dict[str, Any]:
        """A Create of a note."""
        return actor.does("Create", note if note is not None else self.note(actor), path, to=[PUBLIC], cc=[self.group], **more)

    def ministry_note(
        self, name: str = "opsi", fact: Fact = FACT, node: str = "innovation", native: str = "$1", audience: Audience = Audience.PUBLIC, **more: Any
    ) -> dict[str, Any]:  # fmt: skip
        """A ministry's message as its server shows it to others, its envelope beside it."""
        there = Addresses(self.origins[name])
        event = sign_event(
            self._nodes[node], fact, subject=object_id(node, native), time=self.now, platform="matrix", native_id=native, change_marker="1",
            actor="a" * 32, audience=audience, community="innovation",
        )  # fmt: skip
        carried = {"attributes": dict(event.attributes), "value": base64.b64encode(event.value).decode(), "salt": event.salt.hex()}
        return {
            "id": there.note(event.envelope.subject), "type": "Note", "attributedTo": there.node(node), "to": [PUBLIC], "cc": [self.group],
            "content": "<p>Inès Morel a écrit :</p><p>Bonjour à tous</p>", "ministryEvent": carried, **more,
        }  # fmt: skip

    def receipt(self, key: SigningKey | None = None, **changes: Any) -> dict[str, Any]:
        """What OPSI's hub says became of an activity of ours, under its own proof unless another key is given; `changes` are signed too."""
        authority = self.here.base.partition("://")[2]
        word = {"activity": self.here.announce("e1"), "digest": "d" * 64, "fate": "sequenced", "community": "innovation", "sequence": 7}
        said = {
            "type": "TraitDUnionReceipt", "issuer": self.servers["opsi"].server, "addressee": authority,
            "issued": timestamp(self.now), "deliveries": [word], **changes,
        }  # fmt: skip
        return sign_document(said, key or self._anchors["opsi"], self.now)

    def anchor(self, name: str) -> SigningKey:
        """The key by which a hub's registry is signed."""
        return self._anchors[name]

    # --- what is served ------------------------------------------------------------------------------------------------

    @cached_property
    def documents(self) -> dict[str, Served]:
        """Every address at which something is found."""
        found = {one.id: _json(one.document()) for one in self.people}
        found[self.moved.id] = _json(self.moved.document(alsoKnownAs=[self.alice.id]))
        found[f"{self.carol.origin}/notes/led-away"] = Served(status="302 Found", location=f"{self.alice.origin}/notes/planted")
        found[f"{self.alice.origin}/notes/planted"] = _json(self.note(self.carol, "notes/led-away"))
        found[f"{self.carol.origin}/acts/followed"] = _json(self.carol.does("Follow", self.group, "acts/followed"))
        found[f"{self.carol.origin}/acts/bare"] = _json(self.carol.does("Create", self.note(self.carol)["id"], "acts/bare"))
        written = [self.note(self.carol), self.note(self.carol, "notes/private", to=[self.carol.id + "/followers"])]
        written += [{**self.note(self.carol, "notes/stolen"), "attributedTo": self.bob.id}]
        written += [{"id": f"{self.carol.origin}/notes/buried", "type": "Tombstone"}, self.note(self.carol, "notes/standing")]
        found |= {str(one["id"]): _json(one) for one in written}
        found[f"{self.carol.origin}/notes/renamed"] = _json(self.note(self.carol, "notes/other"))
        returned = [self.note(self.member, "post/back"), self.note(self.member, "post/back-private", to=[self.member.id + "/followers"])]
        returned += [{"id": f"{self.member.origin}/post/away", "type": "Tombstone"}]
        found |= {str(one["id"]): _json(one) for one in returned}
        found[f"{self.member.origin}/post/renamed"] = _json(self.note(self.member, "post/back"))
        found |= {f"{self.origins[name]}/.well-known/traitdunion/registry": self._registry(name) for name in HUBS if name != "muet"}
        return found | self._odd_documents()

    def _registry(self, name: str) -> Served:
        anchor, later = self._anchors[name], self.now + timedelta(days=9)
        expires = self.now - timedelta(minutes=1) if name == "perime" else later
        entry = {"platform": "plain", "grade": "full"}

        def keys(one: SigningKey) -> list[dict[str, str]]:
            return [{"id": one.key_id, "publicKeyMultibase": one.public.multibase, "activeFrom": "2020-01-01T00:00:00.000Z"}]

        document = {
            "type": "TraitDUnionRegistry", "version": 3, "issued": timestamp(self.now - timedelta(days=1)), "expires": timestamp(expires),
            "hub": {"id": "hub", "organisation": name, **entry, "keys": keys(anchor)},
            "nodes": [{"id": node, "organisation": node.title(), **entry, "keys": keys(one)} for node, one in self._nodes.items()],
        }  # fmt: skip
        signer = self.cast.stranger if name == "usurpe" else anchor
        return Served(issue(document, signer, self.now), content_type="application/json")

    @property
    def versions_seen(self) -> dict[str, Remembered]:
        """Versions of registries that this door has seen before."""
        peer = self.origins["recule"].partition("://")[2]
        return {peer: Remembered(peer, self._anchors["recule"].public.multibase, 9, None, self.now)}

    def _odd_documents(self) -> dict[str, Served]:
        alice, found = self.alice, {}
        for name, actor in self.odd.items():
            found[actor.id] = ODD[name](self, actor)
        found[f"{alice.origin}/keys/elsewhere"] = Served(status="302 Found", location=self.carol.id)
        found[f"{alice.origin}/keys/twice"] = Served(status="302 Found", location="/keys/again")
        found[f"{alice.origin}/keys/again"] = Served(status="302 Found", location=alice.id)
        found[f"{alice.origin}/keys/metadata"] = Served(status="302 Found", location="http://169.254.169.254/latest")
        found[f"{alice.origin}/keys/inward"] = Served(status="302 Found", location="http://10.1.2.3/actor")
        found[f"{alice.origin}/keys/unclaimed"] = _json({**alice.multikey, "id": f"{alice.origin}/keys/unclaimed"})
        found[f"{alice.origin}/keys/of-carol"] = _json(
            {**alice.multikey, "id": f"{alice.origin}/keys/of-carol", "controller": self.carol.id}
        )
        found[f"{alice.origin}/keys/of-nobody"] = _json({"id": f"{alice.origin}/keys/of-nobody", "type": "Multikey"})
        for name in ("disagrees", "noted"):
            key = {**self.odd[name].multikey, "id": f"{alice.origin}/keys/{name}"}
            found[key["id"]] = _json({**key, "publicKeyMultibase": self.bob.key.public.multibase} if name == "disagrees" else key)
        return found


def _json(document: Mapping[str, Any], **more: Any) -> Served:
    return Served(json.dumps(document, ensure_ascii=False).encode(), **more)


def _key_with(**changes: Any) -> Any:
    """An actor whose Multikey is otherwise."""
    return lambda _, actor: _json(actor.document(assertionMethod=[{**actor.multikey, **changes}]))


def _weak_pem() -> str:
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505 - weak on purpose
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


ODD: Final[Mapping[str, Any]] = {
    "keyless": lambda _, actor: _json(actor.document(assertionMethod=[], publicKey=[])),
    "controller": lambda world, actor: _json(actor.document(assertionMethod=[{**actor.multikey, "controller": world.bob.id}])),
    "expired": _key_with(expires="2020-01-01T00:00:00Z"),
    "revoked": _key_with(revoked="2020-01-01T00:00:00Z"),
    "twice": lambda world, actor: _json(actor.document(assertionMethod=[actor.multikey, {**actor.multikey, "publicKeyMultibase": world.bob.key.public.multibase}])),
    "cut": _key_with(publicKeyMultibase="z6MkCut"),
    "small": _key_with(publicKeyMultibase="z6MkeTG3bFFSLYVU7VqhgZxqr6YzpaGrQtFMh1uvqGy1vDnP"),
    "untyped": _key_with(type="Key"),
    "undated": _key_with(expires="soon"),
    "curve": _key_with(publicKeyMultibase="zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv"),
    "number": lambda _, actor: _json(actor.document(publicKey={**actor.pem, "publicKeyPem": 7}, assertionMethod=[])),
    "disagrees": lambda world, actor: _json(actor.document(assertionMethod=[{**actor.multikey, "id": f"{world.alice.origin}/keys/disagrees"}])),
    "noted": lambda world, actor: _json(actor.document(type="Note", assertionMethod=[{**actor.multikey, "id": f"{world.alice.origin}/keys/noted"}])),
    "weak": lambda _, actor: _json(actor.document(publicKey={**actor.pem, "publicKeyPem": _weak_pem()}, assertionMethod=[])),
    "nopem": lambda _, actor: _json(actor.document(publicKey={**actor.pem, "publicKeyPem": "-----BEGIN PUBLIC KEY-----"}, assertionMethod=[])),
    "claims": lambda world, actor: _json({**world.alice.document(assertionMethod=[{**actor.multikey, "controller": world.alice.id}])}),
    "names": lambda world, actor: _json(actor.document(id=world.carol.id)),
    "html": lambda _, actor: _json(actor.document(), content_type="text/html"),
    "upload": lambda _, actor: _json(actor.document(), content_type="application/json"),
    "list": lambda _, __: Served(b"[]"),
    "double": lambda _, actor: Served(json.dumps(actor.document()).encode().replace(b'"type"', b'"type": "Group", "type"', 1)),
    "deep": lambda _, actor: Served(json.dumps(actor.document(deep=7)).encode().replace(b'"deep": 7', b'"deep": ' + b"[" * 80 + b"]" * 80)),
    "numberless": lambda _, actor: _json(actor.document(born=float("nan"))),
    "boundless": lambda _, actor: Served(json.dumps(actor.document(born=7)).encode().replace(b'"born": 7', b'"born": 1e999')),
    "broken": lambda _, __: Served(status="500 Internal Server Error"),
    "gone": lambda _, __: Served(status="410 Gone"),
    "absent": lambda _, __: Served(status="404 Not Found"),
    "inboxless": lambda _, actor: _json(actor.document(inbox="")),
    "large": lambda _, actor: Served(json.dumps(actor.document()).encode() + b" " * 1_100_000),
    "endless": lambda _, actor: Served(json.dumps(actor.document()).encode() + b" " * 1_100_000, endless=True),
    "packed": lambda _, actor: _json(actor.document(), encoding="gzip"),
}  # fmt: skip
"""Actors who are found where they should be, and whose keys are none for us."""
