"""Ports on the loopback: which are free, which answer."""

from __future__ import annotations

import socket
from contextlib import ExitStack

LOOPBACK = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on, all different: they are held together and let go together."""
    with ExitStack() as held:
        return [_hold(held) for _ in range(count)]


def free_port() -> int:
    """A port nobody listens on; the system does not hand it out again at once."""
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


def _hold(held: ExitStack) -> int:
    taken = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
    taken.bind((LOOPBACK, 0))
    port: int = taken.getsockname()[1]
    return port
