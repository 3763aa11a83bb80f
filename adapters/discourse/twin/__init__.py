"""A small Discourse as seen from outside, for demos and tests; it shares nothing with the connector."""
