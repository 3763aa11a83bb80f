"""Followers, our follows, what peers made that stands here, activities seen, reports, peers in quarantine."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

MOMENT = "TIMESTAMP WITH TIME ZONE"
CREATE = (
    f"""
    CREATE TABLE hub.followers (
        community TEXT NOT NULL,
        actor TEXT NOT NULL,
        peer TEXT NOT NULL,
        inbox TEXT NOT NULL,
        shared_inbox TEXT NOT NULL,
        kind TEXT NOT NULL,
        follow TEXT NOT NULL,
        since {MOMENT} NOT NULL,
        PRIMARY KEY (community, actor)
    )
    """,
    "CREATE INDEX followers_by_actor ON hub.followers (actor)",
    "CREATE INDEX followers_by_peer ON hub.followers (peer)",
    f"""
    CREATE TABLE hub.follows (
        community TEXT NOT NULL,
        "group" TEXT NOT NULL,
        peer TEXT NOT NULL,
        state TEXT NOT NULL,
        activity TEXT NOT NULL,
        asked_at {MOMENT} NOT NULL,
        answered_at {MOMENT},
        reason TEXT,
        PRIMARY KEY (community, "group")
    )
    """,
    'CREATE INDEX follows_by_group ON hub.follows ("group")',
    "CREATE INDEX follows_by_activity ON hub.follows (activity)",
    f"""
    CREATE TABLE hub.external_objects (
        id TEXT NOT NULL,
        subject TEXT NOT NULL,
        community TEXT NOT NULL,
        owner TEXT NOT NULL,
        peer TEXT NOT NULL,
        kind TEXT NOT NULL,
        via TEXT,
        at {MOMENT} NOT NULL,
        about TEXT,
        emoji TEXT,
        PRIMARY KEY (id)
    )
    """,
    "CREATE INDEX external_objects_by_owner ON hub.external_objects (owner)",
    "CREATE INDEX external_objects_by_subject ON hub.external_objects (subject)",
    f"CREATE TABLE hub.activities_seen (id TEXT NOT NULL, peer TEXT NOT NULL, at {MOMENT} NOT NULL, PRIMARY KEY (id))",
    "CREATE INDEX activities_to_forget ON hub.activities_seen (at)",
    f"""
    CREATE TABLE hub.reports (
        id TEXT NOT NULL,
        community TEXT NOT NULL,
        actor TEXT NOT NULL,
        peer TEXT NOT NULL,
        subject TEXT NOT NULL,
        comment TEXT NOT NULL,
        at {MOMENT} NOT NULL,
        PRIMARY KEY (id)
    )
    """,
    "CREATE INDEX reports_by_time ON hub.reports (at)",
    f"CREATE TABLE hub.peer_registries (peer TEXT NOT NULL, version INTEGER NOT NULL, at {MOMENT} NOT NULL, PRIMARY KEY (peer))",
    f"CREATE TABLE hub.peer_quarantines (peer TEXT NOT NULL, at {MOMENT} NOT NULL, PRIMARY KEY (peer))",
)
TABLES = ("peer_quarantines", "peer_registries", "reports", "activities_seen", "external_objects", "follows", "followers")


def upgrade() -> None:
    for statement in CREATE:
        op.execute(statement)


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP TABLE hub.{table}")
