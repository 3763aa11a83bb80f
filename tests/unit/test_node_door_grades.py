"""What the node door takes of a node that may not speak: event by event what the Kafka way takes, and the rest refused by the same names."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import pytest

from hub.access import RIGHTS, Right, Speech, node_may, right_to_say, why_not_speak
from hub.door import node_door
from hub.node_door.parts import Parts
from hub.node_door.requests import Doorkeeper
from hub.node_door.trust import DoorTrust
from schemas.facts import FACTS, TakenBack
from schemas.facts.moderation import MessageModerated
from schemas.facts.tie import TieAccepted
from schemas.manifest import Grade
from schemas.node_door import BATCH
from schemas.nonces import Nonces
from schemas.wire.publisher import Place
from tests.fakes_door import Alone
from tests.forgeries.cast import GONE, LAPSED, OBSERVER, SUSPENDED, Cast
from tests.forgeries.drafts import Draft, drafted, signed
from tests.forgeries.post import deliver

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.keys import SigningKey
    from schemas.manifest import Registry
    from schemas.wire.publisher import Sendable
    from tests.forgeries.post import Answer

URL: Final = "http://127.0.0.1:8401"
SILENT: Final = {OBSERVER: "node_observes", SUSPENDED: "node_not_admitted", LAPSED: "manifest_expired"}
POSTED, EDITED, DELETED, LIKED, UNLIKED, LEFT = (
    f"fr.gouv.rse.{name}.v1"
    for name in ("message.posted", "message.edited", "message.deleted", "reaction.added", "reaction.removed", "membership.left")
)


class Kept:
    """The records that Kafka would have acknowledged."""

    ready = True

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []

    async def publish(self, records: Sequence[Sendable]) -> list[Place]:
        first = len(self.said)
        for record in records:
            headers = dict(record.headers)
            self.said.append((headers["ce_type"].decode(), headers["ce_subject"].decode()))
        return [Place("rse.inbound.v1", 0, first + number) for number in range(len(records))]


class Door:
    """The routes as they are served, with a producer that keeps all."""

    def __init__(self) -> None:
        self.cast, self.kept = Cast(), Kept()

    def _key(self, node: str) -> SigningKey:
        return {
            OBSERVER: self.cast.observer, SUSPENDED: self.cast.suspended, LAPSED: self.cast.lapsed, GONE: self.cast.gone,
            "wifip": self.cast.own,
        }[node]  # fmt: skip

    async def take(self, node: str, *events: tuple[str, str]) -> Answer:
        registry = self.cast.open()

        async def read() -> Registry:
            return registry

        trust = DoorTrust(read, lambda: datetime.now(UTC))
        await trust.refresh()
        keeper = Doorkeeper(URL, trust, Nonces(), Alone(), lambda: datetime.now(UTC))
        app = node_door(Parts(keeper, self.kept, None))  # type: ignore[arg-type]  # fakes
        key = self._key(node)
        return await deliver(
            app,
            signed(drafted(Draft("POST", f"{URL}/nodes/{node}/events", key.sign, key.key_id, time.time(), batch(node, *events), BATCH))),
        )


def batch(node: str, *events: tuple[str, str]) -> bytes:
    records = [
        {
            "value": base64.b64encode(b'{"space":"12"}').decode(),
            "headers": [["ce_source", node], ["ce_id", "0" * 32], ["ce_type", kind], ["ce_subject", subject], ["content-type", "application/json"]],
        }
        for kind, subject in events
    ]  # fmt: skip
    return json.dumps({"records": records}).encode()


@pytest.mark.parametrize("node", SILENT)
async def test_who_may_not_speak_may_take_back_what_it_said(node: str) -> None:
    door = Door()
    answer = await door.take(node, (DELETED, "m1"), (UNLIKED, "r1"), (LEFT, "p1"))
    assert answer.status == 202
    assert door.kept.said == [(DELETED, "m1"), (UNLIKED, "r1"), (LEFT, "p1")]


@pytest.mark.parametrize(("node", "reason"), SILENT.items())
async def test_the_rest_of_a_batch_is_refused_one_by_one_and_by_name(node: str, reason: str) -> None:
    door = Door()
    answer = await door.take(node, (POSTED, "m1"), (DELETED, "m2"), (LIKED, "r1"), (UNLIKED, "r2"))
    said: dict[str, Any] = json.loads(answer.body)
    assert (answer.status, said["reason"]) == (207, reason)
    assert [(one["record"], one["offset"]) for one in said["accepted"]] == [(1, 0), (3, 1)]
    assert [(one["record"], one["reason"]) for one in said["refused"]] == [(0, reason), (2, reason)]
    assert all(one["title"] for one in said["refused"])
    assert door.kept.said == [(DELETED, "m2"), (UNLIKED, "r2")]


@pytest.mark.parametrize(("node", "reason"), SILENT.items())
async def test_what_is_all_refused_keeps_its_status_and_its_name(node: str, reason: str) -> None:
    door = Door()
    answer = await door.take(node, (POSTED, "m1"), (EDITED, "m2"))
    assert (answer.status, answer.reason, door.kept.said) == (403, reason, [])


async def test_nothing_overtakes_what_was_refused_of_the_same_object() -> None:
    door = Door()
    answer = await door.take(OBSERVER, (EDITED, "m1"), (DELETED, "m1"), (DELETED, "m2"))
    assert [one["record"] for one in json.loads(answer.body)["refused"]] == [0, 1]
    assert door.kept.said == [(DELETED, "m2")]


async def test_who_speaks_is_answered_as_ever_and_who_has_left_takes_nothing_back() -> None:
    door = Door()
    assert (await door.take("wifip", (POSTED, "m1"), (DELETED, "m1"))).status == 202
    answer = await door.take(GONE, (DELETED, "m1"))
    assert (answer.status, answer.reason) == (403, "node_not_admitted")
    assert door.kept.said == [(POSTED, "m1"), (DELETED, "m1")]


async def test_an_observer_ties_its_space_through_the_door_and_a_suspended_node_does_not() -> None:
    door = Door()
    assert (await door.take(OBSERVER, (TieAccepted.event_type, "tie/armees/12"))).status == 202
    assert (await door.take(SUSPENDED, (TieAccepted.event_type, "tie/diplomatie/12"))).status == 403


@pytest.mark.parametrize(("grade", "kind"), list(product(Grade, FACTS.values())))
def test_the_door_asks_of_an_event_what_the_worker_asks_at_most_of_it(grade: Grade, kind: type[Any]) -> None:
    takes_back = issubclass(kind, TakenBack)
    speech = Speech(grade, tied=True, owner=True, subject_is_its_own=True, takes_back=takes_back)
    if kind is MessageModerated:
        return  # the hub's word: the worker refuses it of any node, by a name of its own
    if right_to_say(kind.event_type) in {Right.SPEAK, Right.FORGET} and kind.event_type != "fr.gouv.rse.resync.requested.v1":
        assert node_may(grade, right_to_say(kind.event_type)) is (why_not_speak(speech) is None)


def test_who_may_speak_may_say_all_that_an_event_can_be() -> None:
    assert all(set(map(right_to_say, FACTS)) <= rights for rights in RIGHTS.values() if Right.SPEAK in rights)
