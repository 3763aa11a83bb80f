"""One door per kind of RSE: from its events to ours, and back."""
