"""The tables of receipts between our own servers: what we owe to others, and what they told us."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from hub.storage.tables import metadata, moment

receipts_owed = Table(
    "receipts_owed", metadata,
    Column("peer", Text, primary_key=True), Column("activity", Text, primary_key=True),
    Column("digest", Text, nullable=False), Column("inbox", Text, nullable=False),
    Column("event", Text), Column("fate", Text), Column("reason", Text),
    Column("told", Text, nullable=False), Column("looks", Integer, nullable=False),
    moment("due_at"), moment("at", required=True),
    Index("receipts_due", "due_at", postgresql_where=text("due_at IS NOT NULL")), Index("receipts_owed_to_forget", "at"),
)  # fmt: skip

peer_receipts = Table(
    "peer_receipts", metadata,
    Column("peer", Text, primary_key=True), Column("event", Text, primary_key=True),
    Column("digest", Text, nullable=False), Column("fate", Text, nullable=False), Column("reason", Text),
    Column("community", Text), Column("sequence", BigInteger), Column("nodes", JSONB, nullable=False),
    moment("issued", required=True), Column("receipt", Text, nullable=False), moment("at", required=True),
    Index("peer_receipts_by_event", "event"), Index("peer_receipts_to_forget", "at"),
)  # fmt: skip
