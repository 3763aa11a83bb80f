"""Secrets that an instance made of its node's key once: another key follows, and they must not change with it."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "CREATE TABLE adapters.kept_secrets (instance text NOT NULL, name text NOT NULL, secret text NOT NULL, PRIMARY KEY (instance, name))"
    )


def downgrade() -> None:
    op.execute("DROP TABLE adapters.kept_secrets")
