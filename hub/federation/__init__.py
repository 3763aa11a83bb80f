"""ActivityPub peers: servers that others run; what they say becomes facts, what is said here reaches them."""
