"""The later parts of a long message's copy are objects of the ledger too."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

KINDS = "ALTER TABLE adapters.objects DROP CONSTRAINT objects_kind_check, ADD CONSTRAINT objects_kind_check CHECK (kind IN ({}))"


def upgrade() -> None:
    op.execute(KINDS.format("'message', 'reaction', 'answer', 'part'"))


def downgrade() -> None:
    op.execute("DELETE FROM adapters.objects WHERE kind = 'part'")
    op.execute(KINDS.format("'message', 'reaction', 'answer'"))
