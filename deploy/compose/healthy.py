"""Asks a process's own page whether it is well: `python -m deploy.compose.healthy URL`; ends with 0 when the answer is 200."""

from __future__ import annotations

import http.client
import sys
from urllib.parse import urlsplit

PATIENCE = 3.0  # seconds


def is_well(url: str) -> bool:
    """Tell whether `http://host:port/path` answers 200; no redirect is followed, no proxy asked."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=PATIENCE)
    try:
        connection.request("GET", address.path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if is_well(sys.argv[1]) else 1)
