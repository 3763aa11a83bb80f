"""Where each peer stands with the courier, what was told to whom, and what was refused."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

CREATE = (
    """
    CREATE TABLE hub.peer_positions (
        peer TEXT NOT NULL,
        position BIGINT NOT NULL,
        state TEXT NOT NULL,
        behind BOOLEAN NOT NULL,
        failures INTEGER NOT NULL,
        tries INTEGER NOT NULL,
        next_try TIMESTAMP WITH TIME ZONE,
        scheme TEXT,
        scheme_at TIMESTAMP WITH TIME ZONE,
        last_success TIMESTAMP WITH TIME ZONE,
        last_failure TIMESTAMP WITH TIME ZONE,
        failing_since TIMESTAMP WITH TIME ZONE,
        reason TEXT,
        wish TEXT,
        PRIMARY KEY (peer)
    ) WITH (fillfactor = 70)
    """,
    """
    CREATE TABLE hub.peer_activities (
        "offset" BIGINT NOT NULL,
        event TEXT NOT NULL,
        community TEXT NOT NULL,
        form TEXT NOT NULL,
        peers JSONB NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY ("offset")
    )
    """,
    "CREATE INDEX peer_activities_by_event ON hub.peer_activities (event)",
    "CREATE INDEX peer_activities_to_forget ON hub.peer_activities (at)",
    """
    CREATE TABLE hub.peer_refusals (
        peer TEXT NOT NULL,
        "offset" BIGINT NOT NULL,
        reason TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (peer, "offset")
    )
    """,
    'CREATE INDEX peer_refusals_by_offset ON hub.peer_refusals ("offset")',
    "CREATE INDEX peer_refusals_to_forget ON hub.peer_refusals (at)",
)


def upgrade() -> None:
    for statement in CREATE:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE hub.peer_refusals, hub.peer_activities, hub.peer_positions")
