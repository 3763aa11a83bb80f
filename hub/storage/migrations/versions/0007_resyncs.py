"""What nodes that were away for too long are sent again, and the numbers of a community in their order."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

CREATE = (
    """
    CREATE TABLE hub.resyncs (
        node TEXT NOT NULL,
        community TEXT NOT NULL,
        space TEXT NOT NULL,
        request TEXT NOT NULL,
        since BIGINT NOT NULL,
        reached BIGINT NOT NULL,
        state TEXT NOT NULL,
        asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
        moved_at TIMESTAMP WITH TIME ZONE NOT NULL,
        originals BIGINT NOT NULL,
        stand_ins BIGINT NOT NULL,
        left_out BIGINT NOT NULL,
        PRIMARY KEY (node, community),
        FOREIGN KEY(node) REFERENCES hub.nodes (id),
        FOREIGN KEY(community) REFERENCES hub.communities (id)
    )
    """,
    "CREATE INDEX events_by_number ON hub.events (community, sequence) WHERE sequence IS NOT NULL",
)


def upgrade() -> None:
    for statement in CREATE:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP INDEX hub.events_by_number")
    op.execute("DROP TABLE hub.resyncs")
