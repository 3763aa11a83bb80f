"""One RSE of a run, from the outside: what its people do and see, how its twin is started and made to fail."""

from __future__ import annotations

import asyncio
import secrets
import sys
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

from aiohttp import ClientConnectorError, ClientError, ClientTimeout

from deploy.local import ports
from deploy.local.process import Process, Program
from schemas.keys import SigningKey
from tests.chaos.oracle import Shown
from tests.chaos.words import sentences_of, word_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from aiohttp import ClientSession

    from tests.chaos.marks import Ways
    from tests.chaos.oracle import Mark
    from tests.chaos.people import Abilities, Wish

READY_WITHIN: Final = 180.0
PATIENCE: Final = ClientTimeout(total=30.0)
HISTORY_DAYS: Final = 30
HISTORY_PACE: Final = 240
CALLS: Final = 1_200
"""A minute: a Discourse in which so much is written has a greater limit than the 60 it comes with."""
REREAD: Final = 240
"""Questions in a minute about what lies beyond an eXo's window: the oracle demands that all of it is seen before a run has settled."""
NOTICE: Final = "Cet espace est relié à"


class Refused(Exception):
    """The RSE did not do what a person asked; she knows."""


class Unsure(Exception):
    """No answer came: it may have been done or not."""


@dataclass(frozen=True, slots=True)
class Seat:
    """Where an RSE and its connector meet."""

    node: str
    number: int
    port: int
    gateway_port: int
    folder: Path
    retry_unit: float
    webhook_secret: str = field(default_factory=lambda: secrets.token_hex(24), repr=False)
    api_secret: str = field(default_factory=lambda: secrets.token_hex(24), repr=False)

    @property
    def url(self) -> str:
        """The RSE's address."""
        return f"http://{ports.LOOPBACK}:{self.port}"

    @property
    def webhook(self) -> str:
        """Where it sends what happens there."""
        return f"http://{ports.LOOPBACK}:{self.gateway_port}/webhooks/{self.node}"


@dataclass(frozen=True, slots=True)
class Sighting:
    """A message as the RSE shows it: `text` holds our word, `parent` is a native id; nothing can hang on one that is `deepest`.

    `quoted` are the words of what it answers with which it begins; one that is `fixed` cannot be changed by its connector.
    """

    native_id: str
    text: str
    parent: str | None
    marks: tuple[Mark, ...] = ()
    accepted: int = 0
    deepest: bool = False
    quoted: str | None = None
    fixed: bool = False


class NotOffered(AssertionError):
    """People were made to do what this kind of RSE does not let them do: the run is wrong, not the RSE."""


class Rse(ABC):
    """What every kind of RSE has. A new kind is a subclass, named in `tests.chaos.kinds`."""

    platform: ClassVar[str]
    can: ClassVar[Abilities]
    """What its people can do."""
    ways: ClassVar[Ways]
    """How it shows what people elsewhere set on a message."""
    looked_at: ClassVar[bool]
    """Whether its connector looks at it, besides what it is told."""
    takes_history: ClassVar[bool] = True
    """Whether what was said before a tie is written there."""
    sweeps: ClassVar[bool] = False
    """Whether a deletion by its connector takes away all that stands below."""
    dates_edits: ClassVar[bool] = False
    """Whether it shows of two edits the one with the later stamp, so that after its clock went back it may not show a person's last one."""
    longest: ClassVar[Mapping[Wish, int]]
    """How many sentences its people write at most, by what they do."""
    unknown_faults: ClassVar[frozenset[str]] = frozenset()
    """What its twin cannot do wrong."""

    def __init__(self, seat: Seat, communities: Sequence[str], http: ClientSession) -> None:
        self.seat, self.communities, self.http = seat, communities, http
        self.key = SigningKey.generate(seat.node)
        self.spaces: dict[str, str] = {}
        self.natives: dict[int, str] = {}
        """Message → its native id here, as far as people have looked."""
        self.late: str | None = None
        """The community to which its space is tied in the middle of the run, with its past."""
        self._process: Process | None = None

    # --- its process ------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the twin on what it remembers."""
        words = [sys.executable, "-m", f"adapters.{self.platform}.twin", "--port", str(self.seat.port), *self.words()]
        self._process = Process(Program(f"rse-{self.seat.node}", words, self.seat.folder / "logs" / f"rse-{self.seat.node}.log"))
        await asyncio.to_thread(self._process.wait_until, lambda: ports.answers(self.seat.port), READY_WITHIN)

    async def stop(self) -> None:
        """Stop it politely."""
        if self._process is not None:
            await asyncio.to_thread(self._process.stop)

    async def kill(self) -> None:
        """Stop it as a power cut would."""
        if self._process is not None:
            await asyncio.to_thread(self._process.kill)

    @property
    def state(self) -> Path:
        """The file in which the twin remembers."""
        return self.seat.folder / f"rse-{self.seat.node}.db"

    @abstractmethod
    def words(self) -> list[str]:
        """The twin's own options."""

    @abstractmethod
    def options(self) -> Mapping[str, str]:
        """What the connector's file says of this kind alone."""

    def described(self) -> dict[str, Any]:
        """The instance as the connector's file describes it; its key is saved beside."""
        path = self.seat.folder / "keys" / f"{self.seat.node}.pem"
        self.key.save(path)
        return {
            "node": self.seat.node, "organisation": f"Ministère {self.seat.number}", "platform": self.platform, "url": self.seat.url,
            "webhook_secret": self.seat.webhook_secret, "api_secret": self.seat.api_secret, "signing_key": str(path),
            "spaces": [self.spaces[community] for community in self.communities], "options": dict(self.options()),
            **({"reread_per_minute": REREAD} if self.platform == "exo" else {}),
            **({"limits": {"api": CALLS}} if self.platform == "discourse" else {}),
            **({"backfill_days": {self.spaces[self.late]: HISTORY_DAYS}, "history_per_minute": HISTORY_PACE} if self.late else {}),
        }  # fmt: skip

    @property
    def keeps_time(self) -> bool:
        """Whether its clock stays right: what its people say before their space is tied is found by its date."""
        return self.late is not None

    # --- its people -------------------------------------------------------------------------------------------------

    @abstractmethod
    async def furnish(self) -> None:
        """Make people and spaces, the connector's account let in; `spaces` is known then."""

    @abstractmethod
    async def post(self, agent: int, community: str, title: str, text: str) -> str:
        """Write a message; its native id. This and what follows raise Refused or Unsure."""

    @abstractmethod
    async def reply(self, agent: int, community: str, answered: str, text: str) -> str:
        """Answer a message; the answer's native id."""

    @abstractmethod
    async def edit(self, agent: int, community: str, edited: str, text: str) -> None:
        """Change one's own message."""

    @abstractmethod
    async def delete(self, agent: int, community: str, deleted: str) -> None:
        """Delete one's own message."""

    async def restore(self, agent: int, community: str, deleted: str) -> None:
        """Bring back one's own message."""
        raise NotOffered(self.platform, agent, community, deleted)

    @abstractmethod
    async def react(self, agent: int, community: str, liked: str) -> str:
        """React to somebody else's message; what takes the reaction back."""

    async def unreact(self, agent: int, community: str, liked: str, handle: str) -> None:
        """Take the reaction back."""
        raise NotOffered(self.platform, agent, community, liked, handle)

    async def accept(self, agent: int, answer: str) -> None:
        """Accept an answer to one's own question."""
        raise NotOffered(self.platform, agent, answer)

    async def unaccept(self, agent: int, answer: str) -> None:
        """Accept it no longer."""
        raise NotOffered(self.platform, agent, answer)

    async def enter(self, community: str) -> None:
        """Somebody who never writes becomes a member of the space."""
        raise NotOffered(self.platform, community)

    async def leave(self, community: str) -> None:
        """She is one no longer."""
        raise NotOffered(self.platform, community)

    async def hanger(self, answered: str) -> str | None:
        """What an answer to this hangs on here: itself, unless threads are too shallow; None where that is gone."""
        return answered

    # --- what is seen there -----------------------------------------------------------------------------------------

    @abstractmethod
    async def look(self) -> None:
        """Read what is new, so that people can answer it."""

    @abstractmethod
    async def sightings(self, community: str) -> list[Sighting]:
        """All that a space shows, in the order of its making; what a platform leaves in place of a deleted message is none."""

    async def shown(self, community: str) -> list[Shown]:
        """The same by our own numbers."""
        seen = _without_notice(await self.sightings(community))
        numbers = {one.native_id: word_of(one.text)[0] for one in seen}
        return _whole(
            Shown(
                *word_of(one.text), numbers.get(one.parent or ""), one.marks, one.accepted, one.deepest,
                sentences=sentences_of(one.text), quotes=None if one.quoted is None else word_of(one.quoted), fixed=one.fixed,
            )
            for one in seen
        )  # fmt: skip

    @abstractmethod
    async def traces(self, community: str) -> list[str]:
        """All words of its connector that readers may find in a space: in titles, histories and events that no client shows, too."""

    async def members(self, community: str) -> list[str] | None:
        """The names of those who take part in a space, sorted, none of ours among them; None where nobody is told."""
        del community
        return None

    def note(self, native_id: str, text: str) -> None:
        """Remember where a message lies here."""
        number, _ = word_of(text)
        if number is not None:
            self.natives.setdefault(number, native_id)

    def number_of(self, native_id: str) -> int | None:
        """The message that lies here under a native id."""
        return next((number for number, native in self.natives.items() if native == native_id), None)

    async def given_up(self) -> list[str]:
        """Native ids of messages of which the platform has given up telling us something."""
        return []

    # --- how it fails -----------------------------------------------------------------------------------------------

    async def fault(self, kind: str, **details: Any) -> bool:
        """Ask the twin for a fault; False where it does not know it. A twin that does not run has fault enough."""
        if kind in self.unknown_faults:
            return False
        with suppress(Refused, Unsure):
            await self._ask("POST", "/twin/faults", {"kind": kind, **self.scope(kind), **details}, {})
        return True

    def scope(self, kind: str) -> Mapping[str, Any]:
        """Whom a fault concerns, in the twin's words."""
        del kind
        return {}

    async def heal(self) -> None:
        """End all faults. Raises Refused or Unsure."""
        await self._ask("POST", "/twin/faults", {"kind": "none"}, {})

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]) -> Any:
        """One request of a person; the answer's JSON."""
        try:
            async with self.http.request(method, self.seat.url + path, json=body, headers=headers, timeout=PATIENCE) as answer:
                if answer.status != 200:
                    raise Refused(answer.status)
                return await answer.json() if answer.content_type == "application/json" else None
        except ClientConnectorError as error:
            raise Refused(0) from error
        except (ClientError, OSError, TimeoutError) as error:
            raise Unsure from error


def _without_notice(seen: list[Sighting]) -> list[Sighting]:
    """The space's messages but for the one notice that its connector keeps there; a second one is a stranger."""
    notice = next((one for one in seen if NOTICE in one.text), None)
    return [one for one in seen if one is not notice]


def _whole(seen: Iterable[Shown]) -> list[Shown]:
    """Messages with the sentences of their later parts, which hold no word of their own."""
    found: list[Shown] = []
    for one in seen:
        about = next((number for number, _, _ in one.sentences), None) if one.message is None else None
        place = next((place for place, other in enumerate(found) if about is not None and other.message == about), None)
        if place is None:
            found.append(one)
        else:
            found[place] = replace(found[place], sentences=found[place].sentences + one.sentences)
    return found
