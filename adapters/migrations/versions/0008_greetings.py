"""Who was told, the first time that she wrote in a community, who reads her there: by pseudonym alone."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE adapters.greetings (
            instance text NOT NULL,
            community text NOT NULL,
            person text NOT NULL,
            space text NOT NULL,
            native_id text,
            state text NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'told', 'given_up')),
            attempts int NOT NULL DEFAULT 0,
            due_at timestamptz NOT NULL,
            PRIMARY KEY (person, community, instance)
        )
        """
    )
    op.execute("CREATE INDEX greetings_due ON adapters.greetings (due_at, instance) WHERE state = 'due'")


def downgrade() -> None:
    op.execute("DROP TABLE adapters.greetings")
