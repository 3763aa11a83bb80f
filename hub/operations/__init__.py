"""Streams, lag, dead letters, quarantine, and the way of one message."""
