"""Who takes part in a community."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

CREATE = (
    """
    CREATE TABLE hub.members (
        id TEXT NOT NULL,
        community TEXT NOT NULL,
        node TEXT NOT NULL,
        space TEXT NOT NULL,
        actor TEXT NOT NULL,
        name TEXT NOT NULL,
        state TEXT NOT NULL,
        first_event TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (id),
        FOREIGN KEY(community) REFERENCES hub.communities (id)
    )
    """,
    "CREATE INDEX members_by_community ON hub.members (community, node) WHERE state = 'present'",
)


def upgrade() -> None:
    for statement in CREATE:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE hub.members")
