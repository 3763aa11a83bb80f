"""A request that waited is judged once more, and a body is read no further than it may be long or slow."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hub.access import Right
from hub.crowd import Crowd
from hub.node_door import requests
from hub.node_door.answers import TurnedAway
from hub.node_door.requests import BYTES_AT_ONCE, Doorkeeper, Signed, body_of
from schemas.http_signature import SignedHead
from schemas.manifest import Grade, Registry
from schemas.nonces import Nonces
from tests.fakes_door import Alone
from tests.forgeries.cast import NODE, Cast
from tests.forgeries.drafts import signed
from tests.forgeries.node_door import bases

if TYPE_CHECKING:
    from starlette.types import Scope

URL = "http://127.0.0.1:8401"


@dataclass
class Trust:
    """A registry that a test takes away or changes."""

    registry: Registry | None

    def current(self) -> Registry | None:
        return self.registry


@dataclass
class Waiting:
    """A poll whose signature was proved a while ago."""

    cast: Cast = field(default_factory=Cast)

    def __post_init__(self) -> None:
        self.trust = Trust(self.cast.open())
        keeper = Doorkeeper(URL, self.trust, Nonces(), Alone(), lambda: datetime.now(UTC))  # type: ignore[arg-type]  # a fake
        poll = next(base for base in bases(URL, self.cast) if "query" in base.tags)
        wire = signed(poll.make())
        path, _, query = wire.target.partition("?")
        scope: Scope = {
            "method": wire.method, "path_params": {"node": NODE}, "raw_path": path.encode(), "query_string": query.encode(),
            "headers": [(name.encode(), said.encode()) for name, said in wire.fields],
        }  # fmt: skip
        self.request = keeper.prove(scope, Right.RECEIVE)

    def now_says(self, document: dict[str, Any]) -> None:
        assert self.trust.registry is not None
        kept = self.trust.registry
        self.trust.registry = Registry(kept.document.model_copy(update=document), kept.unparsed, kept._keys)


def test_who_waited_is_let_go_on_while_nothing_changed() -> None:
    Waiting().request.stands(Right.RECEIVE)


def test_who_waited_while_the_registry_expired_is_turned_away() -> None:
    waiting = Waiting()
    waiting.trust.registry = None
    with pytest.raises(TurnedAway, match="registry_unavailable"):
        waiting.request.stands(Right.RECEIVE)


def test_who_waited_while_its_node_was_suspended_is_turned_away() -> None:
    waiting = Waiting()
    assert waiting.trust.registry is not None
    nodes = tuple(entry.model_copy(update={"grade": Grade.SUSPENDED}) for entry in waiting.trust.registry.document.nodes)
    waiting.now_says({"nodes": nodes})
    with pytest.raises(TurnedAway, match="node_not_admitted"):
        waiting.request.stands(Right.RECEIVE)


def test_who_waited_while_its_manifest_expired_is_turned_away_from_speaking_and_from_nothing_else() -> None:
    for right in Right:
        waiting = Waiting()
        assert waiting.trust.registry is not None
        ended = {"manifest_expires": datetime.now(UTC) - timedelta(seconds=1)}
        waiting.now_says({"nodes": tuple(entry.model_copy(update=ended) for entry in waiting.trust.registry.document.nodes)})
        if right is Right.SPEAK:
            with pytest.raises(TurnedAway, match="manifest_expired"):
                waiting.request.stands(right)
        else:
            waiting.request.stands(right)


def test_who_waited_while_its_node_left_the_registry_is_turned_away() -> None:
    waiting = Waiting()
    waiting.now_says({"nodes": ()})
    with pytest.raises(TurnedAway, match="node_unknown"):
        waiting.request.stands(Right.RECEIVE)


def test_who_waited_while_its_key_was_forgotten_is_turned_away() -> None:
    waiting = Waiting()
    waiting.trust.registry = Cast().open()
    with pytest.raises(TurnedAway, match="key_unknown"):
        waiting.request.stands(Right.RECEIVE)


def a_request(*fields: tuple[str, str]) -> Signed:
    return Signed(NODE, SignedHead(f"{NODE}#z", "sha-256=::"), fields, "", lambda _: None)


async def test_a_body_that_grows_past_what_is_taken_is_not_read_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "BODY_LIMIT", 10)
    read = []

    async def receive() -> dict[str, Any]:
        read.append(1)
        return {"type": "http.request", "body": b"x" * 6, "more_body": True}

    with pytest.raises(TurnedAway, match="body_too_large"):
        async with body_of(a_request(), receive, Crowd(BYTES_AT_ONCE)):
            pass
    assert len(read) == 2


async def test_a_body_that_was_declared_too_large_is_not_read_at_all() -> None:
    async def receive() -> dict[str, Any]:
        raise AssertionError

    with pytest.raises(TurnedAway, match="body_too_large"):
        async with body_of(a_request(("content-length", "999999999")), receive, Crowd(BYTES_AT_ONCE)):
            pass


async def test_who_leaves_in_the_middle_of_a_body_is_told_by_its_name() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    with pytest.raises(TurnedAway, match="body_too_slow"):
        async with body_of(a_request(), receive, Crowd(BYTES_AT_ONCE)):
            pass
