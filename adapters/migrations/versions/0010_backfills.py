"""What spaces held before their tie: what was asked for, how far it was read, which messages wait. No content."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE adapters.backfills (
        instance text NOT NULL,
        space text NOT NULL,
        community text NOT NULL,
        days int NOT NULL CHECK (days > 0),
        since timestamptz NOT NULL,
        until timestamptz NOT NULL,
        state text NOT NULL CHECK (state IN ('surveying', 'bringing', 'done', 'stopped', 'undoing', 'undone')),
        cursor text,
        reason text NOT NULL DEFAULT '',
        holder text NOT NULL DEFAULT '',
        leased_until timestamptz NOT NULL DEFAULT '-infinity',
        PRIMARY KEY (space, community, instance)
    )
    """,
    """
    CREATE TABLE adapters.backfill_items (
        instance text NOT NULL,
        space text NOT NULL,
        community text NOT NULL,
        native_id text NOT NULL,
        created_at timestamptz NOT NULL,
        state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'telling', 'brought', 'left_out', 'untelling', 'taken_back')),
        reason text NOT NULL DEFAULT '',
        PRIMARY KEY (native_id, space, community, instance)
    )
    """,
    "CREATE INDEX backfill_items_order ON adapters.backfill_items (space, community, created_at, native_id, instance)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    for table in ("backfill_items", "backfills"):
        op.execute(f"DROP TABLE adapters.{table}")
