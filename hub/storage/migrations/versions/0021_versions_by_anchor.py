"""Versions of a neighbour's registry, which may be as high as JSON counts exactly, count under the anchor that they were seen from."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

STEPS = (
    "ALTER TABLE hub.peer_registries ALTER COLUMN version TYPE BIGINT",
    "UPDATE hub.peer_registries AS seen SET anchor = peers.anchor FROM hub.peers WHERE peers.id = seen.peer AND seen.anchor IS NULL",
)


def upgrade() -> None:
    """Those that were seen before anchors were kept count under the one of now: nothing may go back by being migrated."""
    for step in STEPS:
        op.execute(step)


def downgrade() -> None:
    """What is higher than the column of before holds is as high as that can be; its code reads the anchors as well."""
    op.execute("ALTER TABLE hub.peer_registries ALTER COLUMN version TYPE INTEGER USING least(version, 2147483647)")
