"""Private keys that lie in clear: told by the process that reads them when it starts, and counted for as long as they do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from schemas.keys import lies_in_clear
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from pathlib import Path

log = structlog.get_logger()


def tell(whose: str, *files: Path | None) -> None:
    """Say once which of these files hold a key in clear; the metric looks at each of them whenever it is asked."""
    named = [path for path in files if path is not None]
    for path in filter(lies_in_clear, named):
        log.warning("key_in_clear", whose=whose, path=str(path))
    Metric.keys_in_clear.labels(whose).set_function(lambda: sum(map(lies_in_clear, named)))
