"""The greatest of an RSE's own numbers that stood in a space before it was tied: what comes after it is new, whatever the RSE's clock says."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE adapters.polls ADD COLUMN floor bigint")


def downgrade() -> None:
    op.execute("ALTER TABLE adapters.polls DROP COLUMN floor")
