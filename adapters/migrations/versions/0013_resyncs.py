"""Of which communities a node missed what its topic has forgotten, and awaits it from the hub."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE adapters.resyncs (
            instance text NOT NULL,
            community text NOT NULL,
            space text NOT NULL,
            reason text NOT NULL,
            missed_at timestamptz NOT NULL,
            request text NOT NULL DEFAULT '',
            asked_at timestamptz,
            completed_at timestamptz,
            PRIMARY KEY (community, instance)
        )
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE adapters.resyncs")
