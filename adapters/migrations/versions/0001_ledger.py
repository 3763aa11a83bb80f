"""The ledger: objects, persons, intents, spool, ties, sequences, refused objects, receipts, offsets, registry."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE adapters.objects (
        instance text NOT NULL,
        native_id text NOT NULL,
        subject text NOT NULL,
        origin text NOT NULL CHECK (origin IN ('own', 'copy')),
        locator text,
        versions text[] NOT NULL DEFAULT '{}',
        space text NOT NULL,
        community text NOT NULL,
        deleted boolean NOT NULL DEFAULT false,
        withdrawn boolean NOT NULL DEFAULT false,
        PRIMARY KEY (instance, native_id)
    )
    """,
    "CREATE INDEX objects_locator ON adapters.objects (instance, locator) WHERE locator IS NOT NULL",
    "CREATE INDEX objects_subject ON adapters.objects (instance, subject)",
    """
    CREATE TABLE adapters.persons (
        instance text NOT NULL,
        actor text NOT NULL,
        secret bytea NOT NULL CHECK (length(secret) = 32),
        PRIMARY KEY (instance, actor)
    )
    """,
    """
    CREATE TABLE adapters.intents (
        instance text NOT NULL,
        key text NOT NULL,
        act text NOT NULL,
        space text NOT NULL,
        native_id text,
        state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed')),
        opened_at timestamptz NOT NULL,
        PRIMARY KEY (instance, key)
    )
    """,
    "CREATE INDEX intents_open ON adapters.intents (instance) WHERE state = 'open'",
    """
    CREATE TABLE adapters.spool (
        position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        instance text NOT NULL,
        kind text NOT NULL CHECK (kind IN ('record', 'parked', 'incomplete')),
        topic text NOT NULL DEFAULT '',
        key bytea NOT NULL DEFAULT '',
        value bytea NOT NULL,
        headers bytea NOT NULL DEFAULT '[]',
        reason text NOT NULL DEFAULT '',
        stored_at timestamptz NOT NULL,
        not_before timestamptz
    )
    """,
    "CREATE INDEX spool_order ON adapters.spool (instance, kind, position)",
    """
    CREATE TABLE adapters.ties (
        instance text NOT NULL,
        space text NOT NULL,
        community text NOT NULL,
        title text NOT NULL,
        community_audience text NOT NULL,
        space_name text NOT NULL DEFAULT '',
        audience text NOT NULL,
        externals boolean NOT NULL DEFAULT false,
        state text NOT NULL CHECK (state IN ('proposed', 'accepted', 'confirmed', 'refused')),
        reason text,
        renewed_at timestamptz NOT NULL,
        PRIMARY KEY (instance, space)
    )
    """,
    """
    CREATE TABLE adapters.sequences (
        instance text NOT NULL,
        community text NOT NULL,
        applied bigint NOT NULL,
        later bigint[] NOT NULL DEFAULT '{}',
        PRIMARY KEY (instance, community)
    )
    """,
    """
    CREATE TABLE adapters.refused_objects (
        instance text NOT NULL,
        subject text NOT NULL,
        reason text NOT NULL,
        refused_at timestamptz NOT NULL,
        PRIMARY KEY (instance, subject)
    )
    """,
    """
    CREATE TABLE adapters.receipts (
        position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        instance text NOT NULL,
        delivery bytea NOT NULL
    )
    """,
    "CREATE INDEX receipts_order ON adapters.receipts (instance, position)",
    """
    CREATE TABLE adapters.offsets (
        instance text NOT NULL,
        topic text NOT NULL,
        partition int NOT NULL,
        next_offset bigint NOT NULL,
        PRIMARY KEY (instance, topic, partition)
    )
    """,
    """
    CREATE TABLE adapters.registry (
        instance text NOT NULL,
        anchor text NOT NULL,
        version bigint NOT NULL,
        document bytea NOT NULL,
        PRIMARY KEY (instance, anchor)
    )
    """,
)
TABLES = ("objects", "persons", "intents", "spool", "ties", "sequences", "refused_objects", "receipts", "offsets", "registry")


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP TABLE adapters.{table}")
