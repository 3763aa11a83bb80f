"""Which of this RSE's own messages a moderator took away, and the versions that our own hand gave them."""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "ALTER TABLE adapters.objects ADD COLUMN moderated boolean NOT NULL DEFAULT false, ADD COLUMN settled text[] NOT NULL DEFAULT '{}'"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE adapters.objects DROP COLUMN moderated, DROP COLUMN settled")
