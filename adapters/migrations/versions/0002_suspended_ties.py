"""Ties may be suspended."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NAME = "ties_state_check"


def upgrade() -> None:
    op.execute(f"ALTER TABLE adapters.ties DROP CONSTRAINT {NAME}")
    op.execute(
        f"ALTER TABLE adapters.ties ADD CONSTRAINT {NAME} CHECK (state IN ('proposed', 'accepted', 'confirmed', 'suspended', 'refused'))"
    )


def downgrade() -> None:
    op.execute("UPDATE adapters.ties SET state = 'refused' WHERE state = 'suspended'")
    op.execute(f"ALTER TABLE adapters.ties DROP CONSTRAINT {NAME}")
    op.execute(f"ALTER TABLE adapters.ties ADD CONSTRAINT {NAME} CHECK (state IN ('proposed', 'accepted', 'confirmed', 'refused'))")
