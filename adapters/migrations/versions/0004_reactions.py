"""Reactions and acceptances are objects of the ledger too."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "ALTER TABLE adapters.objects "
        "ADD COLUMN kind text NOT NULL DEFAULT 'message' CHECK (kind IN ('message', 'reaction', 'answer')), "
        "ADD COLUMN about text, ADD COLUMN changes int NOT NULL DEFAULT 0"
    )
    op.execute("CREATE INDEX objects_about ON adapters.objects (about, instance) WHERE about IS NOT NULL")


def downgrade() -> None:
    op.execute("DELETE FROM adapters.objects WHERE kind <> 'message'")
    op.execute("DROP INDEX adapters.objects_about")
    op.execute("ALTER TABLE adapters.objects DROP COLUMN kind, DROP COLUMN about, DROP COLUMN changes")
