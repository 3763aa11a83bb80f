"""A server of others beside a run: it follows the public community, says things there, and shows what it was told."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from aiohttp import ClientError, ClientTimeout, web

from deploy.local import ports
from schemas import cavage
from schemas.rsa_keys import RsaSigningKey
from tests.chaos.oracle import Shown
from tests.chaos.people import Wish
from tests.chaos.words import sentences_of, text_of, word_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiohttp import ClientSession

    from tests.chaos.book import Book
    from tests.chaos.people import Visit

STREAMS: Final = "https://www.w3.org/ns/activitystreams"
PUBLIC: Final = f"{STREAMS}#Public"
ACTIVITY: Final = "application/activity+json"
ELSEWHERE: Final = "ailleurs"
"""Its name in a run, beside those of the RSEs."""
PATIENCE: Final = ClientTimeout(total=30.0)
AGAIN: Final = 1.1
"""Seconds until a delivery is tried again: in another second, or its signature would be the same, and a replay."""
COMES_BACK: Final = frozenset({408, 429})
RECENT: Final = 30


@dataclass
class Note:
    """Somebody's message as this server shows it."""

    html: str
    parent: str | None


@dataclass
class Abroad:
    """One actor, her keys, her outbox and inbox. It remembers all: it is never killed, only away."""

    community: str
    hub: str
    http: ClientSession
    book: Book
    port: int
    notes: dict[str, Note] = field(default_factory=dict)
    """By address, in the order in which they came; hers among them."""
    doubled: list[str] = field(default_factory=list)
    """Messages that came as new ones while they were there."""
    refused: list[str] = field(default_factory=list)
    """What our door took for ever not, and why."""
    failing: int = 0
    """Faults under way that have it answer deliveries by 503: counted by time, since whoever is refused waits longer each time."""
    lost: int = 0
    """Deliveries that are still to be taken without an answer."""

    def __post_init__(self) -> None:
        self._key = RsaSigningKey.generate(self.actor)
        self._seen: set[str] = set()
        self._outbox: deque[Mapping[str, Any]] = deque()
        self._said = asyncio.Event()
        self._accepted = asyncio.Event()
        self._ids = count(1)
        self._runner: web.AppRunner | None = None
        self._sending: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """The server's address."""
        return f"http://{ports.LOOPBACK}:{self.port}"

    @property
    def authority(self) -> str:
        """As the registry names it."""
        return f"{ports.LOOPBACK}:{self.port}"

    @property
    def actor(self) -> str:
        """Who speaks there."""
        return f"{self.url}/users/ines"

    @property
    def group(self) -> str:
        """The community, as it is followed."""
        return f"{self.hub}/groups/{self.community}"

    async def start(self) -> None:
        """Answer, and send what waits."""
        await self.open()
        self._sending = asyncio.create_task(self._send())

    async def follow(self) -> None:
        """Ask to follow the community, and wait until that is accepted."""
        self._say("Follow", self.group)
        await self._accepted.wait()

    async def stop(self) -> None:
        """End it."""
        if self._sending is not None:
            self._sending.cancel()
        await self.close()

    async def open(self) -> None:
        """Listen."""
        app = web.Application()
        app.router.add_get("/users/ines", self._show)
        app.router.add_post("/inbox", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, ports.LOOPBACK, self.port).start()

    async def close(self) -> None:
        """Listen no longer: whoever calls is refused a connection."""
        if self._runner is not None:
            await self._runner.cleanup()

    # --- what is done and seen there ----------------------------------------------------------------------------------

    def act(self, visit: Visit) -> None:
        """She writes, answers, changes or deletes; her own server says yes at once, and tells ours when it can."""
        entry = self.book.entry(visit.message, ELSEWHERE, self.community)
        text = f"<p>{text_of(visit.message, visit.version)}</p>"
        note = f"{self.url}/notes/{visit.message}"
        if visit.wish not in {Wish.POST, Wish.REPLY} and note not in self.notes:
            self.book.idle[visit.wish] += 1
            return
        match visit.wish:
            case Wish.POST | Wish.REPLY:
                answered = self._recent(visit.answers) if visit.wish is Wish.REPLY else None
                entry.native_id, entry.parent = note, None if answered is None else word_of(self.notes[answered].html)[0]
                self.notes[note] = Note(text, answered)
                self._say("Create", self._written(note))
            case Wish.EDIT:
                self.notes[note].html = text
                self._say("Update", self._written(note))
            case _:
                del self.notes[note]
                self._say("Delete", {"id": note, "type": "Tombstone"})
        entry.done(visit.wish, visit.version)
        self.book.done[visit.wish] += 1

    def shown(self) -> list[Shown]:
        """What its readers see, by our own numbers."""
        numbers = {address: word_of(note.html)[0] for address, note in self.notes.items()}
        there = [*self.notes.values(), *(self.notes[address] for address in self.doubled if address in self.notes)]
        return [Shown(*word_of(note.html), numbers.get(note.parent or ""), sentences=sentences_of(note.html)) for note in there]

    @property
    def traces(self) -> Sequence[str]:
        """All words that it keeps."""
        return [note.html for note in self.notes.values()]

    @property
    def waiting(self) -> int:
        """What it has not brought yet."""
        return len(self._outbox)

    def _recent(self, place: int) -> str | None:
        """One of the last messages of the ministries."""
        theirs = [address for address in self.notes if not address.startswith(self.url)][-RECENT:]
        return theirs[place % len(theirs)] if theirs else None

    def _written(self, address: str) -> dict[str, Any]:
        note = self.notes[address]
        answers = {} if note.parent is None else {"inReplyTo": note.parent}
        return {
            "id": address, "type": "Note", "attributedTo": self.actor, "to": [PUBLIC], "cc": [self.group], "audience": self.group,
            "content": note.html, "published": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", **answers,
        }  # fmt: skip

    def _say(self, kind: str, what: Any) -> None:
        said = {"@context": STREAMS, "id": f"{self.url}/acts/{next(self._ids)}", "type": kind, "actor": self.actor, "object": what}
        self._outbox.append(said if kind == "Follow" else {**said, "to": [PUBLIC], "cc": [self.group]})
        self._said.set()

    # --- what goes out ------------------------------------------------------------------------------------------------

    async def _send(self) -> None:
        """One after the other, each until it is taken: another server loses nothing of its own either."""
        while True:
            while not self._outbox:
                self._said.clear()
                await self._said.wait()
            if await self._taken(json.dumps(self._outbox[0]).encode()):
                self._outbox.popleft()
            else:
                await asyncio.sleep(AGAIN)

    async def _taken(self, body: bytes) -> bool:
        inbox = f"{self.group}/inbox"
        fields = cavage.signed_fields(self._key, "POST", inbox, datetime.now(UTC), ACTIVITY, body)
        with suppress(ClientError, OSError, TimeoutError):
            async with self.http.post(inbox, data=body, headers=fields, timeout=PATIENCE) as answer:
                if answer.status >= 500 or answer.status in COMES_BACK:
                    return False
                if answer.status != 202:
                    self.refused.append(f"{answer.status} {await answer.text()}")
                return True
        return False

    # --- what comes in ------------------------------------------------------------------------------------------------

    async def _show(self, _: web.Request) -> web.Response:
        whole = {
            "@context": [STREAMS, "https://w3id.org/security/v1"], "id": self.actor, "type": "Person", "name": "Inès Morel",
            "preferredUsername": "ines", "inbox": f"{self.url}/inbox", "outbox": f"{self.actor}/outbox",
            "publicKey": {"id": self._key.key_id, "owner": self.actor, "publicKeyPem": self._key.public_pem},
        }  # fmt: skip
        return web.Response(body=json.dumps(whole).encode(), content_type=ACTIVITY)

    async def _take(self, request: web.Request) -> web.Response:
        if self.failing:
            return web.Response(status=503)
        self.hear(json.loads(await request.read()))
        if self.lost > 0:
            self.lost -= 1
            assert request.transport is not None
            request.transport.close()
        return web.Response(status=202)

    def hear(self, said: Mapping[str, Any]) -> None:
        """Each activity once, by its id, as every server does; what is hers comes back to her, and says nothing new."""
        if said["id"] in self._seen:
            return
        self._seen.add(said["id"])
        inner = said["object"]
        if said["type"] == "Accept":
            self._accepted.set()
        if said["type"] != "Announce" or not isinstance(inner, dict) or inner["actor"] == self.actor:
            return
        note = inner["object"]
        match inner["type"]:
            case "Create" | "Update" if note["id"] in self.notes:
                self.notes[note["id"]].html = note["content"]
                self.doubled += [note["id"]] if inner["type"] == "Create" else []
            case "Create" | "Update":
                self.notes[note["id"]] = Note(note["content"], note.get("inReplyTo"))
            case "Delete":
                self.notes.pop(note["id"], None)
            case _:
                pass
