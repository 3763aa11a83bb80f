"""Objects, persons and intents are found by what tells them apart, then by their instance.

With the instance first, every index of a table looks equally good while the table is young, and a plan kept from then reads all rows
of the instance each time.
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEYS = {"objects": "native_id", "persons": "actor", "intents": "key"}


def upgrade() -> None:
    for table, column in KEYS.items():
        _rekey(table, f"{column}, instance")
    _reindex("subject, instance", "locator, instance")


def downgrade() -> None:
    for table, column in KEYS.items():
        _rekey(table, f"instance, {column}")
    _reindex("instance, subject", "instance, locator")


def _rekey(table: str, columns: str) -> None:
    op.execute(f"ALTER TABLE adapters.{table} DROP CONSTRAINT {table}_pkey, ADD PRIMARY KEY ({columns})")


def _reindex(subject: str, locator: str) -> None:
    op.execute("DROP INDEX adapters.objects_subject, adapters.objects_locator")
    op.execute(f"CREATE INDEX objects_subject ON adapters.objects ({subject})")
    op.execute(f"CREATE INDEX objects_locator ON adapters.objects ({locator}) WHERE locator IS NOT NULL")
