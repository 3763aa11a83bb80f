"""Messages from before their space's tie: marked, and numbered like others."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE hub.messages ADD COLUMN history BOOLEAN NOT NULL DEFAULT false")


def downgrade() -> None:
    op.execute("ALTER TABLE hub.messages DROP COLUMN history")
