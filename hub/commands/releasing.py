"""traitdunion nodes | peers release: the end of a quarantine, and what was parked meanwhile read again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.commands import admission, terminal

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.unit_of_work import UnitOfWork
    from schemas.application import Kind
    from schemas.keys import SigningKey


def release(kind: Kind, name: str, reason: str) -> None:
    """End somebody's quarantine in one's own name, then read again what was parked, and say so."""
    from hub.operations import releasing
    from hub.settings import HubSettings

    async def use(work: UnitOfWork) -> bool:
        return await releasing.release(kind, name, reason, await terminal.presence(work), work)

    rules = terminal.hub_rules(HubSettings())
    ended = admission.acting(kind, name, use, rules)
    state = "sort de quarantaine" if ended else "n'est pas en quarantaine"
    terminal.say(f"{name} {state} ; enregistrements rejoués : {_replayed(kind, name, rules.key.held())}.")


def _replayed(kind: Kind, name: str, key: SigningKey) -> int:
    """Also where nothing ended: a release that stopped half-way goes on where it was."""
    from hub.operations import replay
    from schemas.wire.kafka import KafkaSettings, TopicNames

    names = TopicNames()
    start = terminal.reading(lambda connection: replay.progress(connection, kind, name, names))
    with terminal.named_errors():
        done = replay.replay(KafkaSettings(), names, kind, name, start, key)

    async def remember(connection: AsyncConnection) -> None:
        await replay.remember(connection, kind, name, names, done.reached)
        await connection.commit()

    terminal.reading(remember)
    return done.records
