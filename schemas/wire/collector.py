"""What a long-lived process asks of Python's garbage collector."""

from __future__ import annotations

import gc


def begin_to_load() -> None:
    """Before the imports: they make a million objects that stay, and looking through them takes a sixth of the start."""
    gc.disable()


def loaded() -> None:
    """After them: what is there stays there. Records come and go by the thousand; looking through all of them finds nothing."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 1000)
    gc.enable()
