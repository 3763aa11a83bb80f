"""The demo: the whole way of a message, played before its reader's eyes with real servers."""
