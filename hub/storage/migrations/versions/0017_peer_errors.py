"""How often each peer failed over the one activity that stands at its place, and since when: it is set aside in the end."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Begin to count."""
    op.execute(
        "ALTER TABLE hub.peer_positions ADD COLUMN errors INTEGER NOT NULL DEFAULT 0, ADD COLUMN errors_since TIMESTAMP WITH TIME ZONE"
    )


def downgrade() -> None:
    """Forget it."""
    op.execute("ALTER TABLE hub.peer_positions DROP COLUMN errors, DROP COLUMN errors_since")
