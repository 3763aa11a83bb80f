"""What one node may hold of the door: bodies, requests that are being answered, and an answer after its key is worth nothing."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from hub.access import Right
from hub.crowd import Crowd, Crowded
from hub.node_door import outbound
from hub.node_door.answers import PIECE, Answer, TurnedAway
from hub.node_door.requests import BYTES_AT_ONCE, Signed
from hub.node_door.serving import Door, Poll, Post
from schemas.http_signature import SignedHead
from schemas.node_door import Cursor, Page
from schemas.wire.kafka import KafkaSettings
from tests.fakes_door import Alone

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

BODY = b"x" * (PIECE * 2 + 1)


def signed(node: str, stands: Callable[[Right], None] = lambda _: None) -> Signed:
    return Signed(node, SignedHead("key", None), (("content-length", "0"),), "", stands)


def keeper(who: Signed) -> Any:
    return SimpleNamespace(prove=lambda _scope, _right: who, witness=Alone())


async def answering(_signed: Signed, _body: bytes, _correlation: str) -> Answer:
    return Answer(200, BODY)


async def nothing() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


class Reader:
    """The other side: takes the first piece, and the others when it is let."""

    def __init__(self) -> None:
        self.goes_on = asyncio.Event()
        self.got: list[MutableMapping[str, Any]] = []

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if self.got and self.got[-1]["type"] == "http.response.body":
            await self.goes_on.wait()
        self.got.append(message)

    @property
    def status(self) -> int:
        return int(self.got[0]["status"])


SCOPE: dict[str, Any] = {"method": "POST", "headers": []}


def test_bodies_of_one_node_leave_room_for_the_others() -> None:
    crowd = Crowd(most_bytes=100)
    with crowd.room("wifip", 25):
        with pytest.raises(Crowded, match="too_many_requests"), crowd.room("wifip", 1):
            pass
        with crowd.room("education", 25):
            pass
    with crowd.room("wifip", 25):
        pass


async def test_a_node_that_does_not_read_its_answers_holds_no_more_of_them_than_its_share() -> None:
    door = Door(Post("events", Right.SPEAK, answering), keeper(signed("wifip")), Crowd(BYTES_AT_ONCE, at_once=1))
    slow, second = Reader(), Reader()
    first = asyncio.ensure_future(door(SCOPE, nothing, slow.send))
    while len(slow.got) < 2:  # noqa: ASYNC110 - the reader tells nobody
        await asyncio.sleep(0)
    assert len(slow.got[1]["body"]) == PIECE
    await door(SCOPE, nothing, second.send)
    assert second.status == 429
    slow.goes_on.set()
    await first
    assert b"".join(one["body"] for one in slow.got[1:]) == BODY
    third = Reader()
    third.goes_on.set()
    await door(SCOPE, nothing, third.send)
    assert third.status == 200


async def test_what_came_while_a_key_was_revoked_is_not_handed_to_who_waited_with_it() -> None:
    def revoked(_: Right) -> None:
        raise TurnedAway("key_revoked")

    async def poll(*_: object) -> Page:
        return Page("topic", (), Cursor(0, 0))

    async def receive() -> dict[str, Any]:
        if heard:
            await asyncio.Event().wait()
        heard.append(1)
        return await nothing()

    for stands, status in ((revoked, 401), (lambda _: None, 200)):
        heard: list[int] = []
        reader = Reader()
        reader.goes_on.set()
        outbound: Any = SimpleNamespace(poll=poll)
        door = Door(Poll("outbound", Right.RECEIVE, outbound), keeper(signed("wifip", stands)), Crowd(BYTES_AT_ONCE))
        await door({"method": "GET", "headers": []}, receive, reader.send)
        assert reader.status == status


async def test_an_end_that_nobody_tells_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "PATIENCE", 0.01)
    ends = outbound.Ends(KafkaSettings(bootstrap="127.0.0.1:1"))
    with pytest.raises(KafkaError):
        await ends.of(TopicPartition("node.wifip.outbound.v1", 0))
    assert not ends._waiting
