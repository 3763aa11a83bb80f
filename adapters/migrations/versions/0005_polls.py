"""What pollers remember: a cursor and a lease per space, and how each object of it looked last."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE adapters.polls (
        instance text NOT NULL,
        space text NOT NULL,
        since timestamptz NOT NULL,
        cursor text,
        holder text NOT NULL,
        leased_until timestamptz NOT NULL,
        changed_at timestamptz,
        PRIMARY KEY (space, instance)
    )
    """,
    """
    CREATE TABLE adapters.sightings (
        instance text NOT NULL,
        native_id text NOT NULL,
        space text NOT NULL,
        thread text,
        digest text NOT NULL,
        revision int NOT NULL,
        replies text NOT NULL DEFAULT '',
        likes text[] NOT NULL DEFAULT '{}',
        gone boolean NOT NULL DEFAULT false,
        created_at timestamptz NOT NULL,
        seen_at timestamptz NOT NULL,
        asked_at timestamptz,
        PRIMARY KEY (native_id, instance)
    )
    """,
    "CREATE INDEX sightings_space ON adapters.sightings (space, created_at, instance) WHERE NOT gone",
    "CREATE INDEX sightings_thread ON adapters.sightings (thread, instance) WHERE NOT gone AND thread IS NOT NULL",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    for table in ("polls", "sightings"):
        op.execute(f"DROP TABLE adapters.{table}")
