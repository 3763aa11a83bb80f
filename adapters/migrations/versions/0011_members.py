"""Who takes part in a tied space, as it was told last."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE adapters.members (
            instance text NOT NULL,
            space text NOT NULL,
            actor text NOT NULL,
            native_id text NOT NULL,
            community text NOT NULL,
            name text NOT NULL,
            revision int NOT NULL,
            state text NOT NULL CHECK (state IN ('coming', 'present', 'leaving')),
            PRIMARY KEY (space, actor, instance)
        )
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE adapters.members")
