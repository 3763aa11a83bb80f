"""A copy that repeats words of what it answers names it: they follow it, and go with it."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE adapters.objects ADD COLUMN quoted text")
    op.execute("CREATE INDEX objects_quoted ON adapters.objects (instance, quoted) WHERE quoted IS NOT NULL")


def downgrade() -> None:
    op.execute("ALTER TABLE adapters.objects DROP COLUMN quoted")
