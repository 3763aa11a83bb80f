"""Likes are numbered: those that were only noted are told at the next look, where their message was."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE adapters.sightings SET likes = '{}' WHERE likes <> '{}'")


def downgrade() -> None:
    op.execute("UPDATE adapters.sightings SET likes = '{}' WHERE likes <> '{}'")
