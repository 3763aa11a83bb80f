"""Peers, applications, the people who approve and their acts; who keeps a key, and since when it is compromised."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

CREATE = (
    """
    CREATE TABLE hub.peers (
        id TEXT NOT NULL,
        name TEXT NOT NULL,
        organisation TEXT NOT NULL,
        kind TEXT NOT NULL,
        grade TEXT NOT NULL,
        cavage BOOLEAN NOT NULL,
        networks TEXT[] NOT NULL,
        anchor TEXT,
        applied_at TIMESTAMP WITH TIME ZONE NOT NULL,
        admitted_at TIMESTAMP WITH TIME ZONE,
        PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE hub.people (
        id TEXT NOT NULL,
        name TEXT NOT NULL,
        organisation TEXT NOT NULL,
        siret TEXT NOT NULL,
        token_hash BYTEA NOT NULL,
        added_at TIMESTAMP WITH TIME ZONE NOT NULL,
        revoked_at TIMESTAMP WITH TIME ZONE,
        PRIMARY KEY (id),
        UNIQUE (token_hash)
    )
    """,
    """
    CREATE TABLE hub.applications (
        digest TEXT NOT NULL,
        subject TEXT NOT NULL,
        state TEXT NOT NULL,
        manifest BYTEA NOT NULL,
        issued TIMESTAMP WITH TIME ZONE NOT NULL,
        applied_at TIMESTAMP WITH TIME ZONE NOT NULL,
        decided_at TIMESTAMP WITH TIME ZONE,
        PRIMARY KEY (digest)
    )
    """,
    "CREATE UNIQUE INDEX one_open_application ON hub.applications (subject) WHERE state = 'open'",
    """
    CREATE TABLE hub.acts (
        id BIGSERIAL NOT NULL,
        subject TEXT NOT NULL,
        kind TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        application TEXT,
        person TEXT,
        grade TEXT,
        key TEXT,
        reason TEXT,
        version INTEGER,
        attestation BYTEA NOT NULL,
        PRIMARY KEY (id),
        FOREIGN KEY(application) REFERENCES hub.applications (digest),
        FOREIGN KEY(person) REFERENCES hub.people (id)
    )
    """,
    "CREATE INDEX acts_by_subject ON hub.acts (subject, id)",
    "ALTER TABLE hub.node_keys ADD COLUMN custody TEXT, ADD COLUMN compromised_since TIMESTAMP WITH TIME ZONE",
)


def upgrade() -> None:
    for statement in CREATE:
        op.execute(statement)


def downgrade() -> None:
    op.execute("ALTER TABLE hub.node_keys DROP COLUMN custody, DROP COLUMN compromised_since")
    for table in ("acts", "applications", "people", "peers"):
        op.execute(f"DROP TABLE hub.{table}")
