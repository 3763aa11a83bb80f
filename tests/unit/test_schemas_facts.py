"""Facts: strict when written, tolerant when read, and no burden on who reads a hostile one."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from schemas import facts
from schemas.envelope import Envelope, event_id, major_of, object_id
from schemas.facts.delivery import REPORT_LIMIT, Delivery, DeliveryReported
from schemas.facts.message import ATTACHMENTS_LIMIT, Attachment, Author, MessagePosted
from schemas.manifest import KeyEntry, NodeEntry, RegistryDocument
from schemas.topics import RECORD_LIMIT, RSE_INBOUND, STATIC, of_node, outbound
from schemas.words import Audience, Verdict, fits
from tests.fakes_schemas import FACTS, NOW, POSTED, signed

if TYPE_CHECKING:
    from schemas.facts.base import Fact

POSTED_TYPE = POSTED.event_type
PARSED = json.loads(POSTED.to_bytes())


def bytes_of(**changes: Any) -> bytes:
    return json.dumps({**PARSED, **changes}).encode()


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.event_type)
def test_each_fact_is_read_back_as_it_was_written_and_written_the_same_twice(fact: Fact) -> None:
    read = facts.read(fact.event_type, fact.to_bytes()).fact
    assert read == fact
    assert type(read) is type(fact)
    assert read.to_bytes() == fact.to_bytes()


def test_there_is_an_example_of_every_fact() -> None:
    assert {fact.event_type for fact in FACTS} == set(facts.FACTS)


MODELS = (*facts.FACTS.values(), Author, Attachment, Delivery, Envelope, KeyEntry, NodeEntry, RegistryDocument)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_no_model_of_ours_is_built_with_a_name_it_does_not_know(model: type[BaseModel]) -> None:
    with pytest.raises(ValidationError) as refused:
        model(unknown_name=1)
    assert ("unknown_name",) in [problem["loc"] for problem in refused.value.errors()]


def test_strictness_goes_all_the_way_down() -> None:
    with pytest.raises(ValidationError):
        MessagePosted.model_validate({**PARSED, "author": {**PARSED["author"], "email": "x@finances.example"}})


def test_what_tomorrow_adds_is_read_over_at_every_depth() -> None:
    tomorrow = bytes_of(mood="gai", author={**PARSED["author"], "rank": 3}, attachments=[{"name": "a", "link": "b", "hash": "c"}])
    read, unknown = facts.read(POSTED_TYPE, tomorrow)
    assert isinstance(read, MessagePosted)
    assert read.author == POSTED.author
    assert unknown == {"mood"}


def test_an_unknown_type_of_a_known_major_is_unsupported_and_an_unknown_major_refused() -> None:
    assert facts.read("fr.gouv.rse.idea.proposed.v1", b"whatever") == facts.Reading(None)
    for unknown in (
        "fr.gouv.rse.message.posted.v2",
        "fr.gouv.rse.message.posted.v1\n",
        "org.example.thing.v1",
        "",
        "fr.gouv.rse.message.posted.v0",
    ):
        with pytest.raises(facts.MajorUnknown):
            facts.read(unknown, b"{}")
    assert major_of(POSTED_TYPE) == ("message.posted", 1)


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (b"{}", "author, content, space"),
        (b"[]", "(objet)"),
        (b"null", "(objet)"),
        (b"\xff", "invalid_utf8"),
        (b"{", "json_malformed"),
        (b'{"space":"a","space":"b"}', "json_duplicate_name"),
        (bytes_of(space=""), "space"),
        (bytes_of(space="a\u0000b"), "space"),
        (bytes_of(space="a\nb"), "space"),
        (bytes_of(author={"organisation": 5}), "author.organisation"),
        (bytes_of(author={"organisation": "x", "kind": "robot"}), "author.kind"),
        (bytes_of(content={"html": "x" * 1_000_001, "text": ""}), "content.html"),
        (bytes_of(attachments=[{"name": "a", "link": "b", "size": 2**53}]), "attachments.0.size"),
        (bytes_of(attachments=[{"name": "a", "link": "b", "size": "12"}]), "attachments.0.size"),
        (bytes_of(attachments=[{"name": "a", "link": "b"}] * (ATTACHMENTS_LIMIT + 1)), "attachments"),
    ],
)
def test_a_malformed_fact_is_refused_by_its_fields_names(value: bytes, named: str) -> None:
    with pytest.raises(facts.FactMalformed) as refused:
        facts.read(POSTED_TYPE, value)
    assert str(refused.value) == named


def test_a_refusal_shows_no_content() -> None:
    with pytest.raises(facts.FactMalformed) as refused:
        facts.read(POSTED_TYPE, bytes_of(space="secret\n", title=["secret"]))
    assert "secret" not in str(refused.value)


def test_a_million_bad_parts_cost_one_refusal() -> None:
    """Without a stop at the first, eight megabytes of `{}` took 15 seconds and three gigabytes."""
    with pytest.raises(facts.FactMalformed) as refused:
        facts.read(POSTED_TYPE, bytes_of(attachments=[{}] * 200_000))
    assert len(str(refused.value)) < 100
    with pytest.raises(facts.FactMalformed):
        facts.read(DeliveryReported.event_type, json.dumps({"deliveries": [0] * 200_000}).encode())


@pytest.mark.parametrize("said", ["yes", 1, "true", None])
def test_a_truth_is_true_or_false(said: object) -> None:
    raw = json.dumps({"space": "s", "audience": "members", "externals": said}).encode()
    with pytest.raises(facts.FactMalformed, match="externals"):
        facts.read("fr.gouv.rse.tie.accepted.v1", raw)


DELIVERED = json.loads(FACTS[-1].to_bytes())["deliveries"][0]


@pytest.mark.parametrize(
    "change",
    [
        {"sequence": -1}, {"sequence": 10**30}, {"sequence": "7"}, {"sequence": True}, {"offset": 2**53}, {"partition": 2**31},
        {"at": 1772443800}, {"at": "1772443800"}, {"at": "2026-03-02 09:30:00Z"}, {"at": "2026-03-02T09:30:00"}, {"at": "9999-12-31T23:59:59-14:00"},
        {"verdict": "lost"}, {"event_digest": "1" * 63}, {"topic": "a\u0000"},
    ],
    ids=str,
)  # fmt: skip
def test_a_receipt_that_no_database_could_hold_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(facts.FactMalformed):
        facts.read(DeliveryReported.event_type, json.dumps({"deliveries": [{**DELIVERED, **change}]}).encode())


def test_a_receipt_for_what_had_no_id_can_be_written() -> None:
    nameless = Delivery.model_validate(
        {**DELIVERED, "event": "", "community": "Ève\n" * 200, "verdict": Verdict.REFUSED, "reason": "envelope_malformed"}
    )
    assert nameless.community == ("Ève" * 200)[:512]
    assert DeliveryReported(deliveries=(nameless,) * REPORT_LIMIT).to_bytes()
    with pytest.raises(ValidationError):
        DeliveryReported(deliveries=(nameless,) * (REPORT_LIMIT + 1))
    with pytest.raises(ValidationError):
        DeliveryReported(deliveries=())


def test_times_are_kept_in_utc() -> None:
    there = datetime(2026, 3, 2, 10, 30, tzinfo=timezone(timedelta(hours=1)))
    kept = Delivery.model_validate({**DELIVERED, "at": there})
    assert kept.at.utcoffset() == timedelta()
    assert kept.at == there == NOW
    assert b'"at":"2026-03-02T09:30:00Z"' in DeliveryReported(deliveries=(kept,)).to_bytes()


def test_a_nul_in_prose_is_dropped() -> None:
    read = facts.read(POSTED_TYPE, bytes_of(title="Une\u0000 idée")).fact
    assert isinstance(read, MessagePosted)
    assert read.title == "Une idée"


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_raise_anything_but_its_refusal(value: bytes) -> None:
    try:
        facts.read(POSTED_TYPE, value)
    except facts.FactMalformed:
        return


@pytest.mark.parametrize(
    ("space", "community", "may"),
    [
        (Audience.PRIVATE, Audience.PRIVATE, True),
        (Audience.PRIVATE, Audience.MEMBERS, True),
        (Audience.PRIVATE, Audience.PUBLIC, True),
        (Audience.MEMBERS, Audience.PRIVATE, False),
        (Audience.MEMBERS, Audience.MEMBERS, True),
        (Audience.MEMBERS, Audience.PUBLIC, True),
        (Audience.PUBLIC, Audience.PRIVATE, False),
        (Audience.PUBLIC, Audience.MEMBERS, False),
        (Audience.PUBLIC, Audience.PUBLIC, True),
        *((Audience.UNKNOWN, audience, False) for audience in Audience),
        *((audience, Audience.UNKNOWN, False) for audience in Audience),
    ],
)
def test_a_space_shows_a_community_only_to_as_many_as_the_community_s_own(space: Audience, community: Audience, may: bool) -> None:  # noqa: FBT001 - a table's column
    assert fits(space, community) is may


def test_ids_tell_their_parts_apart() -> None:
    assert event_id("a", "bc", "d", "e") != event_id("ab", "c", "d", "e")
    assert object_id("a", "bc") != object_id("ab", "c")
    assert signed().envelope.subject == signed().envelope.subject == object_id("finances", "post:1")


def test_a_record_that_one_topic_took_fits_the_next_ones_with_their_headers() -> None:
    limit = {topic.name: int(topic.config()["max.message.bytes"]) for topic in (*STATIC, *of_node("finances"))}
    onwards = outbound("finances")
    assert limit[RSE_INBOUND.name] < limit["hub.facts.v1"] <= limit[onwards.name] < limit[onwards.dead_letters.name] == RECORD_LIMIT
    assert limit[RSE_INBOUND.name] < limit[RSE_INBOUND.dead_letters.name]


def test_topics_bear_the_names_times_and_partitions_of_the_design() -> None:
    assert [topic.name for topic in STATIC] == [
        "rse.inbound.v1", "peer.inbound.v1", "hub.facts.v1", "peers.outbound.v1", "rse.receipts.v1", "adapters.dlq.v1",
        "rse.inbound.v1.dlq.v1", "peer.inbound.v1.dlq.v1", "hub.facts.v1.dlq.v1", "rse.receipts.v1.dlq.v1",
    ]  # fmt: skip
    config = RSE_INBOUND.config(min_in_sync=2)
    assert (config["message.timestamp.type"], config["min.insync.replicas"]) == ("LogAppendTime", "2")
    assert config["retention.ms"] == str(21 * 86_400_000)
    assert outbound("finances").partitions == 1
