"""A receipt by a key that we do not know, while its server's registry cannot be asked, is no forgery yet: it is to be brought again, for a while."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hub.federation.absences import FORGOTTEN, WAITED
from hub.federation.acknowledgements import MEMBER
from hub.federation.delivery import Later, Scheme, judge
from hub.federation.remote import PASSING, Reason
from hub.registry.peers import PeerKind
from schemas.peer_receipt import Acknowledged, Fate, PeerReceipt
from schemas.wire.destinations import Absence, Refusal
from tests.fakes_abroad import COMMUNITY, HERE, NOW, Door, Person
from tests.unit.test_anchors_abroad import AFTER, BEFORE, NEW, OLD, OPSI, THIEF, registry

if TYPE_CHECKING:
    from enum import StrEnum

    from schemas.keys import SigningKey

SERVER = Person(OPSI.host_actor, "Service", "OPSI")
UNAVAILABLE, INVALID = (503, "peer_registry_unavailable"), (403, "receipt_proof_invalid")


class Opsi:
    """Their server brings receipts; their registry is served on its own, since a server may show its actors and not that."""

    def __init__(self) -> None:
        self.door, self.brought = Door(), 0
        self.door.admit(SERVER)
        self.door.peers[SERVER.server] = replace(self.door.peers[SERVER.server], kind=PeerKind.TRAITDUNION, anchor=OLD.public.multibase)
        self.served: bytes | StrEnum = BEFORE
        self.door.abroad.registry = self.registry  # type: ignore[method-assign]  # only this document is away

    async def registry(self, origin: str, budget: Any) -> bytes | StrEnum:
        del budget
        self.door.abroad.asked.append(origin)
        return self.served

    async def gives(self, signer: SigningKey | None) -> tuple[int, str]:
        """Status and reason of a new receipt."""
        self.brought += 1
        said = PeerReceipt(
            issuer="opsi.example", addressee="hub.example", issued=NOW,
            deliveries=(Acknowledged(activity=HERE.announce("0" * 32), digest="1" * 64, fate=Fate.NOTED),),
        )  # fmt: skip
        document = said.signed(signer or THIEF)
        if signer is None:
            del document["proof"]
        receipt = {**SERVER.does("Receipt", HERE.host_actor, f"receipts/{self.brought}", to=[HERE.host_actor]), MEMBER: document}
        answer = await self.door.bring(SERVER, receipt)
        if answer.status == 503:
            assert answer.headers["retry-after"] == "30"
            assert isinstance(judge(answer.status, 30.0, Scheme.ED25519), Later)
        return answer.status, json.loads(answer.body)["reason"] if answer.body else ""


@pytest.mark.parametrize("why", sorted(PASSING))
@pytest.mark.parametrize("read", [False, True], ids=["never read", "read before"])
async def test_a_receipt_that_cannot_be_checked_now_is_to_be_brought_again(why: StrEnum, read: bool) -> None:  # noqa: FBT001 - a parameter of the test
    opsi = Opsi()
    if read:
        assert await opsi.gives(THIEF) == INVALID
        opsi.door.now += timedelta(minutes=5)
    opsi.served = why
    assert await opsi.gives(NEW) == UNAVAILABLE
    opsi.served = AFTER
    opsi.door.now += timedelta(seconds=30)
    assert await opsi.gives(NEW) == (202, "")


async def test_a_key_that_is_known_is_judged_without_asking() -> None:
    opsi = Opsi()
    opsi.served = Absence.TIMEOUT
    assert await opsi.gives(OLD) == (202, "")
    assert OPSI.base not in opsi.door.abroad.asked


async def test_a_receipt_that_names_no_key_needs_no_registry_to_be_refused() -> None:
    opsi = Opsi()
    opsi.served = Absence.TIMEOUT
    assert await opsi.gives(None) == INVALID
    assert OPSI.base not in opsi.door.abroad.asked


@pytest.mark.parametrize("why", [Reason.UNAVAILABLE, *(one for one in Refusal if one not in PASSING)])
async def test_what_its_server_no_longer_has_or_a_rule_forbids_proves_nothing_later_either(why: StrEnum) -> None:
    opsi = Opsi()
    opsi.served = why
    assert await opsi.gives(NEW) == INVALID


@pytest.mark.parametrize("served", [BEFORE, registry(THIEF, 9, keys=[]), b"{}"], ids=["does not name it", "another's", "none"])
async def test_what_was_answered_is_a_refusal(served: bytes) -> None:
    opsi = Opsi()
    opsi.served = served
    assert await opsi.gives(THIEF) == INVALID


async def test_a_registry_that_is_away_too_long_holds_up_nobody() -> None:
    """Their server brings all in order: what it says beside receipts would wait as long."""
    opsi = Opsi()
    opsi.served = Absence.TIMEOUT
    assert await opsi.gives(NEW) == UNAVAILABLE
    opsi.door.now += WAITED - timedelta(seconds=1)
    assert await opsi.gives(NEW) == UNAVAILABLE
    opsi.door.now += timedelta(seconds=1)
    assert await opsi.gives(NEW) == INVALID
    opsi.door.now += FORGOTTEN
    assert await opsi.gives(NEW) == UNAVAILABLE


async def test_a_registry_that_was_read_ends_an_absence_and_their_other_pages_do_not() -> None:
    opsi = Opsi()
    opsi.served = Absence.TIMEOUT
    assert await opsi.gives(NEW) == UNAVAILABLE
    opsi.door.now += timedelta(minutes=45)
    opsi.served = BEFORE
    assert await opsi.gives(NEW) == INVALID
    opsi.door.now += timedelta(minutes=45)
    opsi.served = Absence.TIMEOUT
    assert await opsi.gives(NEW) == UNAVAILABLE
    opsi.door.now += timedelta(minutes=59)
    assert (await opsi.door.bring(SERVER, SERVER.does("Follow", HERE.group(COMMUNITY), "acts/f"))).status == 202
    opsi.door.now += timedelta(minutes=1)
    assert await opsi.gives(NEW) == INVALID
