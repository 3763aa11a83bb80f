"""Since when each tie lives without a break: what was written in its space before that was told to nobody."""

from __future__ import annotations

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE adapters.ties ADD COLUMN begun_at timestamptz NOT NULL DEFAULT now()",
    """
    UPDATE adapters.ties SET begun_at = coalesce(
        (SELECT since FROM adapters.polls WHERE polls.instance = ties.instance AND polls.space = ties.space),
        nullif(renewed_at, to_timestamp(0)), begun_at)
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("ALTER TABLE adapters.ties DROP COLUMN begun_at")
