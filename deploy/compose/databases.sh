# The PostgreSQL image's entrypoint runs this once, on an empty volume: a role and a database for the hub and for each ministry's ledger.
# deploy/compose/vault.py wrote them, passwords and all, where only this server reads.
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres --file /run/traitdunion/server/databases.sql
