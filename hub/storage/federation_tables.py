"""The tables of federation with peers: followers, our follows, what came from elsewhere."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from hub.storage.tables import metadata, moment

followers = Table(
    "followers", metadata,
    Column("community", Text, primary_key=True), Column("actor", Text, primary_key=True),
    Column("peer", Text, nullable=False), Column("inbox", Text, nullable=False), Column("shared_inbox", Text, nullable=False),
    Column("kind", Text, nullable=False), Column("follow", Text, nullable=False), moment("since", required=True),
    Index("followers_by_actor", "actor"), Index("followers_by_peer", "peer"),
)  # fmt: skip

follows = Table(
    "follows", metadata,
    Column("community", Text, primary_key=True), Column("group", Text, primary_key=True),
    Column("peer", Text, nullable=False), Column("state", Text, nullable=False), Column("activity", Text, nullable=False),
    moment("asked_at", required=True), moment("answered_at"), Column("reason", Text),
    Index("follows_by_group", "group"), Index("follows_by_activity", "activity"),
)  # fmt: skip

external_objects = Table(
    "external_objects", metadata,
    Column("id", Text, primary_key=True), Column("subject", Text, nullable=False),
    Column("community", Text, nullable=False), Column("owner", Text, nullable=False), Column("peer", Text, nullable=False),
    Column("kind", Text, nullable=False), Column("via", Text), moment("at", required=True),
    Column("about", Text), Column("emoji", Text), Column("withdrawal", Text), Column("withdrawn_by", Text),
    Index("external_objects_by_owner", "owner"), Index("external_objects_by_subject", "subject"),
)  # fmt: skip

early_deletions = Table(
    "early_deletions", metadata,
    Column("object", Text, primary_key=True), Column("actor", Text, primary_key=True), moment("at", required=True),
)  # fmt: skip

activities_seen = Table(
    "activities_seen", metadata,
    Column("id", Text, primary_key=True), Column("actor", Text, primary_key=True), Column("peer", Text, nullable=False),
    moment("at", required=True),
    Index("activities_to_forget", "at"),
)  # fmt: skip

reports = Table(
    "reports", metadata,
    Column("id", Text, primary_key=True), Column("community", Text, nullable=False), Column("actor", Text, nullable=False),
    Column("peer", Text, nullable=False), Column("subject", Text, nullable=False), Column("comment", Text, nullable=False),
    moment("at", required=True),
    Index("reports_by_time", "at"),
)  # fmt: skip

peer_registries = Table(
    "peer_registries", metadata,
    Column("peer", Text, primary_key=True), Column("version", BigInteger, nullable=False), moment("at", required=True),
    Column("anchor", Text), Column("document", LargeBinary), Column("hub_keys", JSONB),
)  # fmt: skip

ministry_likes = Table(
    "ministry_likes", metadata,
    Column("node", Text, primary_key=True), Column("message", Text, primary_key=True), Column("kind", Text, primary_key=True),
    Column("reaction", Text, nullable=False),
)  # fmt: skip

peer_quarantines = Table("peer_quarantines", metadata, Column("peer", Text, primary_key=True), moment("at", required=True))
