"""The signatures that a node door has taken, so that no other takes them again."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

CREATE = (
    """
    CREATE TABLE hub.signatures_seen (
        key_id TEXT NOT NULL,
        nonce TEXT NOT NULL,
        until TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (key_id, nonce)
    )
    """,
    "CREATE INDEX signatures_to_forget ON hub.signatures_seen (until)",
)


def upgrade() -> None:
    for statement in CREATE:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE hub.signatures_seen")
