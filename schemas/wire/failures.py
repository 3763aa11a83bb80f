"""What a log may tell of an exception: its type and its place, never its text, which may hold what people wrote or a secret."""

from __future__ import annotations

import traceback
from pathlib import Path

HOME = Path(__file__).resolve().parents[2]


def told(error: BaseException) -> dict[str, str]:
    """The type of an exception, and the deepest line of our own that it passed; of a group, those of its first member."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return {"error": type(error).__name__, "where": _where(error)}


def _where(error: BaseException) -> str:
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_ours(Path(frame.filename))]
    return f"{Path(ours[-1].filename).relative_to(HOME)}:{ours[-1].lineno}" if ours else ""


def _is_ours(path: Path) -> bool:
    return path.is_relative_to(HOME) and path.relative_to(HOME).parts[0] in {"adapters", "hub", "schemas"}
