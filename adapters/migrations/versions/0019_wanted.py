"""Where a message that a back-fill will bring is found in its RSE, and whether somebody answers it already."""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE adapters.backfill_items ADD COLUMN locator text, ADD COLUMN wanted boolean NOT NULL DEFAULT false")
    op.execute(
        "CREATE INDEX backfill_items_locator ON adapters.backfill_items (instance, locator) WHERE locator IS NOT NULL AND state IN ('waiting', 'telling')"
    )
    op.execute("CREATE INDEX backfill_items_waiting ON adapters.backfill_items (instance, native_id) WHERE state IN ('waiting', 'telling')")


def downgrade() -> None:
    op.execute("DROP INDEX adapters.backfill_items_waiting, adapters.backfill_items_locator")
    op.execute("ALTER TABLE adapters.backfill_items DROP COLUMN locator, DROP COLUMN wanted")
