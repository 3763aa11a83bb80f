"""What took away something from elsewhere: a Group's moderation may bring it back, which its author's own deletion may not."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What was deleted before stays so: nobody remembers by whom."""
    op.execute("ALTER TABLE hub.external_objects ADD COLUMN withdrawal TEXT, ADD COLUMN withdrawn_by TEXT")


def downgrade() -> None:
    """Forget it."""
    op.execute("ALTER TABLE hub.external_objects DROP COLUMN withdrawal, DROP COLUMN withdrawn_by")
