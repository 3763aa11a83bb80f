"""PostgreSQL: engine, tables, outbox, stream offsets, migrations."""
