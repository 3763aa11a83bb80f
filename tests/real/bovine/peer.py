"""A server that others could have written: one actor on bovine's own client, types and signatures. It does what a test asks by HTTP.

Run by the python of `.venv-bovine`, which has nothing of ours: `peer.py PORT`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from aiohttp import ClientSession, web
from bovine import BovineActor
from bovine.activitystreams import Actor, factories_for_actor_object
from bovine.activitystreams.utils import is_public
from bovine.clients import lookup_uri_with_webfinger
from bovine.clients.nodeinfo import fetch_nodeinfo20
from bovine.clients.signed_http import legacy_digest_method
from bovine.clients.signed_http_methods import signed_post
from bovine.crypto import build_validate_http_signature_raw, generate_rsa_public_private_key
from bovine.crypto.types import CryptographicSecret
from bovine.jsonld import jsonld_cache
from bovine.parse import Activity as ReadActivity
from bovine.parse import Actor as ReadActor
from bovine.parse import Object as ReadObject
from bovine.types.jrd import JrdData
from bovine.types.nodeinfo import NodeInfo

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

HOST = "127.0.0.1"
ACTIVITY_JSON = "application/activity+json"
SECURITY = "https://w3id.org/security"
CONTEXTS = {
    f"{SECURITY}/v1": {
        "owner": {"@id": f"{SECURITY}#owner", "@type": "@id"},
        "publicKey": {"@id": f"{SECURITY}#publicKey", "@type": "@id"},
        "publicKeyPem": f"{SECURITY}#publicKeyPem",
    },
    f"{SECURITY}/multikey/v1": {
        "Multikey": f"{SECURITY}#Multikey",
        "controller": {"@id": f"{SECURITY}#controller", "@type": "@id"},
        "publicKeyMultibase": f"{SECURITY}#publicKeyMultibase",
    },
    "https://www.w3.org/ns/did/v1": {"assertionMethod": {"@id": f"{SECURITY}#assertionMethod", "@type": "@id"}},
}
"""The terms of keys, as their own servers define them: this test asks nobody in the open. Our own context is fetched from our door."""


@dataclass
class Letter:
    """A request as bovine signed it, kept where a session would send it."""

    url: str = ""
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    async def post(self, url: str, data: str, headers: Mapping[str, str]) -> None:
        self.url, self.body, self.headers = url, data, headers


class Peer:
    """Its keys, what it made and what came."""

    def __init__(self, base: str) -> None:
        public, self._private = generate_rsa_public_private_key()
        self.id, self.key_id, self._base = f"{base}/actor", f"{base}/actor#main-key", base
        self.document = Actor(
            id=self.id, name="Inès Morel", preferred_username="ines", inbox=f"{base}/inbox", outbox=f"{base}/outbox",
            followers=f"{base}/followers", public_key=public, public_key_name="main-key",
        ).build()  # fmt: skip
        self.acts, self.objects = factories_for_actor_object(self.document, id_generator=lambda: f"{base}/made/{uuid4()}")
        self.validate = build_validate_http_signature_raw(self.find_key)
        self.bovine = BovineActor(actor_id=self.id, public_key_url=self.key_id, secret=self._private)
        self.made: dict[str, Any] = {}
        self.came: list[dict[str, Any]] = []

    async def find_key(self, key_id: str) -> Any:
        """The key of somebody elsewhere, out of her actor as bovine reads it."""
        actor = await self.parsed(key_id.partition("#")[0])
        return next((key for key in actor.cryptographic_identifiers if key.id == key_id), None)

    async def parsed(self, uri: str) -> ReadActor:
        """An actor elsewhere, by a signed read, through bovine's JSON-LD."""
        return ReadActor(await self.bovine.get(uri))

    # --- what others ask ------------------------------------------------------------------------------------------------

    async def show(self, request: web.Request) -> web.Response:
        """The actor, or something made, to those who sign."""
        if await self.signer(request) is None:
            return web.Response(status=401)
        found = self.document if request.path == "/actor" else self.made.get(self._base + request.path)
        return web.Response(status=404) if found is None else web.Response(text=json.dumps(found), content_type=ACTIVITY_JSON)

    async def receive(self, request: web.Request) -> web.Response:
        """The inbox."""
        signer, said = await self.signer(request), json.loads(await request.read())
        if signer is None:
            return web.Response(status=401)
        self.came[-1] |= {"activity": said, "public": is_public(said), "text": (await request.read()).decode()}
        return web.Response(status=202)

    async def signer(self, request: web.Request) -> str | None:
        """Who signed, as bovine sees it; every attempt is noted."""
        signer: str | None = await self.validate(request.method, str(request.url), request.headers, request.read)
        scheme = "rfc9421" if "signature-input" in request.headers else "cavage" if "signature" in request.headers else ""
        self.came.append({"path": request.path, "scheme": scheme, "signer": signer})
        return signer

    # --- what a test asks -----------------------------------------------------------------------------------------------

    async def told(self, request: web.Request) -> web.Response:
        """One order of the test: the method of that name, with the body as its arguments."""
        orders: Mapping[str, Callable[..., Awaitable[Any]]] = {
            "look": self.look, "read": self.read, "collect": self.collect, "follow": self.follow, "say": self.say, "edit": self.edit,
            "delete": self.delete, "like": self.like, "undo": self.undo, "forge": self.forge, "accepted": self.accepted,
            "created": self.created,
        }  # fmt: skip
        return web.json_response(await orders[request.match_info["order"]](**await request.json()))

    async def noted(self, request: web.Request) -> web.Response:
        """All that came so far, with who signed it."""
        del request
        return web.json_response(self.came)

    async def look(self, base: str, name: str) -> dict[str, Any]:
        """What a client sees first: WebFinger, NodeInfo."""
        session, host = self.bovine.session, base.partition("://")[2]
        found, _ = await lookup_uri_with_webfinger(session, f"acct:{name}@{host}", domain=base)
        host_actor, _ = await lookup_uri_with_webfinger(session, f"{base}/", domain=base)
        async with session.get(f"{base}/.well-known/webfinger", params={"resource": found}) as answer:
            descriptor = JrdData.model_validate_json(await answer.text())
        async with session.get(f"{base}/.well-known/nodeinfo") as answer:
            links = {link["rel"].rpartition("/")[2]: link["href"] for link in (await answer.json())["links"]}
        info = await fetch_nodeinfo20(session, links["2.0"])
        return {
            "actor": found, "host": host_actor, "subject": descriptor.subject, "software": NodeInfo.model_validate(info).software.name
        }  # fmt: skip

    async def read(self, url: str) -> dict[str, Any]:
        """A document elsewhere, by a signed read; through bovine's JSON-LD, and the keys that it found."""
        document = await self.bovine.get(url)
        if "inbox" not in document:
            note = ReadObject(document)
            return {"document": note.data, "author": note.attributed_to_id}
        actor = ReadActor(document)
        return {"document": actor.data, "keys": [key.id for key in actor.cryptographic_identifiers], "account": actor.unvalidated_acct_uri}

    async def collect(self, url: str) -> dict[str, Any]:
        """A collection elsewhere."""
        found: dict[str, Any] = await self.bovine.get_ordered_collection(url)
        return found

    async def accepted(self, activity: dict[str, Any]) -> str | None:
        """Which follow an Accept accepts, as bovine reads it."""
        accept = ReadActivity(activity)
        follow = await accept.accept_for_follow(self.bovine.get)
        return None if follow is None else follow.data["id"]

    async def created(self, activity: dict[str, Any]) -> list[str | None]:
        """What a Create made, and by whom, as bovine reads it."""
        made = await ReadActivity(activity).object_for_create(self.bovine.get)
        return [] if made is None else [made.identifier, made.attributed_to_id]

    async def follow(self, group: str) -> dict[str, Any]:
        return await self.send(group, self.acts.follow(group).build())

    async def say(self, group: str, html: str) -> dict[str, Any]:
        note = self.objects.note(content=html, cc={group}).as_public().build()
        self.made[note["id"]] = note
        return await self.send(group, self.acts.create(note).build())

    async def edit(self, group: str, note: str, html: str) -> dict[str, Any]:
        self.made[note] |= {"content": html}
        return await self.send(group, self.acts.update(self.made[note]).build())

    async def delete(self, group: str, note: str) -> dict[str, Any]:
        del self.made[note]
        return await self.send(group, self.acts.delete(note, cc={group}).as_public().build())

    async def like(self, group: str, message: str) -> dict[str, Any]:
        return await self.send(group, self.acts.like(message, cc={group}).as_public().build())

    async def undo(self, group: str, activity: dict[str, Any]) -> dict[str, Any]:
        return await self.send(group, self.acts.undo(activity).build())

    async def send(self, group: str, activity: dict[str, Any]) -> dict[str, Any]:
        """To the inbox that the group's own document names, by bovine's own client."""
        inbox = (await self.parsed(group)).data["inbox"]
        async with await self.bovine.client.post(inbox, json.dumps(activity)) as answer:
            return {"status": answer.status, "answer": await answer.text(), "activity": activity}

    async def forge(self, group: str, how: str) -> list[dict[str, Any]]:
        """An activity that is not signed, or altered after bovine signed it, or sent to another inbox, or twice."""
        inbox, letter = (await self.parsed(group)).data["inbox"], Letter()
        note = self.objects.note(content="<p>Faux</p>", cc={group}).as_public().build()
        secret = CryptographicSecret.from_pem(self.key_id, self._private)
        await signed_post(letter, secret, inbox, json.dumps(self.acts.create(note).build()), legacy_digest_method)
        match how:
            case "unsigned":
                letter.headers = {"content-type": ACTIVITY_JSON}
            case "altered":
                letter.body = letter.body.replace("Faux", "Vrai")
            case "elsewhere":
                letter.url = letter.url.rpartition("/groups/")[0] + "/inbox"
        return [await self._post(letter) for _ in range(2 if how == "replayed" else 1)]

    async def _post(self, letter: Letter) -> dict[str, Any]:
        async with self.bovine.session.post(letter.url, data=letter.body, headers=letter.headers) as answer:
            return {"status": answer.status, "reason": json.loads(await answer.text() or "{}").get("reason")}


async def serve(port: int) -> None:
    """Serve for ever."""
    peer = Peer(f"http://{HOST}:{port}")
    for url, context in CONTEXTS.items():
        jsonld_cache.add(url, context)
    app = web.Application()
    app.router.add_get("/actor", peer.show)
    app.router.add_get("/made/{name}", peer.show)
    app.router.add_post("/inbox", peer.receive)
    app.router.add_get("/heard", peer.noted)
    app.router.add_post("/told/{order}", peer.told)
    async with ClientSession() as session:
        await peer.bovine.init(session)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, HOST, port).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
