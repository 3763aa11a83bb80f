"""Where each tied space ended when its tie began, as its RSE says it: what stands before that and comes late was said to nobody else."""

from __future__ import annotations

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE adapters.ties ADD COLUMN behind text")


def downgrade() -> None:
    op.execute("ALTER TABLE adapters.ties DROP COLUMN behind")
