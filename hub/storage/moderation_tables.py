"""Moderation's tables of the schema `hub`: who moderates where, what was taken away, what animators are told of."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from hub.storage.tables import metadata, moment

moderators = Table(
    "moderators", metadata,
    Column("community", ForeignKey("hub.communities.id"), primary_key=True),
    Column("node", ForeignKey("hub.nodes.id"), primary_key=True), Column("actor", Text, primary_key=True),
    Column("name", Text, nullable=False), moment("since", required=True), Column("named_by", ForeignKey("hub.people.id"), nullable=False),
)  # fmt: skip

moderations = Table(
    "moderations", metadata,
    Column("message", ForeignKey("hub.messages.id"), primary_key=True),
    Column("community", ForeignKey("hub.communities.id"), nullable=False),
    Column("ground", Text, nullable=False), Column("note", Text, nullable=False), moment("at", required=True),
    Column("node", Text), Column("actor", Text), Column("person", ForeignKey("hub.people.id")),
    Column("value", LargeBinary), Column("headers", JSONB), moment("admitted_at"),
    Index("moderations_by_community", "community"),
)  # fmt: skip

copy_reports = Table(
    "copy_reports", metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("community", ForeignKey("hub.communities.id"), nullable=False), Column("message", ForeignKey("hub.messages.id"), nullable=False),
    Column("node", Text, nullable=False), Column("kind", Text, nullable=False), Column("actor", Text, nullable=False),
    Column("times", BigInteger, nullable=False), moment("first_at", required=True), moment("last_at", required=True),
    moment("closed_at"), Column("closed_by", ForeignKey("hub.people.id")), Column("word", Text),
    Index("one_open_report", "message", "node", "kind", unique=True, postgresql_where=text("closed_at IS NULL")),
    Index("copy_reports_by_community", "community", "id"),
)  # fmt: skip
