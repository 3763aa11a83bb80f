"""A server of others that follows a group and checks each signature by keys that it read once: some software never reads them again."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from hub.federation.remote import RemoteActor, read_actor
from schemas import cavage, http_signature
from schemas.actor_keys import ActorKey
from schemas.http_signature import Rejection, UnverifiedHead, signed_fields
from schemas.media_types import ACTIVITY_JSON
from schemas.nonces import Nonces
from schemas.rsa_keys import RsaPublicKey
from tests.forgeries.abroad import PUBLIC, STREAMS, Actor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TAKEN, AWAY = 202, 503


class Keeps(Enum):
    """What a server does about our keys."""

    EACH_BY_ITS_ID = auto()
    """RFC 9421, Ed25519: a key of an id that it does not know is read."""
    READS_AGAIN = auto()
    """draft-cavage; a signature that fails has the key read once more (Mastodon)."""
    FOR_A_DAY = auto()
    """draft-cavage; what it read holds until a test says that the day is over (Lemmy)."""


@dataclass
class KeyKeeper:
    """One such server, with one person on it."""

    keeps: Keeps
    group: str
    actor: Actor = field(init=False)
    known: dict[str, ActorKey] = field(default_factory=dict)
    took: list[dict[str, Any]] = field(default_factory=list)
    signed_by: list[str] = field(default_factory=list)
    """The keys under which it took what it took."""
    nonces: Nonces = field(default_factory=Nonces)
    said: int = 0

    async def inbox(self, request: web.Request) -> web.Response:
        body = await request.read()
        key = await self._proved(request, body)
        if key is None:
            return web.Response(status=401)
        self.took.append(json.loads(body))
        self.signed_by.append(key.public.pem if isinstance(key.public, RsaPublicKey) else key.public.multibase)
        return web.Response(status=TAKEN)

    async def show(self, request: web.Request) -> web.Response:
        document = self.actor.document(publicKey=self.actor.pem)
        if request.path != "/users/alice":
            return web.Response(status=404)
        return web.Response(body=json.dumps(document).encode(), content_type=ACTIVITY_JSON)

    async def _proved(self, request: web.Request, body: bytes) -> ActorKey | None:
        head = UnverifiedHead("POST", str(request.url), [(name.lower(), said) for name, said in request.headers.items()])
        modern = "signature-input" in request.headers
        if modern is not (self.keeps is Keeps.EACH_BY_ITS_ID):
            return None
        demands = cavage.OF_PEERS_WITH_BODY
        key_id = request.headers["signature-input"].partition('keyid="')[2].partition('"')[0] if modern else cavage.key_id_of(head, demands)
        if not isinstance(key_id, str):
            return None
        for again in (False, True):
            if again and self.keeps is not Keeps.READS_AGAIN:
                return None
            key = await self._key(key_id, anew=again)
            if key is not None and self._holds(head, key, body):
                return key
        return None

    def _holds(self, head: UnverifiedHead, key: ActorKey, body: bytes) -> bool:
        now = datetime.now(UTC)
        if self.keeps is Keeps.EACH_BY_ITS_ID:
            found = http_signature.verify_head(head, http_signature.OF_PEERS_WITH_BODY, lambda _: key, self.nonces, now)
        else:
            found = cavage.verify_head(head, cavage.OF_PEERS_WITH_BODY, lambda _: key, now)
        return not isinstance(found, Rejection) and not isinstance(http_signature.verify_body(found, body), Rejection)

    async def _key(self, key_id: str, *, anew: bool) -> ActorKey | None:
        if key_id not in self.known or anew:
            address = key_id.partition("#")[0]
            async with aiohttp.ClientSession() as http, http.get(address, headers={"Accept": ACTIVITY_JSON}) as answer:
                actor = read_actor(json.loads(await answer.read()), datetime.now(UTC))
            found = actor.key(key_id) if isinstance(actor, RemoteActor) else None
            if not isinstance(found, ActorKey):
                return None
            self.known[key_id] = found
        return self.known[key_id]

    async def posts(self, http: aiohttp.ClientSession, words: str) -> int:
        """Say something to the group; the status of the answer."""
        self.said += 1
        note = {
            "id": f"{self.actor.origin}/notes/{self.said}", "type": "Note", "attributedTo": self.actor.id, "to": [PUBLIC],
            "cc": [self.group], "content": f"<p>{words}</p>",
        }  # fmt: skip
        return await self._bring(http, self.actor.does("Create", note, f"acts/{self.said}", to=[PUBLIC], cc=[self.group]))

    async def follows(self, http: aiohttp.ClientSession) -> bool:
        """Ask to hear the group; False where its door does not know this server yet."""
        return await self._bring(http, self.actor.does("Follow", self.group, "follow")) == TAKEN

    async def _bring(self, http: aiohttp.ClientSession, activity: dict[str, Any]) -> int:
        body = json.dumps({"@context": STREAMS, **activity}).encode()
        fields = signed_fields(self.actor.key, "POST", self.group + "/inbox", datetime.now(UTC), ACTIVITY_JSON, body)
        async with http.post(self.group + "/inbox", data=body, headers=fields) as answer:
            return answer.status

    def of_kind(self, verb: str) -> list[dict[str, Any]]:
        """What it took of one kind."""
        return [one for one in self.took if one["type"] == verb]

    @property
    def told(self) -> set[str]:
        """The notes that the group announced to it, each once in whatever forms."""
        return {_note(one["object"]) for one in self.of_kind("Announce")}


def _note(said: Any) -> str:
    """The note of an act, of itself, or of its address."""
    if not isinstance(said, dict):
        return str(said)
    return _note(said["object"]) if "object" in said else str(said["id"])


@asynccontextmanager
async def keeping(*keepers: KeyKeeper) -> AsyncIterator[None]:
    """The servers, each on a port of its own, for the length of a test."""
    runners = []
    try:
        for keeper in keepers:
            app = web.Application()
            app.router.add_post("/{path:.*}", keeper.inbox)
            app.router.add_get("/{path:.*}", keeper.show)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            runners.append(runner)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            keeper.actor = Actor(f"http://127.0.0.1:{runner.addresses[0][1]}/users/alice")
        yield
    finally:
        for runner in runners:
            await runner.cleanup()
