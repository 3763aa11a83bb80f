"""Which signatures any door has taken: kept in PostgreSQL for as long as they could be used, whatever becomes of the doors."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

import asyncpg
import structlog

from hub.node_door.answers import TurnedAway

if TYPE_CHECKING:
    from schemas.http_signature import SignedHead

AT_ONCE: Final = 500
PATIENCE: Final = 3.0
AGAIN_SECONDS: Final = 0.5
TIDY_SECONDS: Final = 60.0
KEEP: Final = """
    INSERT INTO hub.signatures_seen SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[]) ON CONFLICT DO NOTHING
    RETURNING key_id, nonce
"""
FORGET: Final = "DELETE FROM hub.signatures_seen WHERE until < now() - interval '1 minute'"
DOWN: Final = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
log = structlog.get_logger()


class Witness(Protocol):
    """Remembers for all doors; each keeps a memory of its own beside it, which is asked first."""

    @property
    def ready(self) -> bool:
        """Whether it can be asked."""
        ...

    async def take(self, head: SignedHead) -> None:
        """Return once the signature is known to be taken by us, the first; raises TurnedAway."""
        ...

    async def run(self) -> None:
        """Work until cancelled."""
        ...


@dataclass(frozen=True, slots=True)
class _Asked:
    head: SignedHead
    first: asyncio.Future[bool] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def place(self) -> tuple[str, str]:
        return self.head.key_id, self.head.nonce

    def answer(self, *, first: bool) -> None:
        if not self.first.done():  # its request may have gone
            self.first.set_result(first)


class SharedWitness:
    """One connection and one statement at a time, for all requests that came meanwhile.

    Commits wait for no disk: a crash of the server may forget the last half second, which the doors' own memories still know.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiting: list[_Asked] = []
        self._awake = asyncio.Event()
        self._connected = False

    @property
    def ready(self) -> bool:
        """Whether PostgreSQL answered when last asked."""
        return self._connected

    async def take(self, head: SignedHead) -> None:
        """Raises TurnedAway: `signature_replayed`, or `witness_unavailable` where PostgreSQL does not answer."""
        if not self._connected:
            raise TurnedAway("witness_unavailable")
        asked = _Asked(head)
        self._waiting.append(asked)
        self._awake.set()
        try:
            first = await asked.first
        except ConnectionError as error:
            raise TurnedAway("witness_unavailable") from error
        if not first:
            raise TurnedAway("signature_replayed")

    async def run(self) -> None:
        """Keep what is asked, by one connection that is made anew when it is lost."""
        while True:
            try:
                await self._connect_and_keep()
            except DOWN as error:
                log.warning("witness_lost", error=type(error).__name__)
            finally:
                self._connected = False
                self._dismiss(self._waiting)
                self._waiting = []
            await asyncio.sleep(AGAIN_SECONDS)

    async def _connect_and_keep(self) -> None:
        settings = {"synchronous_commit": "off", "application_name": "traitdunion-door"}
        connection = await asyncpg.connect(self._url, timeout=PATIENCE, command_timeout=PATIENCE, server_settings=settings)
        try:
            await connection.execute(FORGET)
            self._connected = True
            await self._keep_for_ever(connection)
        finally:
            connection.terminate()

    async def _keep_for_ever(self, connection: Any) -> None:
        clock = asyncio.get_running_loop().time
        tidied = clock()
        while True:
            try:
                async with asyncio.timeout(TIDY_SECONDS):
                    await self._awake.wait()
            except TimeoutError:
                pass
            else:
                await self._keep(connection)
            if clock() - tidied >= TIDY_SECONDS:
                await connection.execute(FORGET)
                tidied = clock()

    async def _keep(self, connection: Any) -> None:
        batch, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
        if not self._waiting:
            self._awake.clear()
        ordered = sorted(batch, key=lambda asked: asked.place)  # two doors that keep the same ones must not wait for each other
        until = [datetime.fromtimestamp(asked.head.until, UTC) for asked in ordered]
        try:
            rows = await connection.fetch(KEEP, [asked.head.key_id for asked in ordered], [asked.head.nonce for asked in ordered], until)
        except BaseException:
            self._dismiss(batch)
            raise
        kept = {(row["key_id"], row["nonce"]) for row in rows}
        for asked in batch:
            asked.answer(first=asked.place in kept)

    def _dismiss(self, waiting: list[_Asked]) -> None:
        """Let nobody wait for a database that is gone: each signs anew and comes again."""
        for asked in waiting:
            if not asked.first.done():
                asked.first.set_exception(ConnectionError("lost"))
                asked.first.exception()  # whoever asked may have gone: an exception that nobody fetches is written to the log
