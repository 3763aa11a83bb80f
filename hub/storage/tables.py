"""The tables of the schema `hub`; each room's repository holds all the SQL on its own."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import JSONB

SCHEMA = "hub"
metadata = MetaData(schema=SCHEMA)


def moment(name: str, *, required: bool = False) -> Column[object]:
    """A column that holds an aware time."""
    return Column(name, DateTime(timezone=True), nullable=not required)


organisations = Table("organisations", metadata, Column("id", Text, primary_key=True), Column("name", Text, nullable=False))

nodes = Table(
    "nodes", metadata,
    Column("id", Text, primary_key=True),
    Column("organisation", ForeignKey("hub.organisations.id"), nullable=False),
    Column("platform", Text, nullable=False),
    Column("grade", Text, nullable=False),
    moment("applied_at", required=True), moment("approved_at"), moment("quarantined_at"), moment("manifest_expires"),
)  # fmt: skip

node_keys = Table(
    "node_keys", metadata,
    Column("id", Text, primary_key=True),
    Column("node", ForeignKey("hub.nodes.id"), nullable=False),
    Column("multibase", Text, nullable=False),
    Column("custody", Text),
    moment("active_from"), moment("retiring_from"), moment("retired_at"), moment("revoked_at"), moment("compromised_since"),
)  # fmt: skip

registry_documents = Table(
    "registry_documents", metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("document", LargeBinary, nullable=False),
    moment("issued", required=True), moment("expires", required=True),
)  # fmt: skip

communities = Table(
    "communities", metadata,
    Column("id", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("audience", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False, server_default=text("0")),
    moment("opened_at", required=True),
)  # fmt: skip

ties = Table(
    "ties", metadata,
    Column("node", ForeignKey("hub.nodes.id"), primary_key=True),
    Column("community", ForeignKey("hub.communities.id"), primary_key=True),
    Column("space", Text, nullable=False),
    Column("space_name", Text, nullable=False, server_default=""),
    Column("state", Text, nullable=False),
    Column("audience", Text),
    Column("reason", Text),
    moment("proposed_at", required=True), moment("attested_at"),
    UniqueConstraint("node", "space", name="one_community_per_space"),
)  # fmt: skip

WITHHELD = "state IN ('moderated', 'retracted')"
"""Messages against which a moderator's word stands: few, and with an index of their own."""
messages = Table(
    "messages", metadata,
    Column("id", Text, primary_key=True),
    Column("community", ForeignKey("hub.communities.id"), nullable=False),
    Column("node", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("parent", Text), Column("thread", Text, nullable=False),
    Column("author", Text, nullable=False), Column("organisation", Text, nullable=False),
    Column("title", Text), Column("html", Text, nullable=False), Column("link", Text),
    moment("occurred_at", required=True),
    Column("first_sequence", BigInteger, nullable=False), Column("last_sequence", BigInteger, nullable=False),
    Column("first_event", Text, nullable=False),
    Column("history", Boolean, nullable=False, server_default="false"),
    Index("messages_by_community", "community", "first_sequence"), Index("messages_by_first_event", "first_event"),
    Index("messages_withheld", "id", postgresql_where=text(WITHHELD)),
)  # fmt: skip

reactions = Table(
    "reactions", metadata,
    Column("id", Text, primary_key=True),
    Column("community", ForeignKey("hub.communities.id"), nullable=False),
    Column("node", Text, nullable=False),
    Column("object", Text), Column("actor", Text, nullable=False), Column("organisation", Text, nullable=False),
    Column("emoji", Text, nullable=False), Column("state", Text, nullable=False),
    Column("first_event", Text, nullable=False), moment("at", required=True),
    Index("reactions_by_object", "object", "actor"),
)  # fmt: skip

answers = Table(
    "answers", metadata,
    Column("question", Text, primary_key=True),
    Column("community", ForeignKey("hub.communities.id"), nullable=False),
    Column("message", Text), Column("last_sequence", BigInteger, nullable=False), moment("at", required=True),
    Index("answers_by_message", "message"),
)  # fmt: skip

members = Table(
    "members", metadata,
    Column("id", Text, primary_key=True),
    Column("community", ForeignKey("hub.communities.id"), nullable=False),
    Column("node", Text, nullable=False), Column("space", Text, nullable=False),
    Column("actor", Text, nullable=False), Column("name", Text, nullable=False), Column("state", Text, nullable=False),
    Column("first_event", Text, nullable=False), moment("at", required=True),
    Index("members_by_community", "community", "node", postgresql_where=text("state = 'present'")),
)  # fmt: skip

events = Table(
    "events", metadata,
    Column("id", Text, primary_key=True),
    Column("node", Text, nullable=False), Column("type", Text, nullable=False),
    Column("native_id", Text, nullable=False), Column("change_marker", Text, nullable=False),
    Column("subject", Text, nullable=False), Column("community", Text),
    Column("outcome", Text, nullable=False), Column("sequence", BigInteger),
    Column("digest", Text, nullable=False), Column("key_id", Text, nullable=False), Column("correlation", Text, nullable=False),
    Column("topic", Text, nullable=False), Column("partition", Integer, nullable=False), Column("offset", BigInteger, nullable=False),
    moment("occurred_at", required=True), moment("admitted_at", required=True), moment("handled_at", required=True),
    Column("door_key", Text),
    UniqueConstraint("node", "type", "native_id", "change_marker", name="one_change_once"),
    Index("events_by_subject", "subject"),
    Index("events_by_number", "community", "sequence", postgresql_where=text("sequence IS NOT NULL")),
)  # fmt: skip

held = Table(
    "held", metadata,
    Column("event", Text, primary_key=True),
    Column("position", BigInteger, nullable=False, server_default=func.nextval("hub.held_position")),
    Column("community", Text, nullable=False), Column("subject", Text, nullable=False), Column("parent", Text, nullable=False),
    Column("value", LargeBinary, nullable=False), Column("headers", JSONB, nullable=False),
    Column("topic", Text, nullable=False), Column("partition", Integer, nullable=False), Column("offset", BigInteger, nullable=False),
    moment("admitted_at", required=True), moment("until", required=True),
    Index("held_by_parent", "parent"), Index("held_by_subject", "subject"), Index("held_until", "until"),
)  # fmt: skip

outbox = Table(
    "outbox", metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("topic", Text, nullable=False), Column("key", Text, nullable=False),
    Column("value", LargeBinary, nullable=False), Column("headers", JSONB, nullable=False),
    Column("event", Text, nullable=False), Column("digest", Text, nullable=False),
    Column("community", Text), Column("sequence", BigInteger), Column("targets", JSONB, nullable=False),
    moment("admitted_at", required=True), moment("published_at"),
    Column("partition", Integer), Column("offset", BigInteger),
    UniqueConstraint("community", "sequence", name="one_record_per_number"),
    Index("outbox_to_publish", "id", postgresql_where=text("published_at IS NULL")),
    Index("outbox_by_event", "event"), Index("outbox_to_forget", "published_at"),
)  # fmt: skip

stream_offsets = Table(
    "stream_offsets", metadata,
    Column("group", Text, primary_key=True), Column("topic", Text, primary_key=True), Column("partition", Integer, primary_key=True),
    Column("next_offset", BigInteger, nullable=False),
)  # fmt: skip

attempts = Table(
    "attempts", metadata,
    Column("topic", Text, primary_key=True), Column("partition", Integer, primary_key=True), Column("offset", BigInteger, primary_key=True),
    Column("count", Integer, nullable=False), moment("last_at", required=True),
)  # fmt: skip

strikes = Table(
    "strikes", metadata,
    Column("node", Text, primary_key=True), Column("event", Text, primary_key=True), moment("at", required=True),
    Index("strikes_by_time", "at"),
)  # fmt: skip

signatures_seen = Table(
    "signatures_seen", metadata,
    Column("key_id", Text, primary_key=True), Column("nonce", Text, primary_key=True), moment("until", required=True),
    Index("signatures_to_forget", "until"),
)  # fmt: skip

deliveries = Table(
    "deliveries", metadata,
    Column("event", Text, primary_key=True), Column("node", Text, primary_key=True),
    Column("community", Text), Column("sequence", BigInteger, nullable=False),
    Column("topic", Text, nullable=False), Column("partition", Integer, nullable=False), Column("offset", BigInteger, nullable=False),
    Column("verdict", Text, nullable=False), Column("reason", Text), Column("native_id", Text), Column("native_version", Text),
    moment("at", required=True), moment("reported_at", required=True),
    Column("receipt", Text, nullable=False), Column("key_id", Text, nullable=False),
)  # fmt: skip

resyncs = Table(
    "resyncs", metadata,
    Column("node", ForeignKey("hub.nodes.id"), primary_key=True),
    Column("community", ForeignKey("hub.communities.id"), primary_key=True),
    Column("space", Text, nullable=False), Column("request", Text, nullable=False),
    Column("since", BigInteger, nullable=False), Column("reached", BigInteger, nullable=False), Column("state", Text, nullable=False),
    moment("asked_at", required=True), moment("moved_at", required=True),
    Column("originals", BigInteger, nullable=False), Column("stand_ins", BigInteger, nullable=False),
    Column("left_out", BigInteger, nullable=False),
)  # fmt: skip

copies = Table(
    "copies", metadata,
    Column("object", Text, primary_key=True), Column("node", Text, primary_key=True),
    Column("state", Text, nullable=False), moment("at", required=True),
)  # fmt: skip
