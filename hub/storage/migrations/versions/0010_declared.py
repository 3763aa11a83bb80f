"""Which peers the federation declared, for want of a manifest that they signed."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add it."""
    op.execute("ALTER TABLE hub.peers ADD COLUMN declared BOOLEAN NOT NULL DEFAULT false")


def downgrade() -> None:
    """Drop it."""
    op.execute("ALTER TABLE hub.peers DROP COLUMN declared")
