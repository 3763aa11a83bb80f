"""Which copies repeat words that people of this RSE have taken away since, or brought back."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE adapters.objects ADD COLUMN stale boolean NOT NULL DEFAULT false")
    op.execute("CREATE INDEX objects_stale ON adapters.objects (instance) WHERE stale")


def downgrade() -> None:
    op.execute("ALTER TABLE adapters.objects DROP COLUMN stale")
