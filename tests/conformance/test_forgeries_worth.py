"""The table of forgeries proves something: switch any single check of the node door off, and a forgery passes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import pytest

from hub import access
from hub.access import Right
from hub.node_door import inbox, requests
from hub.node_door.inbox import Inbox
from hub.node_door.requests import Doorkeeper
from hub.node_door.serving import Poll, Post, application
from hub.node_door.trust import DoorTrust
from schemas import content_digest, manifest, registry_parts, structured
from schemas import node_door as paths
from schemas.http_signature import message, verifying
from schemas.manifest import Grade
from schemas.node_door import Cursor, Page
from schemas.nonces import Nonces
from schemas.wire.publisher import Place
from tests.fakes_door import Alone
from tests.forgeries import node_door
from tests.forgeries.cast import Cast
from tests.forgeries.checks import Check, checks_of, switched_off
from tests.forgeries.drafts import signed
from tests.forgeries.grades import read_worse
from tests.forgeries.post import deliver
from tests.forgeries.signatures import against

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import ASGIApp

    from schemas.manifest import Registry
    from schemas.wire.publisher import Sendable

URL: Final = "http://127.0.0.1:8401"
CAST: Final = Cast()
OF_KEYS: Final = {"Registry.key_at", "KeyEntry.state_at"}
"""How the registry answers for a key; its other checks judge the document: `test_forgeries_anchors.py`."""
NO_REFUSALS: Final = {"registry_parts.KeyEntry.state_at: KeyState.RETIRING", "registry_parts.KeyEntry.state_at: KeyState.ACTIVE"}
CHECKS: Final = [
    *checks_of(verifying, message, requests, inbox, content_digest, structured),
    *(one for one in checks_of(manifest, registry_parts) if one.where in OF_KEYS and one.name not in NO_REFUSALS),
]

BEHIND: Final = {
    "verifying._chosen: Reason.MISSING": "a field that is not there cannot be read",
    "verifying._claim: Reason.AMBIGUOUS": "a label that is not there has no signature",
    "verifying._component: Reason.COMPONENT_UNKNOWN": "its parameters are part of what was signed, and not of what is proved",
    "verifying._check_coverage: Reason.PARAMETER_UNKNOWN": "it has no type that it could have",
    "verifying._check_coverage: Reason.PARAMETER_MALFORMED": "nothing else can be reckoned with, or names a key",
    "verifying._check_dates: Reason.TOO_OLD": "nothing lives longer than its window",
    "verifying._check_key: key": "a reason verifies nothing",
    "verifying.verify_body: Reason.DIGEST_MISSING": "whoever brings a body must cover its digest",
    "message._value: Reason.COMPONENT_UNKNOWN": "no field bears such a name",
    "message.field_value: Reason.FIELD_REPEATED": "no field of that name may stand twice, covered or not",
    "message.field_value: Reason.FIELD_MALFORMED": "what is signed is ASCII",
    "requests.Doorkeeper.prove: registry_unavailable": "without a registry there is no key",
    "requests.Doorkeeper.prove: node_unknown": "a node that nobody knows has no key",
    "requests.Doorkeeper.prove: proved.reason": "a rejection is no proof",
    "requests.body_of: proved.reason": "a rejection is no proof",
    "content_digest.fault: DigestFault.MALFORMED": "nothing but bytes is compared with a digest",
    "manifest.Registry.key_at: Reason.NODE_UNKNOWN": "a node that nobody knows has no keys",
    "manifest.Registry.key_at: Reason.KEY_OF_ANOTHER_NODE": "another node's key is none of this one's",
    "manifest.Registry.key_at: Reason.KEY_UNKNOWN": "a key that is not there is refused by the other name",
    "inbox._event_records: content_type_unsupported": "nothing else is read",
    "inbox._space: value_malformed (1)": "half a character is no bytes",
    "inbox._space: value_malformed": "what is no object names no space",
}
"""Checks behind which another one stands: off, they let nothing through, and what is refused has another name."""
ELSEWHERE: Final = {
    "verifying._check_nonce: Reason.MEMORY_FULL": "tests/unit/test_schemas_http_signature.py",
    "structured.dictionary: f'{len(raw)} characters": "tests/unit/test_schemas_structured.py",
    "requests.Doorkeeper._judge: registry_unavailable": "tests/unit/test_node_door_judged.py",
    "requests.Doorkeeper._judge: key.value": "tests/unit/test_node_door_judged.py",
    "requests.Doorkeeper._judge: node_unknown": "tests/unit/test_node_door_judged.py",
    "requests.Doorkeeper._judge: reason": "tests/unit/test_node_door_judged.py",
    "requests.body_of: body_too_large": "tests/unit/test_node_door_judged.py",
    "requests._read: body_too_slow": "tests/unit/test_node_door_judged.py",
    "requests._read: body_too_large": "tests/unit/test_node_door_judged.py",
    "inbox._sized: record_too_large": "tests/conformance/test_node_door_forgeries.py",
}
"""Limits of size and time, and requests that wait: no forgery is as large or as slow, and these tests try them."""
PROVED: Final = [check for check in CHECKS if check.name not in BEHIND | ELSEWHERE]
READINGS: Final = read_worse("a node", access.RIGHTS, (Grade.OBSERVER, Grade.SUSPENDED, Grade.GONE), frozenset(Right))


class Taken:
    """A publisher that keeps all, and a topic that holds nothing."""

    ready = True

    async def publish(self, records: Sequence[Sendable]) -> list[Place]:
        return [Place(record.topic, 0, 0) for record in records]

    async def poll(self, *_: Any) -> Page:
        return Page("", (), Cursor(0, 0))


async def door() -> ASGIApp:
    registry = CAST.open()

    async def read() -> Registry:
        return registry

    def clock() -> datetime:
        return datetime.now(UTC)

    trust, taken = DoorTrust(read, clock), Taken()
    await trust.refresh()
    kept = Inbox(taken)
    routes: dict[str, Post | Poll] = {
        paths.EVENTS: Post("events", Right.FORGET, kept.events),
        paths.RECEIPTS: Post("receipts", Right.REPORT, kept.receipts),
        paths.DEAD_LETTERS: Post("dead_letters", Right.REPORT, kept.dead_letters),
        paths.SEALED: Post("sealed", Right.SPEAK, kept.sealed),
        paths.OUTBOUND: Poll("outbound", Right.FORGET, taken),  # type: ignore[arg-type]  # a fake
    }
    return application(routes, Doorkeeper(URL, trust, Nonces(), Alone(), clock))


async def passes(app: ASGIApp) -> str | None:
    """The first forgery that is taken in."""
    bases = node_door.bases(URL, CAST)
    for base, row in [*against(bases), *((bases[0], row) for row in node_door.TABLE)]:
        if (await deliver(app, row.alter(base.make(), CAST))).status < 300:
            return f"{base.name}: {row.name}"
    for base in bases:
        draft = base.make()
        await deliver(app, signed(draft))
        if (await deliver(app, signed(draft))).status < 300:
            return f"{base.name}: sent twice"
    return None


async def test_no_forgery_passes_while_every_check_stands() -> None:
    assert await passes(await door()) is None


@pytest.mark.parametrize("check", PROVED, ids=lambda check: check.name)
async def test_with_this_check_off_a_forgery_passes(check: Check) -> None:
    with switched_off(check):
        assert await passes(await door()) is not None


@pytest.mark.parametrize("name", READINGS)
async def test_with_this_read_worse_a_forgery_passes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(*READINGS[name])
    assert await passes(await door()) is not None


@pytest.mark.long
@pytest.mark.parametrize("check", [check for check in CHECKS if check.name in BEHIND], ids=lambda check: check.name)
async def test_behind_this_check_stands_another(check: Check) -> None:
    with switched_off(check):
        assert await passes(await door()) is None


def test_the_lists_of_exceptions_name_what_there_is() -> None:
    assert BEHIND.keys() | ELSEWHERE.keys() <= {check.name for check in CHECKS}
