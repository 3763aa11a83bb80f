"""Inboxes of servers that others run, real ones on loopback: they check signatures, and are as unkind as a test wants them."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, auto
from typing import TYPE_CHECKING

from aiohttp import web
from sqlalchemy import insert

from hub.federation.followers import Follower
from hub.federation.parcel import Form, Parcel
from hub.federation.repository import SqlFollowers
from hub.ports import Record
from hub.storage.registry_tables import peers as table
from schemas import cavage, http_signature
from schemas.http_signature import Rejection, UnverifiedHead
from schemas.keys import SigningKey
from schemas.nonces import Nonces
from schemas.topics import PEERS_OUTBOUND

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine

    from schemas.keys import PublicKey
    from schemas.rsa_keys import RsaPublicKey, RsaSigningKey

COMMUNITY = "futurs-publics"
OURS = "https://hub.example"
GROUP = f"{OURS}/groups/{COMMUNITY}"


KEY, RSA_KEY, PASSPHRASE = "federation.pem", "federation-rsa.pem", "phrase"


def courier_settings(folder: Path) -> dict[str, str]:
    """A courier's environment, with the pair that was saved there."""
    return {
        "TRAITDUNION_FEDERATION_URL": OURS,
        "TRAITDUNION_FEDERATION_KEY": str(folder / KEY),
        "TRAITDUNION_FEDERATION_RSA_KEY": str(folder / RSA_KEY),
        "TRAITDUNION_FEDERATION_PASSPHRASE": PASSPHRASE,
        "TRAITDUNION_FEDERATION_LOOPBACK": "true",
    }


class Takes(Enum):
    """Which signatures a server knows."""

    ED25519 = auto()
    RSA = auto()
    CAVAGE = auto()


@dataclass(frozen=True)
class OurKeys:
    """The public halves, as our actors show them."""

    ed25519: PublicKey
    rsa: RsaPublicKey

    @classmethod
    def saved_in(cls, folder: Path, rsa: RsaSigningKey) -> OurKeys:
        """Those of a pair whose private halves lie where `courier_settings` says."""
        key = SigningKey.generate("x")
        key.save(folder / KEY, PASSPHRASE.encode())
        rsa.save(folder / RSA_KEY, PASSPHRASE.encode())
        return cls(key.public, rsa.public)

    def of(self, key_id: str) -> PublicKey | RsaPublicKey:
        """The key that an id names; only ids of the Group and of nodes are known."""
        actor, _, fragment = key_id.partition("#")
        assert actor == GROUP or actor.startswith(f"{OURS}/nodes/")
        return self.rsa if fragment == "main-key" else self.ed25519


@dataclass
class Inbox:
    """A server with one shared inbox."""

    keys: OurKeys
    takes: Takes = Takes.ED25519
    delay: float = 0.0
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    """What it says to the next requests that are well signed, before it begins to take them; 0 hangs up."""
    took: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    asked: int = 0
    nonces: Nonces = field(default_factory=Nonces)
    url: str = ""

    @property
    def peer(self) -> str:
        return self.url.partition("://")[2]

    async def answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        body = await request.read()
        if not self._signed(request, body):
            return web.Response(status=401)
        await asyncio.sleep(self.delay)
        if self.answers:
            status, headers = self.answers.pop(0)
            if not status:
                assert request.transport is not None
                request.transport.abort()
            return web.Response(status=status or 500, headers=headers)
        self.took.append(json.loads(body)["id"])
        self.bodies.append(body)
        return web.Response(status=202)

    def _signed(self, request: web.Request, body: bytes) -> bool:
        head = UnverifiedHead("POST", str(request.url), [(name.lower(), value) for name, value in request.headers.items()])
        now = datetime.now(UTC)
        if self.takes is Takes.CAVAGE:
            known = cavage.verify_head(head, cavage.OF_PEERS_WITH_BODY, self.keys.of, now)
        else:
            known = http_signature.verify_head(head, http_signature.OF_PEERS_WITH_BODY, self.keys.of, self.nonces, now)
        if isinstance(known, Rejection) or isinstance(http_signature.verify_body(known, body), Rejection):
            return False
        return self.takes is not Takes.RSA or known.key_id.endswith("#main-key")


@asynccontextmanager
async def serving(*inboxes: Inbox) -> AsyncIterator[None]:
    """The servers, for the length of a test."""
    async with AsyncExitStack() as stack:
        for inbox in inboxes:
            inbox.url = await stack.enter_async_context(_serving(inbox))
        yield


@asynccontextmanager
async def _serving(inbox: Inbox) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/inbox", inbox.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def admit(engine: AsyncEngine, *urls: str, grade: str = "full") -> None:
    """Peers of the registry, each with one actor that follows the community."""
    now = datetime.now(UTC)
    async with engine.begin() as connection:
        for url in urls:
            peer = url.partition("://")[2]
            row = {"id": peer, "name": peer, "organisation": "OPSI", "kind": "activitypub", "grade": grade, "cavage": True, "networks": []}
            await connection.execute(insert(table).values(**row, anchor=None, applied_at=now, admitted_at=now))
            actor = f"{url}/users/ines"
            follower = Follower(COMMUNITY, actor, peer, f"{actor}/inbox", f"{url}/inbox", "Person", f"{actor}#follow", now)
            await SqlFollowers(connection).add(follower)


def parcel(number: int, community: str = COMMUNITY) -> Record:
    """An activity on its way, small and told by its number."""
    body = json.dumps({"id": f"{OURS}/activities/{number}", "type": "Announce", "actor": GROUP, "object": {"n": number}}).encode()
    made = Parcel(community, f"{number:032x}", GROUP, Form.ANNOUNCED, body, correlation="c" * 32)
    return Record(PEERS_OUTBOUND.name, 0, number, datetime.now(UTC), community.encode(), body, tuple(made.headers()))


def ids(first: int, end: int) -> list[str]:
    """What an inbox that missed nothing has, in order."""
    return [f"{OURS}/activities/{number}" for number in range(first, end)]
