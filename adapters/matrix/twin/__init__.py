"""A small homeserver such as Tchap's as seen from outside, for demos and tests; it shares nothing with the connector."""
