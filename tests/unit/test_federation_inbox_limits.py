"""How much one peer may have the inboxes hold, remember and wait for."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pytest

from hub.crowd import Crowd
from hub.federation import inbox
from hub.federation.inbox import BYTES_AT_ONCE
from schemas.nonces import Nonces
from tests.fakes_abroad import HERE, RSA, Door, Person, RemoteActor, RemoteKey, peer, signed, signed_by_cavage, written
from tests.fakes_asgi import call

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

ALICE = Person("https://social.example/users/alice")
CAROL = Person("https://ailleurs.example/users/carol")
OLD = Person(RSA.key_id.partition("#")[0], "Group", "Ancien")


def door(crowd: Crowd | None = None) -> Door:
    made = Door(crowd=crowd or Crowd(BYTES_AT_ONCE))
    made.admit(ALICE, CAROL)
    return made


async def outcome(opened: Door, receive: Callable[[], Awaitable[Any]]) -> str:
    """The reason for which a request is refused whose body comes from here."""
    body = written(ALICE.creates())
    fields = [(name.encode(), said.encode()) for name, said in signed(ALICE, body).items()]
    scope = {
        "type": "http", "method": "POST", "scheme": "https", "path": "/inbox", "raw_path": b"/inbox", "query_string": b"", "root_path": "",
        "headers": [*fields, (b"host", b"hub.example")], "client": None, "server": None,
    }  # fmt: skip
    came: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        came.append(message)

    await opened.app(scope, receive, send)
    return str(came[1]["body"].decode().partition('"reason":')[2].split('"')[1])


async def test_who_hangs_up_within_a_body_is_told_that_it_took_too_long() -> None:
    async def gone() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    assert await outcome(door(), gone) == "body_too_slow"


async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "BODY_SECONDS", 0.0)

    async def never() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    assert await outcome(door(), never) == "body_too_slow"


async def test_one_peers_bytes_are_its_own_share() -> None:
    small = door(Crowd(most_bytes=400))
    answer = await small.bring(ALICE, ALICE.creates())
    assert (answer.status, answer.json()["reason"]) == (429, "too_many_requests")


async def test_bytes_that_all_peers_hold_together_have_an_end() -> None:
    full = door(Crowd(most_bytes=8_000))
    for number in range(4):
        full.crowd.take(f"{number}.example", 2_000)
    answer = await full.bring(ALICE, ALICE.creates())
    assert (answer.status, answer.json()["reason"]) == (503, "door_busy")


async def test_a_peer_that_fills_its_memory_of_signatures_is_asked_to_come_again_and_the_others_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Nonces.__init__, "__defaults__", (2,))
    opened = door()
    for number in range(2):
        assert (await opened.bring(ALICE, ALICE.creates(path=f"acts/{number}"))).status == 202
    answer = await opened.bring(ALICE, ALICE.creates(path="acts/3"))
    assert (answer.status, answer.json()["reason"]) == (503, "nonce_memory_full")
    assert (await opened.bring(CAROL, CAROL.creates())).status == 202


@pytest.mark.parametrize("scheme", ["rfc9421", "cavage"])
@pytest.mark.parametrize("second", [0, 1, 29])
async def test_what_was_taken_once_is_never_taken_again_however_long_one_waits(second: int, scheme: str) -> None:
    """It is remembered for as long as it could be used, and not a second less."""
    opened = door()
    opened.now += timedelta(seconds=second)
    opened.peers |= {"old.example": peer("old.example", cavage=True)}
    opened.abroad.actors[OLD.id] = RemoteActor(
        OLD.id, "Group", "Ancien", OLD.id + "/inbox", keys=(RemoteKey(RSA.key_id, OLD.id, RSA.public),)
    )
    if scheme == "cavage":
        body = written(OLD.does("Announce", OLD.note()))
        fields = signed_by_cavage(body, now=opened.now)
    else:
        body = written(ALICE.creates())
        fields = signed(ALICE, body, now=opened.now)
    assert (await opened.post(body, fields)).status == 202
    answers = []
    for _ in range(700):
        answers.append((await opened.post(body, fields)).json()["reason"])
        opened.now += timedelta(seconds=1)
    assert [reason for reason, _ in groupby(answers)] == ["signature_replayed", "signature_expired", "signature_too_old"]
    assert len(opened.kafka.records) == 1


async def test_the_same_body_is_taken_where_there_is_room() -> None:
    body = written(ALICE.creates())
    answer = await call(door().app, "/inbox", headers={"host": HERE.base[8:], **signed(ALICE, body)}, method="POST", body=body)
    assert answer.status == 202
