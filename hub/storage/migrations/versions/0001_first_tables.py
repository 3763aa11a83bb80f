"""First tables: registry, communities, streams."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

CREATE = """
CREATE SEQUENCE hub.held_position;

CREATE TABLE hub.attempts (
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    "offset" BIGINT NOT NULL,
    count INTEGER NOT NULL,
    last_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (topic, partition, "offset")
);

CREATE TABLE hub.communities (
    id TEXT NOT NULL,
    title TEXT NOT NULL,
    audience TEXT NOT NULL,
    sequence BIGINT DEFAULT 0 NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE hub.copies (
    object TEXT NOT NULL,
    node TEXT NOT NULL,
    state TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (object, node)
);

CREATE TABLE hub.deliveries (
    event TEXT NOT NULL,
    node TEXT NOT NULL,
    community TEXT,
    sequence BIGINT NOT NULL,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    "offset" BIGINT NOT NULL,
    verdict TEXT NOT NULL,
    reason TEXT,
    native_id TEXT,
    native_version TEXT,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    reported_at TIMESTAMP WITH TIME ZONE NOT NULL,
    receipt TEXT NOT NULL,
    key_id TEXT NOT NULL,
    PRIMARY KEY (event, node)
);

CREATE TABLE hub.events (
    id TEXT NOT NULL,
    node TEXT NOT NULL,
    type TEXT NOT NULL,
    native_id TEXT NOT NULL,
    change_marker TEXT NOT NULL,
    subject TEXT NOT NULL,
    community TEXT,
    outcome TEXT NOT NULL,
    sequence BIGINT,
    digest TEXT NOT NULL,
    key_id TEXT NOT NULL,
    correlation TEXT NOT NULL,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    "offset" BIGINT NOT NULL,
    occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
    admitted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    handled_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT one_change_once UNIQUE (node, type, native_id, change_marker)
);

CREATE INDEX events_by_subject ON hub.events (subject);

CREATE TABLE hub.held (
    event TEXT NOT NULL,
    position BIGINT DEFAULT nextval('hub.held_position') NOT NULL,
    community TEXT NOT NULL,
    subject TEXT NOT NULL,
    parent TEXT NOT NULL,
    value BYTEA NOT NULL,
    headers JSONB NOT NULL,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    "offset" BIGINT NOT NULL,
    admitted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    until TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (event)
);

CREATE INDEX held_by_parent ON hub.held (parent);

CREATE INDEX held_by_subject ON hub.held (subject);

CREATE INDEX held_until ON hub.held (until);

CREATE TABLE hub.organisations (
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE hub.outbox (
    id BIGSERIAL NOT NULL,
    topic TEXT NOT NULL,
    key TEXT NOT NULL,
    value BYTEA NOT NULL,
    headers JSONB NOT NULL,
    event TEXT NOT NULL,
    digest TEXT NOT NULL,
    community TEXT,
    sequence BIGINT,
    targets JSONB NOT NULL,
    admitted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE,
    partition INTEGER,
    "offset" BIGINT,
    PRIMARY KEY (id),
    CONSTRAINT one_record_per_number UNIQUE (community, sequence)
);

CREATE INDEX outbox_by_event ON hub.outbox (event);

CREATE INDEX outbox_to_forget ON hub.outbox (published_at);

CREATE INDEX outbox_to_publish ON hub.outbox (id) WHERE published_at IS NULL;

CREATE TABLE hub.registry_documents (
    version INTEGER NOT NULL,
    document BYTEA NOT NULL,
    issued TIMESTAMP WITH TIME ZONE NOT NULL,
    expires TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (version)
);

CREATE TABLE hub.stream_offsets (
    "group" TEXT NOT NULL,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    next_offset BIGINT NOT NULL,
    PRIMARY KEY ("group", topic, partition)
);

CREATE TABLE hub.strikes (
    node TEXT NOT NULL,
    event TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (node, event)
);

CREATE INDEX strikes_by_time ON hub.strikes (at);

CREATE TABLE hub.messages (
    id TEXT NOT NULL,
    community TEXT NOT NULL,
    node TEXT NOT NULL,
    state TEXT NOT NULL,
    parent TEXT,
    thread TEXT NOT NULL,
    author TEXT NOT NULL,
    organisation TEXT NOT NULL,
    title TEXT,
    html TEXT NOT NULL,
    link TEXT,
    occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
    first_sequence BIGINT NOT NULL,
    last_sequence BIGINT NOT NULL,
    first_event TEXT NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(community) REFERENCES hub.communities (id)
);

CREATE INDEX messages_by_community ON hub.messages (community, first_sequence);

CREATE INDEX messages_by_first_event ON hub.messages (first_event);

CREATE TABLE hub.nodes (
    id TEXT NOT NULL,
    organisation TEXT NOT NULL,
    platform TEXT NOT NULL,
    grade TEXT NOT NULL,
    applied_at TIMESTAMP WITH TIME ZONE NOT NULL,
    approved_at TIMESTAMP WITH TIME ZONE,
    quarantined_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    FOREIGN KEY(organisation) REFERENCES hub.organisations (id)
);

CREATE TABLE hub.node_keys (
    id TEXT NOT NULL,
    node TEXT NOT NULL,
    multibase TEXT NOT NULL,
    active_from TIMESTAMP WITH TIME ZONE,
    retiring_from TIMESTAMP WITH TIME ZONE,
    retired_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    FOREIGN KEY(node) REFERENCES hub.nodes (id)
);

CREATE TABLE hub.ties (
    node TEXT NOT NULL,
    community TEXT NOT NULL,
    space TEXT NOT NULL,
    space_name TEXT DEFAULT '' NOT NULL,
    state TEXT NOT NULL,
    audience TEXT,
    reason TEXT,
    proposed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    attested_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (node, community),
    CONSTRAINT one_community_per_space UNIQUE (node, space),
    FOREIGN KEY(node) REFERENCES hub.nodes (id),
    FOREIGN KEY(community) REFERENCES hub.communities (id)
);
"""

DROP = [
    "ties",
    "node_keys",
    "nodes",
    "messages",
    "strikes",
    "stream_offsets",
    "registry_documents",
    "outbox",
    "organisations",
    "held",
    "events",
    "deliveries",
    "copies",
    "communities",
    "attempts",
]


def upgrade() -> None:
    for statement in CREATE.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    for table in DROP:
        op.execute(f"DROP TABLE hub.{table}")
    op.execute("DROP SEQUENCE hub.held_position")
