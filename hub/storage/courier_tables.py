"""The courier's tables of the schema `hub`: where each peer stands, what was told to whom, what was refused."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from hub.storage.tables import metadata, moment

peer_positions = Table(
    "peer_positions", metadata,
    Column("peer", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("state", Text, nullable=False), Column("behind", Boolean, nullable=False),
    Column("failures", Integer, nullable=False), Column("tries", Integer, nullable=False), moment("next_try"),
    Column("scheme", Text), moment("scheme_at"),
    moment("last_success"), moment("last_failure"), moment("failing_since"), Column("reason", Text),
    Column("wish", Text),
    Column("errors", Integer, nullable=False, server_default="0"), moment("errors_since"),
)  # fmt: skip

peer_activities = Table(
    "peer_activities", metadata,
    Column("offset", BigInteger, primary_key=True, autoincrement=False),
    Column("event", Text, nullable=False), Column("community", Text, nullable=False), Column("form", Text, nullable=False),
    Column("peers", JSONB, nullable=False), moment("at", required=True), Column("digest", Text),
    Index("peer_activities_by_event", "event"), Index("peer_activities_to_forget", "at"),
)  # fmt: skip

peer_refusals = Table(
    "peer_refusals", metadata,
    Column("peer", Text, primary_key=True), Column("offset", BigInteger, primary_key=True, autoincrement=False),
    Column("reason", Text, nullable=False), moment("at", required=True), moment("resent_at"),
    Index("peer_refusals_by_offset", "offset"), Index("peer_refusals_to_forget", "at"),
)  # fmt: skip
