"""What is said of something that has not come binds who said it: deletions before it, and the names of activities; others on its server may name it too."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

STEPS = (
    """
    CREATE TABLE hub.early_deletions (
        object TEXT NOT NULL,
        actor TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (object, actor)
    )
    """,
    "INSERT INTO hub.early_deletions SELECT id, owner, at FROM hub.external_objects WHERE kind = 'gone' AND community = ''",
    "DELETE FROM hub.external_objects WHERE kind = 'gone' AND community = ''",
    "ALTER TABLE hub.activities_seen ADD COLUMN actor TEXT NOT NULL DEFAULT '', DROP CONSTRAINT activities_seen_pkey, ADD PRIMARY KEY (id, actor)",
    "ALTER TABLE hub.activities_seen ALTER COLUMN actor DROP DEFAULT",
)
BACK = (
    "DELETE FROM hub.activities_seen AS one USING hub.activities_seen AS other WHERE one.id = other.id AND one.actor > other.actor",
    "ALTER TABLE hub.activities_seen DROP CONSTRAINT activities_seen_pkey, DROP COLUMN actor, ADD PRIMARY KEY (id)",
    """
    INSERT INTO hub.external_objects (id, subject, community, owner, peer, kind, at)
    SELECT DISTINCT ON (object) object, object, '', actor, split_part(object, '/', 3), 'gone', at
    FROM hub.early_deletions ORDER BY object, at
    ON CONFLICT DO NOTHING
    """,
    "DROP TABLE hub.early_deletions",
)


def upgrade() -> None:
    """What was deleted before it came was kept as an object without a community. Who sent an activity was not kept: the topics forget it soon."""
    for step in STEPS:
        op.execute(step)


def downgrade() -> None:
    """The first who deleted something keeps it out for all, as it was."""
    for step in BACK:
        op.execute(step)
