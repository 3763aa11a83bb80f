"""Until when the accepted manifest of each node and peer answers for it."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

KINDS = (("nodes", "node"), ("peers", "peer"))


def upgrade() -> None:
    """Add it, from the manifests that stand; declarations, and who was admitted before manifests, have no end."""
    for table, kind in KINDS:
        op.execute(f"ALTER TABLE hub.{table} ADD COLUMN manifest_expires TIMESTAMP WITH TIME ZONE")
        op.execute(
            f"UPDATE hub.{table} SET manifest_expires = (convert_from(said.manifest, 'UTF8')::jsonb ->> 'expires')::timestamptz "  # noqa: S608 - names of our own
            f"FROM hub.applications said WHERE said.subject = '{kind}/' || {table}.id AND said.state = 'accepted'"
        )


def downgrade() -> None:
    """Drop it."""
    for table, _ in KINDS:
        op.execute(f"ALTER TABLE hub.{table} DROP COLUMN manifest_expires")
