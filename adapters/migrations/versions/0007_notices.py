"""Notices in tied spaces: which nodes hear a community, and what stands where."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE adapters.company (
        instance text NOT NULL,
        community text NOT NULL,
        nodes text[] NOT NULL,
        PRIMARY KEY (community, instance)
    )
    """,
    """
    CREATE TABLE adapters.notices (
        instance text NOT NULL,
        space text NOT NULL,
        community text NOT NULL,
        title text NOT NULL,
        native_id text,
        shown text NOT NULL DEFAULT '',
        leased_until timestamptz NOT NULL,
        PRIMARY KEY (space, community, instance)
    )
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    for table in ("company", "notices"):
        op.execute(f"DROP TABLE adapters.{table}")
