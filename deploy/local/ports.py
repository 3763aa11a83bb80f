"""Ports on the loopback: which are free, which answer."""

from __future__ import annotations

import os
import socket
import sys
from collections import deque

LOOPBACK = "127.0.0.1"
MOST_KEPT = 200

_KEPT: deque[int] = deque()
"""What keeps the ports that we were given: files of this process alone, the oldest first."""


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on, all different. They stay ours: the system gives them to no other process, whenever a server of ours begins or comes back."""
    taken = [_take() for _ in range(count)]
    found = [int(one.getsockname()[1]) for one in taken]
    for one in taken:
        _keep(one)
    return found


def free_port() -> int:
    """A port nobody listens on, which stays ours."""
    return free_ports(1)[0]


def is_free(port: int) -> bool:
    """Say whether a server could listen on that port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            held.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def answers(port: int) -> bool:
    """Say whether a server listens on that port."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True


def _take() -> socket.socket:
    """Have the system choose; whoever reuses addresses, as servers do, may listen beside a socket that does so too and does not listen."""
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taken.bind((LOOPBACK, 0))
    return taken


def _keep(taken: socket.socket) -> None:
    """Hold it bound, never listening: a port that was let go is given to the next who asks, before our server has begun."""
    if sys.platform != "linux":  # elsewhere nobody may listen beside us
        taken.close()
        return
    _KEPT.append(taken.detach())
    if len(_KEPT) > MOST_KEPT:
        os.close(_KEPT.popleft())
