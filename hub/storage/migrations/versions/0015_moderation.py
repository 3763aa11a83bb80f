"""Moderation: who moderates which community, what was taken away, what the animators are told of."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables, empty: what was noted of copies before is shown where it was, and opens no report."""
    op.execute("""
        CREATE TABLE hub.moderators (
            community TEXT NOT NULL REFERENCES hub.communities (id),
            node TEXT NOT NULL REFERENCES hub.nodes (id),
            actor TEXT NOT NULL,
            name TEXT NOT NULL,
            since TIMESTAMP WITH TIME ZONE NOT NULL,
            named_by TEXT NOT NULL REFERENCES hub.people (id),
            PRIMARY KEY (community, node, actor)
        )
    """)
    op.execute("""
        CREATE TABLE hub.moderations (
            message TEXT PRIMARY KEY REFERENCES hub.messages (id),
            community TEXT NOT NULL REFERENCES hub.communities (id),
            ground TEXT NOT NULL,
            note TEXT NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            node TEXT,
            actor TEXT,
            person TEXT REFERENCES hub.people (id),
            value BYTEA,
            headers JSONB,
            admitted_at TIMESTAMP WITH TIME ZONE
        )
    """)
    op.execute("CREATE INDEX moderations_by_community ON hub.moderations (community)")
    op.execute("""
        CREATE TABLE hub.copy_reports (
            id BIGSERIAL PRIMARY KEY,
            community TEXT NOT NULL REFERENCES hub.communities (id),
            message TEXT NOT NULL REFERENCES hub.messages (id),
            node TEXT NOT NULL,
            kind TEXT NOT NULL,
            actor TEXT NOT NULL,
            times BIGINT NOT NULL,
            first_at TIMESTAMP WITH TIME ZONE NOT NULL,
            last_at TIMESTAMP WITH TIME ZONE NOT NULL,
            closed_at TIMESTAMP WITH TIME ZONE,
            closed_by TEXT REFERENCES hub.people (id),
            word TEXT
        )
    """)
    op.execute("CREATE UNIQUE INDEX one_open_report ON hub.copy_reports (message, node, kind) WHERE closed_at IS NULL")
    op.execute("CREATE INDEX messages_withheld ON hub.messages (id) WHERE state IN ('moderated', 'retracted')")
    op.execute("CREATE INDEX copy_reports_by_community ON hub.copy_reports (community, id)")


def downgrade() -> None:
    """Drop them. What is moderated is deleted for good: the code of before knows no such state, and nothing would bring it back after."""
    op.execute("UPDATE hub.messages SET state = 'deleted', title = NULL, html = '', link = NULL WHERE state IN ('moderated', 'retracted')")
    op.execute("DROP INDEX hub.messages_withheld")
    for table in ("copy_reports", "moderations", "moderators"):
        op.execute(f"DROP TABLE hub.{table}")
