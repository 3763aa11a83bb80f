"""Which messages back-fills are just telling: one each, asked for with every batch."""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX backfill_items_telling ON adapters.backfill_items (instance) WHERE state = 'telling'")


def downgrade() -> None:
    op.execute("DROP INDEX adapters.backfill_items_telling")
