"""Servers that others wrote, as three of them were seen on the wire: what they sign, what they ask before they answer, what they send."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from schemas import cavage
from schemas.http_signature import Rejection, UnverifiedHead, verify_body
from schemas.rsa_keys import RsaPublicKey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

STREAMS = "https://www.w3.org/ns/activitystreams"
PUBLIC = f"{STREAMS}#Public"
ACTIVITY_JSON = "application/activity+json"
TRIES = 60
LD_JSON = f'application/ld+json; profile="{STREAMS}"'


@dataclass(frozen=True)
class Habits:
    """What a kind of software does in its own way."""

    order: Sequence[str]
    """The parameters of its signatures, as it writes them."""
    label: str
    content_type: str
    asks_for_signed_reads: bool = False


GOTOSOCIAL = Habits(("keyId", "algorithm", "headers", "signature"), "hs2019", LD_JSON, asks_for_signed_reads=True)
NODEBB = Habits(("keyId", "headers", "signature", "algorithm"), "hs2019", LD_JSON)
WORDPRESS = Habits(("keyId", "algorithm", "headers", "signature"), "rsa-sha256", ACTIVITY_JSON)


@dataclass
class Elsewhere:
    """One server on an address of its own and the usual port, as in production; it reads and sends as its software does."""

    host: str
    habits: Habits
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By path and query; those of `open` need no signature to be read."""
    open: set[str] = field(default_factory=set)
    took: list[dict[str, Any]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    asked_unsigned: list[str] = field(default_factory=list)
    """Keys of ours that it read, unsigned, before it answered."""
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))

    @property
    def base(self) -> str:
        return f"http://{self.host}"

    @property
    def pem(self) -> str:
        public = self.key.public_key()
        return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()

    def actor(self, path: str, kind: str, name: str, key: str, inbox: str, **more: Any) -> dict[str, Any]:
        """An actor's document, shown at its path."""
        address = self.base + path
        self.documents[path] = {
            "@context": [STREAMS, "https://w3id.org/security/v1"], "id": address, "type": kind, "name": name,
            "preferredUsername": name.lower(), "inbox": self.base + inbox, "outbox": f"{address}/outbox",
            "publicKey": {"id": key, "owner": address, "publicKeyPem": self.pem}, **more,
        }  # fmt: skip
        return self.documents[path]

    async def send(self, url: str, activity: Mapping[str, Any], key_id: str) -> tuple[int, str]:
        """One delivery; asked to come again (503), it does, signed anew, as all of them do. The status and the reason of a refusal."""
        for _ in range(TRIES):
            status, reason = await self._deliver(url, activity, key_id)
            if status != 503:
                break
            await asyncio.sleep(1)
        return status, reason

    async def _deliver(self, url: str, activity: Mapping[str, Any], key_id: str) -> tuple[int, str]:
        body = json.dumps(activity, ensure_ascii=False).encode()
        host, _, path = url.removeprefix("http://").partition("/")
        digest = "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()
        date = f"{datetime.now(UTC):%a, %d %b %Y %H:%M:%S} GMT"
        lines = f"(request-target): post /{path}\nhost: {host}\ndate: {date}\ndigest: {digest}"
        proof = base64.b64encode(self.key.sign(lines.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()
        said = {"keyId": key_id, "algorithm": self.habits.label, "headers": "(request-target) host date digest", "signature": proof}
        fields = {
            "Host": host, "Date": date, "Digest": digest, "Content-Type": self.habits.content_type,
            "Signature": ",".join(f'{name}="{said[name]}"' for name in self.habits.order),
        }  # fmt: skip
        async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=fields) as answer:
            problem = json.loads(await answer.read() or b"{}")
            return answer.status, problem.get("reason", "")

    async def show(self, request: web.Request) -> web.Response:
        """A document; where this software wants to know who reads, it reads our key first, and says nothing until it has it."""
        path = str(request.rel_url)
        if self.habits.asks_for_signed_reads and path not in self.open and not await self._signed(request, cavage.OF_PEERS, b""):
            return web.Response(status=401)
        document = self.documents.get(path)
        if document is None:
            return web.Response(status=404)
        return web.Response(body=json.dumps(document).encode(), headers={"Content-Type": self.habits.content_type})

    async def take(self, request: web.Request) -> web.Response:
        """An inbox."""
        body = await request.read()
        if not await self._signed(request, cavage.OF_PEERS_WITH_BODY, body):
            return web.Response(status=401)
        self.took.append(json.loads(body))
        return web.Response(status=202)

    async def _signed(self, request: web.Request, demands: cavage.Demands, body: bytes) -> bool:
        """By draft-cavage alone: RFC 9421 is nothing that this software knows."""
        head = UnverifiedHead(request.method, str(request.url), [(name.lower(), said) for name, said in request.headers.items()])
        key_id = cavage.key_id_of(head, demands) if "signature-input" not in request.headers else None
        if not isinstance(key_id, str):
            self.refused.append(request.method)
            return False
        self.asked_unsigned.append(key_id)
        key = await _key_at(key_id)
        known = cavage.verify_head(head, demands, lambda _: key, datetime.now(UTC))
        return not isinstance(known, Rejection) and (not body or not isinstance(verify_body(known, body), Rejection))


async def _key_at(key_id: str) -> RsaPublicKey:
    """Our key, read by nobody in particular."""
    async with aiohttp.ClientSession() as session, session.get(key_id.partition("#")[0], headers={"Accept": LD_JSON}) as answer:
        assert answer.status == 200
        said = json.loads(await answer.read())["publicKey"]
    assert said["id"] == key_id
    return RsaPublicKey.of(said["publicKeyPem"])


@asynccontextmanager
async def serving(*servers: Elsewhere) -> AsyncIterator[None]:
    """Let them answer; raises OSError where this machine does not give their address and port."""
    runners = []
    try:
        for server in servers:
            app = web.Application()
            app.router.add_post("/{path:.*}", server.take)
            app.router.add_get("/{path:.*}", server.show)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            runners.append(runner)
            await web.TCPSite(runner, server.host, 80).start()
        yield
    finally:
        for runner in runners:
            await runner.cleanup()


def gotosocial(host: str) -> Elsewhere:
    """GoToSocial 0.20: a key at a path of its own, behind which a part of the actor stands."""
    made = Elsewhere(host, GOTOSOCIAL)
    key = f"{made.base}/users/alice/main-key"
    whole = made.actor("/users/alice", "Person", "Alice", key, "/users/alice/inbox", endpoints={"sharedInbox": f"{made.base}/inbox"})
    made.documents["/users/alice/main-key"] = {name: whole[name] for name in ("@context", "id", "type", "publicKey", "preferredUsername")}
    made.open.add("/users/alice/main-key")
    return made


def nodebb(host: str) -> Elsewhere:
    """NodeBB 4.9: a category is a Group, its authors are Persons."""
    made = Elsewhere(host, NODEBB)
    for path, kind, name in (("/category/2", "Group", "Annonces"), ("/uid/1", "Person", "Bruno")):
        made.actor(path, kind, name, f"{made.base}{path}#key", f"{path}/inbox")
    return made


def wordpress(host: str) -> Elsewhere:
    """WordPress with its plugin, 4.0: ids and keys with a query, and a page where others have a collection."""
    made = Elsewhere(host, WORDPRESS)
    box = "/wp-json/activitypub/1.0/actors/1"
    key = f"{made.base}/?author=1#main-key"
    made.actor("/?author=1", "Person", "Chloe", key, f"{box}/inbox", followers=f"{made.base}{box}/followers")
    made.documents[f"{box}/followers"] = {"id": f"{made.base}{box}/followers", "type": "OrderedCollectionPage", "orderedItems": []}
    return made
