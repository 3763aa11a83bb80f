"""The hub's own keys, one after another: the registry's anchors; and what is known of those of other Trait d'union."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them; until another key follows the first one, the file of the settings alone names it and the table is empty."""
    op.execute(
        """
        CREATE TABLE hub.hub_keys (
            multibase TEXT PRIMARY KEY,
            succession BYTEA,
            active_from TIMESTAMP WITH TIME ZONE,
            retiring_from TIMESTAMP WITH TIME ZONE,
            retired_at TIMESTAMP WITH TIME ZONE,
            revoked_at TIMESTAMP WITH TIME ZONE,
            compromised_since TIMESTAMP WITH TIME ZONE
        )
        """
    )
    op.execute("ALTER TABLE hub.peer_registries ADD COLUMN anchor TEXT, ADD COLUMN document BYTEA, ADD COLUMN hub_keys JSONB")
    op.execute("ALTER TABLE hub.events ADD COLUMN door_key TEXT")


def downgrade() -> None:
    """Drop them."""
    op.execute("ALTER TABLE hub.events DROP COLUMN door_key")
    op.execute("ALTER TABLE hub.peer_registries DROP COLUMN anchor, DROP COLUMN document, DROP COLUMN hub_keys")
    op.execute("DROP TABLE hub.hub_keys")
