"""The registry's tables of the schema `hub`: peers, applications, the federation's people, what they did."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, text
from sqlalchemy.dialects.postgresql import ARRAY

from hub.storage.tables import metadata, moment

peers = Table(
    "peers", metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False), Column("organisation", Text, nullable=False),
    Column("kind", Text, nullable=False), Column("grade", Text, nullable=False),
    Column("cavage", Boolean, nullable=False), Column("networks", ARRAY(Text), nullable=False), Column("anchor", Text),
    Column("declared", Boolean, nullable=False, server_default=text("false")),
    moment("applied_at", required=True), moment("admitted_at"), moment("manifest_expires"),
)  # fmt: skip

federation_keys = Table(
    "federation_keys", metadata,
    Column("multibase", Text, primary_key=True), Column("rsa", Text, nullable=False),
    moment("active_from"), moment("retiring_from"), moment("retired_at"), moment("revoked_at"), moment("compromised_since"),
)  # fmt: skip

hub_keys = Table(
    "hub_keys", metadata,
    Column("multibase", Text, primary_key=True), Column("succession", LargeBinary),
    moment("active_from"), moment("retiring_from"), moment("retired_at"), moment("revoked_at"), moment("compromised_since"),
)  # fmt: skip

people = Table(
    "people", metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False), Column("organisation", Text, nullable=False), Column("siret", Text, nullable=False),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    moment("added_at", required=True), moment("revoked_at"),
)  # fmt: skip

applications = Table(
    "applications", metadata,
    Column("digest", Text, primary_key=True),
    Column("subject", Text, nullable=False), Column("state", Text, nullable=False),
    Column("manifest", LargeBinary, nullable=False),
    moment("issued", required=True), moment("applied_at", required=True), moment("decided_at"),
    Index("one_open_application", "subject", unique=True, postgresql_where=text("state = 'open'")),
)  # fmt: skip

acts = Table(
    "acts", metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("subject", Text, nullable=False), Column("kind", Text, nullable=False), moment("at", required=True),
    Column("application", ForeignKey("hub.applications.digest")), Column("person", ForeignKey("hub.people.id")),
    Column("grade", Text), Column("key", Text), Column("reason", Text), Column("version", Integer),
    Column("attestation", LargeBinary, nullable=False),
    Index("acts_by_subject", "subject", "id"),
)  # fmt: skip
