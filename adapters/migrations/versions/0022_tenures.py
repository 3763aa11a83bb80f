"""Whose an instance's records are, by a number that grows each time that they go to another process."""

from __future__ import annotations

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE TABLE adapters.tenures (instance text PRIMARY KEY, number bigint NOT NULL)")


def downgrade() -> None:
    op.execute("DROP TABLE adapters.tenures")
