"""A record that was parked and is read again: its sender's key is judged as when it first came, on the hub's word and on nobody else's."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from hub.batches.sifting import key_of_space, sift
from hub.operations import readmission
from hub.ports import Record
from schemas.keys import SigningKey
from schemas.proof import Reason
from schemas.wire.records import new_correlation, to_headers
from tests.fakes_schemas import DAY, EDUCATION, FINANCES, HUB, NOW, POSTED, key_entry, node_entry, registry, signed

PARKED = NOW - 2 * DAY
RETIRED = registry(
    nodes=[node_entry(FINANCES, keys=[key_entry(FINANCES, activeFrom=NOW - 9 * DAY, retiredAt=NOW - DAY)]), node_entry(EDUCATION)]
)
REVOKED = registry(nodes=[node_entry(FINANCES, keys=[key_entry(FINANCES, activeFrom=NOW - 9 * DAY, revokedAt=NOW - DAY)])])


def came() -> Record:
    """What a node said while its key could sign."""
    event = signed(time=PARKED)
    headers = tuple(to_headers(event, new_correlation()))
    return Record("rse.inbound.v1", 0, 1, PARKED, f"{FINANCES.owner}/{POSTED.space}".encode(), event.value, headers)


def again(record: Record, key: SigningKey = HUB, at: object = PARKED) -> Record:
    """The same, produced again today with somebody's word."""
    headers = readmission.vouched(key, record.key, record.value, record.headers, at)  # type: ignore[arg-type]
    return replace(record, timestamp=NOW, headers=headers)


def reasons(record: Record, known: object = RETIRED) -> list[str]:
    return [one.reason for one in sift([record], known, key_of_space)[1]]  # type: ignore[arg-type]


def test_what_was_parked_before_its_nodes_key_was_retired_is_admitted_as_of_then() -> None:
    assert reasons(replace(came(), timestamp=NOW)) == [Reason.KEY_RETIRED]
    ((_, admitted),), refused = sift([again(came())], RETIRED, key_of_space)
    assert (refused, admitted.verified.admitted_at) == ([], PARKED)
    assert readmission.HEADER not in dict(admitted.headers)


def test_what_came_after_the_key_was_retired_stays_refused_whenever_it_is_read() -> None:
    assert reasons(again(came(), at=NOW - DAY / 2)) == [Reason.KEY_RETIRED]


@pytest.mark.parametrize("key", [FINANCES, EDUCATION, SigningKey.generate("hub")])
def test_no_word_but_the_hubs_is_taken(key: SigningKey) -> None:
    assert reasons(again(came(), key)) == [Reason.KEY_RETIRED]


def test_a_hub_key_that_signs_no_longer_vouches_for_nothing() -> None:
    ended = registry(
        hub=node_entry(HUB, keys=[key_entry(HUB, revokedAt=NOW - timedelta(hours=1))]),
        nodes=[node_entry(FINANCES, keys=[key_entry(FINANCES, activeFrom=NOW - 9 * DAY, retiredAt=NOW - DAY)])],
    )
    assert reasons(again(came()), ended) == [Reason.KEY_RETIRED]


def test_the_word_for_one_record_serves_no_other() -> None:
    word = dict(again(came()).headers)[readmission.HEADER]
    event = signed(time=PARKED, fact=POSTED.model_copy(update={"title": "Autre"}))
    other = replace(came(), value=event.value, timestamp=NOW, headers=(*to_headers(event, new_correlation()), (readmission.HEADER, word)))
    assert reasons(other) == [Reason.KEY_RETIRED]
    moved = again(came())
    assert reasons(replace(moved, headers=(*moved.headers, ("other", b"x")))) == [Reason.KEY_RETIRED]


@pytest.mark.parametrize(
    "word", [b"", b"{", b"[]", b"{}", b'{"admitted":"x","keyid":"k","proof":"p"}', b'{"admitted":1,"keyid":2,"proof":3}']
)
def test_a_word_that_says_nothing_changes_nothing(word: bytes) -> None:
    record = replace(came(), timestamp=NOW, headers=(*came().headers, (readmission.HEADER, word)))
    assert reasons(record) == [Reason.KEY_RETIRED]
    assert reasons(record, registry()) == []


def test_a_key_that_was_revoked_meanwhile_is_refused_for_a_thiefs_flood_may_be_what_was_parked() -> None:
    assert reasons(again(came()), REVOKED) == [Reason.KEY_REVOKED]


def test_nobody_is_dated_ahead() -> None:
    record = again(came(), at=NOW + 30 * DAY)
    assert readmission.admitted_at(record, registry()) == NOW


def test_parts_of_a_record_do_not_run_into_each_other() -> None:
    record = replace(came(), headers=(("a", b"bc"), ("d", b"")))
    word = dict(again(record).headers)[readmission.HEADER]
    other = replace(record, timestamp=NOW, headers=(("ab", b"c"), ("d", b""), (readmission.HEADER, word)))
    assert readmission.admitted_at(replace(other, headers=again(record).headers), registry()) == PARKED
    assert readmission.admitted_at(other, registry()) == NOW
