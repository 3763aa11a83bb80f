"""Reactions to messages, and accepted answers."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

CREATE = (
    """
    CREATE TABLE hub.reactions (
        id TEXT NOT NULL,
        community TEXT NOT NULL,
        node TEXT NOT NULL,
        object TEXT,
        actor TEXT NOT NULL,
        organisation TEXT NOT NULL,
        emoji TEXT NOT NULL,
        state TEXT NOT NULL,
        first_event TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (id),
        FOREIGN KEY(community) REFERENCES hub.communities (id)
    )
    """,
    "CREATE INDEX reactions_by_object ON hub.reactions (object, actor)",
    """
    CREATE TABLE hub.answers (
        question TEXT NOT NULL,
        community TEXT NOT NULL,
        message TEXT,
        last_sequence BIGINT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (question),
        FOREIGN KEY(community) REFERENCES hub.communities (id)
    )
    """,
    "CREATE INDEX answers_by_message ON hub.answers (message)",
)


def upgrade() -> None:
    for statement in CREATE:
        op.execute(statement)


def downgrade() -> None:
    for table in ("answers", "reactions"):
        op.execute(f"DROP TABLE hub.{table}")
