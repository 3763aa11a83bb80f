"""A whole connector process whose consumer is missed sooner than in production: whoever takes over from a killed one waits for that."""

from __future__ import annotations

import os
from typing import Any

from adapters.commands import app
from schemas.wire import kafka


def missed_sooner() -> None:
    """Give every consumer a short session."""
    make = kafka.consumer
    session = int(float(os.environ["SESSION_SECONDS"]) * 1000)

    def consumer(*arguments: Any, **options: Any) -> Any:
        return make(*arguments, session_timeout_ms=session, heartbeat_interval_ms=session // 4, **options)

    kafka.consumer = consumer


if __name__ == "__main__":
    missed_sooner()
    app(["run"], prog_name="connector")
