"""A supervisor over two children: one that ends when it is told to, one that will not hear of it."""

from __future__ import annotations

import asyncio
import sys

from hub import supervisor
from schemas.wire.telemetry import configure_logs

POLITE = "import signal; signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); [signal.pause() for _ in range(9)]"
CHILDREN = (supervisor.Child("polite", [sys.executable, "-c", POLITE]), supervisor.Child("stubborn", [sys.executable, "-c", STUBBORN]))


async def main() -> None:
    """Run until told to stop."""
    supervisor.GRACE_SECONDS = 0.5
    await supervisor.Supervisor(CHILDREN).run()


if __name__ == "__main__":
    configure_logs("up")
    asyncio.run(main())
