"""What is public on an invented server, in memory, and its door."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hub.federation.addresses import Addresses
from hub.federation.doorway import application
from hub.federation.nodeinfo import Figures
from hub.federation.published import ActorKeys, ShownKey
from hub.federation.serving import Here, Pages
from hub.federation.showing import Deeds, Room, Said, Seat
from schemas.keys import SigningKey
from schemas.rsa_keys import RsaSigningKey
from tests.fakes_hub import NOW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.routing import Route

    from schemas.wire.straight import Straight

HERE = Addresses("https://hub.example")
ED25519 = SigningKey.generate(HERE.host_actor)
RSA = RsaSigningKey.generate(HERE.host_actor, 2048)
KEYS = ActorKeys((ShownKey(ED25519.public.multibase),), RSA.public_pem)
ROOM = Room("futurs-publics", "Futurs Publics & <Cie>", NOW)
SEAT = Seat("wifip", "Ministère des finances", "discourse", NOW)


def said(name: str, html: str = "<p>Bonjour</p>", *, parent: str | None = None, deleted: bool = False, title: str | None = None) -> Said:
    return Said(name, ROOM.id, SEAT.id, "Inès Exemple", SEAT.organisation, title, html, NOW, parent, deleted)


@dataclass
class InMemory:
    """A few rooms."""

    messages: dict[str, Said] = field(default_factory=dict)
    notes: dict[str, dict[str, Any] | str] = field(default_factory=dict)
    acts: dict[str, dict[str, Any]] = field(default_factory=dict)
    counted: int = 0

    async def rooms(self) -> Sequence[Room]:
        return [ROOM]

    async def room(self, community: str) -> Room | None:
        return ROOM if community == ROOM.id else None

    async def seat(self, node: str) -> Seat | None:
        return SEAT if node == SEAT.id else None

    async def newest(self, community: str) -> Sequence[Said]:
        return [one for one in reversed(self.messages.values()) if one.community == community]

    async def said(self, message: str) -> Said | None:
        return self.messages.get(message)

    async def followers(self, community: str) -> int:
        assert community == ROOM.id
        return 3

    async def deeds(self, community: str, before: int | None) -> Deeds:
        assert community == ROOM.id
        numbers = [number for number in range(1, 42) if before is None or number < before][-20:]
        items = [{"id": f"{HERE.base}/activities/{number}", "type": "Announce"} for number in reversed(numbers)]
        return Deeds(41, items, numbers[0] if len(numbers) == 20 else None)

    async def deed(self, name: str) -> dict[str, Any] | None:
        return self.acts.get(name)

    async def note(self, message: str) -> dict[str, Any] | str | None:
        return self.notes.get(message)

    async def figures(self) -> Figures:
        self.counted += 1
        return Figures(12, 3, 7, 40, 2)


def door(shown: InMemory, now: list[float] | None = None, beside: Sequence[Route] = ()) -> Straight:
    here = Here(HERE, lambda: KEYS, shown, lambda: NOW, "0.1.0")
    return application(Pages(here, (lambda: now[0]) if now is not None else (lambda: 0.0)), beside, list)
