"""A database's address reaches the driver as its owner wrote it: with its options, its hosts and what it demands."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from adapters import ledger
from hub.storage import engine

ADDRESSES = (
    "postgresql://hub:secret@base.example/traitdunion?sslmode=verify-full&application_name=traitdunion",
    "postgresql://hub:secret@a.example:5432,b.example:5433/traitdunion?target_session_attrs=read-write",
    "postgres://hub:secret@[2001:db8::7]:5432/traitdunion",
)


class Asked(ConnectionError):
    """The driver was asked to connect."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses under which the driver was asked to connect."""
    found: list[str] = []

    async def connect(address: str, **_: Any) -> Any:
        found.append(address)
        raise Asked

    monkeypatch.setattr(asyncpg, "connect", connect)
    return found


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("written", ["postgres", "postgresql+asyncpg"])
def test_the_hub_hands_an_address_on_whole(address: str, written: str, asked: list[str]) -> None:
    given = address if written == "postgres" else address.replace("postgresql://", "postgresql+asyncpg://")
    with pytest.raises(Asked):
        asyncio.run(engine.migrate(given))
    assert asked == [address]


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_connectors_migration_hands_an_address_on_whole(address: str, asked: list[str]) -> None:
    with pytest.raises(Asked):
        ledger.migrate(address)
    assert asked == [address]
