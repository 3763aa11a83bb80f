"""One private notice to who writes for the first time in a tied space: noted beside her message, sent apart from it."""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import structlog

from adapters import notice_text
from adapters.ledger import LedgerUnavailable
from adapters.notice_text import EVERYBODY, Telling
from adapters.offers import Greeting
from adapters.port import Later, Never, Written
from adapters.rounds import outlived
from schemas.sequence import PEERS
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from adapters.ledger import Ledger
    from adapters.offers import Greets
    from adapters.patience import Pause
    from adapters.port import WriteOutcome
    from adapters.registry import Trust
    from adapters.settings import Instance
    from adapters.ties import Ties

ROUND_SECONDS: Final = 2.0
TROUBLE_SECONDS: Final = 60.0
AT_ONCE: Final = 5
APART_SECONDS: Final = 1.0  # between two: messages need the RSE's allowance more
MOST_ATTEMPTS: Final = 8
FIRST_SECONDS, MOST_SECONDS = 60.0, 3600.0
NOTED: Final = 1_000  # first-time authors between two rounds; who is left out is noted with her next message
REMEMBERED: Final = 50_000
EXPECT: Final = """
    INSERT INTO greetings (instance, community, person, space, native_id, due_at)
    SELECT $1, c, p, s, n, clock_timestamp() FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS noted (c, p, s, n)
    ON CONFLICT DO NOTHING
"""
CLAIM: Final = """
    UPDATE greetings SET attempts = attempts + 1,
        due_at = clock_timestamp() + make_interval(secs => least($3::float, $2::float * power(2, attempts)))
    WHERE instance = $1 AND (person, community) IN (
        SELECT person, community FROM greetings WHERE instance = $1 AND state = 'due' AND due_at <= clock_timestamp()
        ORDER BY due_at LIMIT $4 FOR UPDATE SKIP LOCKED)
    RETURNING community, person, space, native_id, attempts
"""
FORGET: Final = "DELETE FROM greetings WHERE instance = $1 AND community = $2 AND person = $3"
SETTLE: Final = "UPDATE greetings SET state = $4, native_id = NULL WHERE instance = $1 AND community = $2 AND person = $3"
log = structlog.get_logger()


class Newcomer(NamedTuple):
    """Somebody's message that has just been published; `person` is her pseudonym, `native_id` the message by which her RSE knows her."""

    community: str
    person: str
    space: str
    native_id: str


class Newcomers:
    """Whom a process may have to greet, in memory: nothing here makes a message wait, and what a crash forgets her next message tells."""

    def __init__(self) -> None:
        self._noted: deque[Newcomer] = deque(maxlen=NOTED)
        self._seen: set[tuple[str, str]] = set()

    def note(self, newcomer: Newcomer) -> None:
        """Somebody's message is on its way."""
        who = (newcomer.community, newcomer.person)
        if who in self._seen:
            return
        if len(self._seen) >= REMEMBERED:
            self._seen.clear()  # the ledger knows them all
        self._seen.add(who)
        self._noted.append(newcomer)

    def take(self) -> list[Newcomer]:
        """Those noted since the last time."""
        taken = list(self._noted)
        self._noted.clear()
        return taken

    def forget(self, newcomer: Newcomer) -> None:
        """Nobody else heard her: her next message is looked at like a first one."""
        self._seen.discard((newcomer.community, newcomer.person))

    def give_back(self, newcomers: Iterable[Newcomer]) -> None:
        """They could not be noted yet."""
        self._noted.extendleft(reversed(list(newcomers)))


@dataclass(frozen=True, slots=True)
class Due:
    """A greeting that this process has in hand for as long as its next attempt is away."""

    newcomer: Newcomer
    attempts: int


class Register:
    """The ledger's half: who is to be greeted, who was."""

    def __init__(self, ledger: Ledger, instance: str) -> None:
        self._ledger, self._instance = ledger, instance

    async def expect(self, newcomers: Iterable[Newcomer]) -> None:
        """Note those who were never greeted in that community."""
        columns = [list(column) for column in zip(*newcomers, strict=True)]
        async with self._ledger.connection() as connection:
            await connection.execute(EXPECT, self._instance, *columns)

    async def claim(self) -> list[Due]:
        """Take in hand whose time it is; each attempt is counted before it is made, and puts off the next."""
        async with self._ledger.connection() as connection:
            rows = await connection.fetch(CLAIM, self._instance, FIRST_SECONDS, MOST_SECONDS, AT_ONCE)
        return [Due(Newcomer(row["community"], row["person"], row["space"], row["native_id"]), row["attempts"]) for row in rows]

    async def forget(self, newcomer: Newcomer) -> None:
        """She is to be greeted with another message."""
        async with self._ledger.connection() as connection:
            await connection.execute(FORGET, self._instance, newcomer.community, newcomer.person)

    async def settle(self, newcomer: Newcomer, state: str) -> None:
        """She was told, or never will be; which message it was is forgotten."""
        async with self._ledger.connection() as connection:
            await connection.execute(SETTLE, self._instance, newcomer.community, newcomer.person, state)


@dataclass(frozen=True, slots=True)
class Greeter:
    """Sends the private notices of one instance, one after the other."""

    name: str
    instance: Instance
    client: Greets
    newcomers: Newcomers
    register: Register
    ties: Ties
    trust: Trust
    pause: Pause
    link: str
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def run(self) -> None:
        """Greet for ever; whatever goes wrong here ends nothing else."""
        while True:
            await self.sleep(await outlived("greetings", self.name, self.round, TROUBLE_SECONDS))

    async def round(self) -> float:
        """Note who came, greet whose time it is; seconds until the next round."""
        noted = self._overheard(self.newcomers.take())
        try:
            if noted:
                await self.register.expect(noted)
        except LedgerUnavailable:
            self.newcomers.give_back(noted)
            raise
        if self.pause.paused:
            return ROUND_SECONDS
        for due in await self.register.claim():
            wish = await self._greet(due)
            if wish is not None:
                return max(wish, ROUND_SECONDS)
            await self.sleep(APART_SECONDS)
        return ROUND_SECONDS

    def _overheard(self, noted: Iterable[Newcomer]) -> list[Newcomer]:
        """Those whom somebody else hears. Who is alone in her community is looked at again with her next message; where nobody knows yet, later."""
        heard: list[Newcomer] = []
        unknown: list[Newcomer] = []
        for newcomer in noted:
            if not self.ties.company(newcomer.community):
                unknown.append(newcomer)
            elif self._others(newcomer.community):
                heard.append(newcomer)
            else:
                self.newcomers.forget(newcomer)
        self.newcomers.give_back(unknown)
        return heard

    def _others(self, community: str) -> list[str]:
        """The other nodes that hear a community, and the name for servers of others."""
        return [node for node in self.ties.company(community) if node != self.instance.node]

    async def _greet(self, due: Due) -> float | None:
        """One attempt; the seconds for which the RSE wants to be left alone, if it does."""
        if not self._others(due.newcomer.community):  # a notice that names nobody would be the only one
            await self.register.forget(due.newcomer)
            self.newcomers.forget(due.newcomer)
            return None
        greeting = self._greeting(due)
        if greeting is None:
            await self.register.settle(due.newcomer, "given_up")  # the tie has ended meanwhile: there is nothing to tell her
            return None
        outcome: WriteOutcome = await self.client.greet(greeting)
        Metric.notices.labels(self.name, "person", type(outcome).__name__.lower()).inc()
        log.info("greeting", instance=self.name, community=due.newcomer.community, outcome=type(outcome).__name__, attempts=due.attempts)
        match outcome:
            case Written():
                await self.register.settle(due.newcomer, "told")
            case Never():
                await self.register.settle(due.newcomer, "given_up")
            case Later(after=after):
                if due.attempts >= MOST_ATTEMPTS:
                    await self.register.settle(due.newcomer, "given_up")
                return after or ROUND_SECONDS
        return None

    def _greeting(self, due: Due) -> Greeting | None:
        newcomer, registry = due.newcomer, self.trust.current()
        tie = self.ties.of(newcomer.space)
        if tie is None or tie.community != newcomer.community:
            return None
        names = {PEERS: EVERYBODY} | ({node.id: node.organisation for node in registry.document.nodes} if registry is not None else {})
        others = [names.get(node, node) for node in self._others(newcomer.community)]
        telling = Telling(tie.title, others, self.instance.mark, self.link)
        title, content = notice_text.person_title(telling), notice_text.to_person(telling)
        return Greeting(greeting_key(newcomer), newcomer.native_id, newcomer.space, title, content, due.attempts > 1)


def greeting_key(newcomer: Newcomer) -> str:
    """The same at each attempt; tells nothing of her."""
    return "tdu-bienvenue-" + hashlib.sha256(f"{newcomer.community}\0{newcomer.person}".encode()).hexdigest()[:24]
