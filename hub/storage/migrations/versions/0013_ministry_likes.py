"""Which reaction of a ministry's was told to peers, where its agents share one actor."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table. What was told before stands in none: its end is told by the reaction's own id, as it was."""
    op.execute("""
        CREATE TABLE hub.ministry_likes (
            node TEXT NOT NULL,
            message TEXT NOT NULL,
            kind TEXT NOT NULL,
            reaction TEXT NOT NULL,
            PRIMARY KEY (node, message, kind)
        )
    """)


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP TABLE hub.ministry_likes")
