"""The local stack: a real broker, a real database and real servers, without Docker and without root."""
