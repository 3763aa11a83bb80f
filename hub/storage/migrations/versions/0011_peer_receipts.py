"""Receipts between our own servers: what we owe to others, what they told us, and the digest of what was told to them."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

CREATE = (
    "ALTER TABLE hub.peer_activities ADD COLUMN digest TEXT",
    """
    CREATE TABLE hub.receipts_owed (
        peer TEXT NOT NULL,
        activity TEXT NOT NULL,
        digest TEXT NOT NULL,
        inbox TEXT NOT NULL,
        event TEXT,
        fate TEXT,
        reason TEXT,
        told TEXT NOT NULL,
        looks INTEGER NOT NULL,
        due_at TIMESTAMP WITH TIME ZONE,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (peer, activity)
    ) WITH (fillfactor = 80)
    """,
    "CREATE INDEX receipts_due ON hub.receipts_owed (due_at) WHERE due_at IS NOT NULL",
    "CREATE INDEX receipts_owed_to_forget ON hub.receipts_owed (at)",
    """
    CREATE TABLE hub.peer_receipts (
        peer TEXT NOT NULL,
        event TEXT NOT NULL,
        digest TEXT NOT NULL,
        fate TEXT NOT NULL,
        reason TEXT,
        community TEXT,
        sequence BIGINT,
        nodes JSONB NOT NULL,
        issued TIMESTAMP WITH TIME ZONE NOT NULL,
        receipt TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (peer, event)
    )
    """,
    "CREATE INDEX peer_receipts_by_event ON hub.peer_receipts (event)",
    "CREATE INDEX peer_receipts_to_forget ON hub.peer_receipts (at)",
)


def upgrade() -> None:
    """Create them."""
    for statement in CREATE:
        op.execute(statement)


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP TABLE hub.peer_receipts, hub.receipts_owed")
    op.execute("ALTER TABLE hub.peer_activities DROP COLUMN digest")
