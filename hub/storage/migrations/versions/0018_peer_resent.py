"""When what a peer did not take was sent to it again: then it is set aside no longer."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing was sent again so far."""
    op.execute("ALTER TABLE hub.peer_refusals ADD COLUMN resent_at TIMESTAMP WITH TIME ZONE")


def downgrade() -> None:
    """Forget it."""
    op.execute("ALTER TABLE hub.peer_refusals DROP COLUMN resent_at")
