"""Who of this RSE wrote in which community, so that she can be called by whoever names her there."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "CREATE TABLE adapters.acquaintances (instance text NOT NULL, community text NOT NULL, name text NOT NULL, handle text NOT NULL, "
        "PRIMARY KEY (instance, community, handle))"
    )


def downgrade() -> None:
    op.execute("DROP TABLE adapters.acquaintances")
