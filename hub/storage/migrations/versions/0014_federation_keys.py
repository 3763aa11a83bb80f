"""The pairs by which this hub signs for other servers: the one in use, those that follow and those that were followed."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them; until a pair follows the first one, `TRAITDUNION_FEDERATION_ANCHOR` alone names it and the table is empty."""
    op.execute(
        """
        CREATE TABLE hub.federation_keys (
            multibase TEXT PRIMARY KEY,
            rsa TEXT NOT NULL,
            active_from TIMESTAMP WITH TIME ZONE,
            retiring_from TIMESTAMP WITH TIME ZONE,
            retired_at TIMESTAMP WITH TIME ZONE,
            revoked_at TIMESTAMP WITH TIME ZONE,
            compromised_since TIMESTAMP WITH TIME ZONE
        )
        """
    )


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP TABLE hub.federation_keys")
