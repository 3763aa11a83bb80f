"""What each worker group does with a batch of records: read, decided in one transaction, redone one by one when a datum fails."""
