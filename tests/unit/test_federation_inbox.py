"""The peers' inboxes through HTTP: what is taken, what is refused and under which name, and what is never asked of anybody."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.crowd import AT_ONCE, Crowd
from hub.federation.answers import STATUSES
from hub.federation.reasons import Reason
from hub.federation.verification import readmit
from hub.ports import Record
from hub.ui import words
from schemas.documents import sign_document
from schemas.facts.external import ACTIVITY_LIMIT
from schemas.keys import SigningKey
from schemas.manifest import Grade
from schemas.provenance import Belief
from schemas.wire.telemetry import Metric
from tests.fakes_abroad import (
    ACTIVITY_JSON,
    COMMUNITY,
    GROUP,
    HERE,
    NOW,
    PUBLIC,
    RSA,
    Door,
    Person,
    RemoteActor,
    RemoteKey,
    signed,
    signed_by_cavage,
    written,
)

if TYPE_CHECKING:
    from tests.fakes_asgi import Answer

ALICE = Person("https://social.example/users/alice")
BOB = Person("https://social.example/users/bob", name="Bob Petit")
CAROL = Person("https://ailleurs.example/users/carol", name="Carol Blanc")
FORUM = Person("https://forum.example/category/2", "Group", "Le forum")


@pytest.fixture
def door() -> Door:
    door = Door()
    door.admit(ALICE, BOB, CAROL, FORUM)
    return door


def refused(answer: Answer) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status, answer.json()["reason"]


async def test_a_signed_post_is_taken_once_kafka_has_it_with_its_bytes_untouched(door: Door) -> None:
    body = written(ALICE.creates())
    answer = await door.post(body, signed(ALICE, body))
    assert (answer.status, answer.body) == (202, b"")
    (record,) = door.kafka.records
    assert (record.topic, record.key, record.value) == ("peer.inbound.v1", b"social.example", body)
    again = readmit(_read(record), lambda _, __: door.key.public)
    assert (again.actor, again.peer, again.told.verb, again.provenance.belief) == (ALICE.id, "social.example", "Create", Belief.OWN)
    assert again.received == NOW
    assert again.provenance.named(ALICE.id) is not None


def _read(record: Any) -> Record:
    return Record(record.topic, 0, 1, NOW, record.key, record.value, tuple(record.headers))


@pytest.mark.parametrize("path", ["/inbox", f"/groups/{COMMUNITY}/inbox", "/nodes/wifip/inbox"])
async def test_every_inbox_takes_the_same(door: Door, path: str) -> None:
    assert (await door.bring(ALICE, ALICE.creates(), path)).status == 202


async def test_nothing_is_taken_that_kafka_has_not_acknowledged(door: Door) -> None:
    door.kafka.broken = True
    answer = await door.bring(ALICE, ALICE.creates())
    assert refused(answer) == (503, "kafka_unavailable")
    assert answer.headers["retry-after"]


async def test_a_door_that_does_not_know_the_registry_lets_nobody_in(door: Door) -> None:
    door.registry_read = False
    assert refused(await door.bring(ALICE, ALICE.creates())) == (503, "peers_unavailable")


async def test_of_a_server_that_is_not_admitted_nothing_is_read_and_nobody_is_asked(door: Door) -> None:
    stranger = Person("https://inconnu.example/users/x")
    door.abroad.add(stranger)
    body = written(stranger.creates())
    answer = await door.post(b"", signed(stranger, body))  # not even the length is missed
    assert refused(answer) == (403, "peer_not_admitted")
    assert door.abroad.asked == []


@pytest.mark.parametrize(("grade", "reason"), [(Grade.CANDIDATE, "peer_not_admitted"), (Grade.GONE, "peer_not_admitted"), (Grade.SUSPENDED, "peer_not_permitted"), (Grade.OBSERVER, "peer_not_permitted")])  # fmt: skip
async def test_signed_is_not_permitted(door: Door, grade: Grade, reason: str) -> None:
    door.admit(ALICE, grade=grade)
    assert refused(await door.bring(ALICE, ALICE.creates())) == (403, reason)


async def test_past_its_manifests_end_a_server_follows_and_takes_back_and_does_not_speak(door: Door) -> None:
    door.admit(ALICE, expires=door.now)
    assert refused(await door.bring(ALICE, ALICE.creates())) == (403, "manifest_expired")
    assert (await door.bring(ALICE, ALICE.does("Follow", GROUP))).status == 202
    assert (await door.bring(ALICE, ALICE.does("Delete", ALICE.note()["id"], "acts/2"))).status == 202
    door.admit(ALICE, expires=door.now + timedelta(seconds=1))
    assert (await door.bring(ALICE, ALICE.creates(path="acts/3"))).status == 202


async def test_an_observer_may_follow_and_who_is_suspended_may_still_take_back(door: Door) -> None:
    door.admit(ALICE, grade=Grade.OBSERVER)
    assert (await door.bring(ALICE, ALICE.does("Follow", GROUP))).status == 202
    door.admit(ALICE, grade=Grade.SUSPENDED)
    assert (await door.bring(ALICE, ALICE.does("Delete", ALICE.note()["id"], "acts/2"))).status == 202


async def test_a_401_says_which_signature_would_be_accepted(door: Door) -> None:
    body = written(ALICE.creates())
    answer = await door.post(body, {"content-type": ACTIVITY_JSON})
    assert refused(answer) == (401, "signature_missing")
    assert answer.json()["title"] == "Cette demande n’est pas signée"
    assert answer.headers["accept-signature"] == 'sig1=("@method" "@target-uri" "content-digest");keyid;created'


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"components": ("@target-uri", "content-digest")}, "component_not_covered"),
        ({"components": ("@method", "@target-uri")}, "component_not_covered"),
        ({"now": NOW - timedelta(minutes=6)}, "signature_too_old"),
        ({"now": NOW + timedelta(minutes=6)}, "signature_in_future"),
        ({"expires": int(NOW.timestamp()) - 1}, "signature_expired"),
        ({"alg": "hmac-sha256"}, "algorithm_mismatch"),
        ({"path": "/groups/autre/inbox"}, "signature_invalid"),
    ],
)
async def test_a_signature_that_does_not_hold_is_refused_by_name(door: Door, change: dict[str, Any], reason: str) -> None:
    body = written(ALICE.creates())
    assert refused(await door.post(body, signed(ALICE, body, **change))) == (401, reason)
    assert door.kafka.records == []


async def test_a_swapped_body_is_refused_with_and_without_a_legacy_digest(door: Door) -> None:
    body, other = written(ALICE.creates()), written(ALICE.creates(ALICE.note(text="<p>Bonsoir</p>")))
    assert refused(await door.post(other, signed(ALICE, body))) == (401, "body_digest_mismatch")
    legacy = {**signed(ALICE, body), "digest": "SHA-256=" + signed(ALICE, other)["content-digest"][9:-1]}
    assert refused(await door.post(other, legacy)) == (401, "body_digest_mismatch")


async def test_a_signature_is_taken_once(door: Door) -> None:
    body = written(ALICE.creates())
    fields = signed(ALICE, body)
    assert (await door.post(body, fields)).status == 202
    assert refused(await door.post(body, fields)) == (401, "signature_replayed")
    door.now += timedelta(minutes=11)
    assert refused(await door.post(body, fields)) == (401, "signature_too_old")


async def test_older_signatures_pass_where_the_registry_allows_them_alone(door: Door) -> None:
    owner = RSA.key_id.partition("#")[0]
    key = RemoteKey(RSA.key_id, owner, RSA.public)
    door.abroad.actors[owner] = RemoteActor(owner, "Group", "Ancien", owner + "/inbox", keys=(key,))
    group = Person(owner, "Group")
    door.peers["old.example"] = replace(_peer(door), id="old.example")
    body = written(group.does("Announce", group.note()))
    assert refused(await door.post(body, signed_by_cavage(body))) == (401, "cavage_not_allowed")
    door.peers["old.example"] = replace(_peer(door), id="old.example", cavage=True)
    assert (await door.post(body, signed_by_cavage(body))).status == 202
    assert refused(await door.post(body, signed_by_cavage(body))) == (401, "signature_replayed")
    assert refused(await door.post(body + b" ", signed_by_cavage(body, now=NOW + timedelta(seconds=1)))) == (401, "body_digest_mismatch")


def _peer(door: Door) -> Any:
    return door.peers["social.example"]


@pytest.mark.parametrize(
    ("method", "fields", "body", "expected"),
    [
        ("PUT", {}, b"", (405, "method_not_allowed")),
        ("GET", {}, b"", (405, "method_not_allowed")),
        ("POST", {"content-type": "application/json"}, b"", (415, "content_type_unsupported")),
        ("POST", {"content-type": "text/html"}, b"", (415, "content_type_unsupported")),
        ("POST", {"content-encoding": "gzip"}, b"", (415, "content_type_unsupported")),
        ("POST", {"content-length": str(ACTIVITY_LIMIT + 1)}, b"", (413, "body_too_large")),
        ("POST", {"content-length": "-1"}, b"", (400, "headers_malformed")),
        ("POST", {f"x-{number}": "1" for number in range(70)}, b"", (400, "headers_malformed")),
    ],
)
async def test_what_the_head_shows_is_refused_before_anything_is_read(
    door: Door, method: str, fields: dict[str, str], body: bytes, expected: tuple[int, str]
) -> None:
    honest = written(ALICE.creates())
    answer = await door.post(body, {**signed(ALICE, honest), **fields}, method=method)
    assert refused(answer) == expected
    assert door.abroad.asked == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{}", "activity_malformed"),
        (b"[]", "activity_malformed"),
        (written({name: value for name, value in ALICE.creates().items() if name != "id"}), "activity_id_missing"),
        (b'{"type":"Create","type":"Create"}', "json_duplicate_name"),
        (b'{"a":' * 80 + b"1" + b"}" * 80, "json_too_deep"),
        (b"\xff", "invalid_utf8"),
        (b'{"type":NaN}', "json_malformed"),
    ],
)
async def test_json_that_two_readers_would_read_differently_is_refused(door: Door, body: bytes, reason: str) -> None:
    assert refused(await door.post(body, signed(ALICE, body))) == (400, reason)


@pytest.mark.parametrize(
    ("activity", "reason"),
    [
        (BOB.creates(), "actor_mismatch"),
        ({**ALICE.creates(), "id": "https://ailleurs.example/acts/1"}, "id_of_another_origin"),
        (ALICE.creates(CAROL.note()), "object_of_another_origin"),
        (ALICE.creates({**ALICE.note(), "attributedTo": BOB.id}), "not_owner"),
        (ALICE.creates({**ALICE.note(), "attributedTo": CAROL.id}), "not_owner"),
        (ALICE.does("Update", CAROL.note()), "object_of_another_origin"),
        (ALICE.does("Delete", CAROL.note()["id"]), "object_of_another_origin"),
        (ALICE.does("Delete", CAROL.id), "object_of_another_origin"),
        (ALICE.does("Delete", HERE.note("m")), "object_of_another_origin"),
        (ALICE.does("Undo", CAROL.does("Like", HERE.note("m"))), "undo_of_another"),
        (ALICE.does("Undo", {**BOB.does("Like", HERE.note("m"))}), "undo_of_another"),
        (ALICE.does("Undo", "https://ailleurs.example/acts/7"), "undo_of_another"),
        (ALICE.does("Move", CAROL.id, target=ALICE.id), "not_owner"),
        (ALICE.does("Accept", {"type": "Follow", "actor": GROUP, "object": CAROL.id}), "not_owner"),
        (ALICE.does("Announce", ALICE.note()), "announce_by_non_group"),
        (ALICE.does("Announce", "https://forum.example/post/1"), "announce_by_non_group"),
        (ALICE.creates({**ALICE.note(), "to": [ALICE.id + "/followers"]}), "audience_unknown"),
        (ALICE.creates({**ALICE.note(), "to": [GROUP], "cc": []}), "audience_unknown"),
    ],
)
async def test_who_has_no_authority_over_what_she_speaks_of_is_refused_by_name(door: Door, activity: dict[str, Any], reason: str) -> None:
    assert refused(await door.bring(ALICE, activity)) == (403, reason)
    assert door.kafka.records == []


async def test_a_post_that_calls_nobody_here_is_refused(door: Door) -> None:
    note = {**ALICE.note(), "cc": []}
    assert refused(await door.bring(ALICE, ALICE.does("Create", note, to=[PUBLIC]))) == (403, "not_addressed_here")


async def test_a_groups_word_is_taken_for_its_own_servers_people_and_asked_for_elsewhere(door: Door) -> None:
    member = Person("https://forum.example/uid/1")
    assert (await door.bring(FORUM, FORUM.does("Announce", member.creates(member.note("post/1"), "acts/9")))).status == 202
    elsewhere = CAROL.creates()
    assert refused(await door.bring(FORUM, FORUM.does("Announce", elsewhere, "acts/2"))) == (403, "object_unavailable")
    door.abroad.documents[CAROL.note()["id"]] = written(CAROL.note())
    assert (await door.bring(FORUM, FORUM.does("Announce", elsewhere, "acts/3"))).status == 202
    found = readmit(_read(door.kafka.records[-1]), lambda _, __: door.key.public)
    assert (found.provenance.belief, found.told.actor, found.told.via) == (Belief.FETCHED, CAROL.id, FORUM.id)
    assert found.told.object == CAROL.note()
    assert found.document == written(CAROL.note())


async def test_what_a_group_embeds_is_not_believed_against_what_its_author_says(door: Door) -> None:
    altered = CAROL.creates({**CAROL.note(), "content": "<p>Tout autre chose</p>"})
    door.abroad.documents[CAROL.note()["id"]] = written(CAROL.note())
    assert (await door.bring(FORUM, FORUM.does("Announce", altered))).status == 202
    found = readmit(_read(door.kafka.records[-1]), lambda _, __: door.key.public)
    assert found.told.object["content"] == "<p>Bonjour</p>"


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({**CAROL.note(), "id": "https://ailleurs.example/notes/2"}, "object_mismatch"),
        ({**CAROL.note(), "attributedTo": BOB.id}, "not_owner"),
        ({**CAROL.note(), "to": [CAROL.id + "/followers"]}, "audience_unknown"),
        (None, "object_unavailable"),
        ({"id": CAROL.note()["id"], "type": "Tombstone"}, "object_unavailable"),
    ],
)
async def test_what_the_objects_own_server_says_decides(door: Door, document: dict[str, Any] | None, reason: str) -> None:
    door.abroad.documents[CAROL.note()["id"]] = None if document is None else written(document)
    assert refused(await door.bring(FORUM, FORUM.does("Announce", CAROL.note()["id"]))) == (403, reason)


async def test_a_deletion_that_a_group_passes_on_is_believed_once_its_server_has_nothing_there(door: Door) -> None:
    gone = FORUM.does("Announce", CAROL.does("Delete", CAROL.note()["id"]))
    door.abroad.documents[CAROL.note()["id"]] = written(CAROL.note())
    assert refused(await door.bring(FORUM, gone)) == (403, "object_mismatch")
    door.abroad.documents[CAROL.note()["id"]] = None
    assert (await door.bring(FORUM, {**gone, "id": "https://forum.example/acts/2"})).status == 202
    found = readmit(_read(door.kafka.records[-1]), lambda _, __: door.key.public)
    assert (found.provenance.belief, found.told.verb, found.document) == (Belief.GONE, "Delete", None)


async def test_nothing_is_asked_of_a_server_that_is_not_admitted_even_for_a_group(door: Door) -> None:
    stranger = Person("https://inconnu.example/users/x")
    door.abroad.documents[stranger.note()["id"]] = written(stranger.note())
    assert refused(await door.bring(FORUM, FORUM.does("Announce", stranger.creates()))) == (403, "peer_not_admitted")
    assert stranger.note()["id"] not in door.abroad.asked


async def test_an_authors_own_proof_is_as_good_as_her_servers_word(door: Door) -> None:
    proved = sign_document(CAROL.creates(), CAROL.key, NOW)
    assert (await door.bring(FORUM, FORUM.does("Announce", proved))).status == 202
    found = readmit(_read(door.kafka.records[-1]), lambda _, __: door.key.public)
    assert found.provenance.belief is Belief.PROOF
    assert CAROL.note()["id"] not in door.abroad.asked


async def test_a_proof_that_does_not_hold_is_refused_though_the_signature_does(door: Door) -> None:
    proved = sign_document(ALICE.creates(), ALICE.key, NOW)
    assert refused(await door.bring(ALICE, {**proved, "cc": []})) == (403, "proof_invalid")
    others = sign_document(ALICE.creates(), BOB.key, NOW)
    assert refused(await door.bring(ALICE, others)) == (403, "proof_owner_mismatch")


async def test_who_moves_is_moved_only_where_her_new_home_knows_her(door: Door) -> None:
    moved = ALICE.does("Move", ALICE.id, target=CAROL.id)
    assert refused(await door.bring(ALICE, moved)) == (403, "move_not_confirmed")
    door.abroad.add(Person(CAROL.id, aliases=(ALICE.id,)))
    assert (await door.bring(ALICE, {**moved, "id": "https://social.example/acts/2"})).status == 202


async def test_what_this_server_does_not_know_is_taken_and_noted(door: Door) -> None:
    assert (await door.bring(ALICE, ALICE.does("Dance", GROUP))).status == 202
    assert len(door.kafka.records) == 1


async def test_a_key_of_another_actor_of_the_same_server_does_not_sign_for_her(door: Door) -> None:
    body = written(ALICE.creates())
    assert refused(await door.post(body, signed(ALICE, body, key=BOB.key))) == (403, "actor_mismatch")


async def test_a_key_that_nobody_claims_is_refused_by_name(door: Door) -> None:
    body = written(ALICE.creates())
    assert refused(await door.post(body, signed(ALICE, body, key=SigningKey.generate(ALICE.id)))) == (401, "key_unknown")


async def test_one_peers_flood_is_that_peers_own_trouble(door: Door) -> None:
    with_open = [door.crowd.one("social.example") for _ in range(AT_ONCE)]
    for one in with_open:
        one.__enter__()
    assert refused(await door.bring(ALICE, ALICE.creates())) == (429, "too_many_requests")
    assert (await door.bring(CAROL, CAROL.creates())).status == 202
    for one in with_open:
        one.__exit__(None, None, None)
    assert (await door.bring(ALICE, ALICE.creates(path="acts/2"))).status == 202


async def test_what_a_body_takes_up_is_given_back_whatever_became_of_it(door: Door) -> None:
    door.crowd = Crowd(most_bytes=8_000)
    door.__post_init__()
    for number in range(20):
        await door.bring(ALICE, ALICE.creates(path=f"acts/{number}"))
        await door.bring(ALICE, ALICE.does("Announce", CAROL.id, f"acts/x{number}"))
    assert len(door.kafka.records) == 20


async def test_every_refusal_is_counted_and_logged_under_its_name_without_content(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    before = Metric.inbox.labels("?", "?", "announce_by_non_group")._value.get()
    await door.bring(ALICE, ALICE.does("Announce", ALICE.note(text="<p>secret</p>")))
    assert Metric.inbox.labels("?", "?", "announce_by_non_group")._value.get() == before + 1
    said = capsys.readouterr()
    assert "announce_by_non_group" in said.out + said.err
    assert "secret" not in said.out + said.err
    assert "alice" not in said.out + said.err


@pytest.mark.parametrize("reason", sorted(Reason))
def test_every_reason_has_a_status_and_french_words(reason: Reason) -> None:
    assert reason in STATUSES
    assert words.reason(reason) != reason


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=12) | st.sampled_from([ALICE.id, CAROL.id, GROUP, PUBLIC, "Create", "Announce", "Note"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "type", "actor", "object", "to", "cc", "attributedTo", "proof", "tag", "x"]), inner, max_size=5),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["type", "object", "to", "cc", "audience", "target", "proof", "content"]), VALUES))
async def test_whatever_a_peer_signs_is_taken_or_refused_by_a_known_name(said: dict[str, Any]) -> None:
    door = Door()
    door.admit(ALICE, CAROL)
    answer = await door.bring(ALICE, {"type": "Create", **said, "id": "https://social.example/acts/1", "actor": ALICE.id})
    assert answer.status == 202 or refused(answer)[1] in {*STATUSES, "key_unknown", "actor_unknown"}
    assert answer.status != 500, json.dumps(said)
