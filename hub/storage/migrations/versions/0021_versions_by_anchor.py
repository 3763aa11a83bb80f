"""Versions of a neighbour's registry count under the anchor that they were seen from; those of before anchors were kept, under the one of now."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

KNOW = "UPDATE hub.peer_registries AS seen SET anchor = peers.anchor FROM hub.peers WHERE peers.id = seen.peer AND seen.anchor IS NULL"


def upgrade() -> None:
    """Nothing may go back by being migrated."""
    op.execute(KNOW)


def downgrade() -> None:
    """The code of before reads them as well."""
