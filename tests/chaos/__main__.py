"""`python -m tests.chaos`: a whole system in which everything goes wrong; every RSE must end as the hub's numbers say."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

from tests.chaos.report import say, tell
from tests.chaos.schedule import EVERY, USUAL, Limits
from tests.chaos.session import Options, run

LONG_UNIT = 1 / 40
"""A minute of Discourse in one and a half seconds: its retries end after four minutes instead of 2 h 36."""
RETRIES_END = (1 + 5 + 25 + 125) * 60


def read() -> Options:
    """The options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="la graine ; sans elle, une nouvelle, qui est dite")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--twins", type=int, default=10)
    parser.add_argument("--communities", type=int, default=2)
    parser.add_argument("--rate", type=float, default=3.0, help="opérations par seconde")
    parser.add_argument("--every", type=float, default=EVERY, help="secondes entre deux pannes, en moyenne")
    parser.add_argument("--beyond", action="store_true", help="des passerelles absentes plus longtemps que la plateforme n'insiste")
    parser.add_argument("--settle", type=float, help="secondes sans changement après lesquelles ce qui manque est perdu")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else secrets.randbelow(1_000_000)
    unit = LONG_UNIT / 30 if given.beyond else LONG_UNIT
    limits = Limits(gateway_away=RETRIES_END * unit * 1.5) if given.beyond else USUAL
    return Options(
        seed,
        given.minutes * 60,
        given.twins,
        given.communities,
        given.rate,
        given.every,
        unit,
        settle=given.settle or RETRIES_END * unit + 60,
        limits=limits,
    )


def main() -> int:
    """Run; 0 where nothing was lost, doubled or out of order. The logs stay where something was."""
    options = read()
    folder = Path(tempfile.mkdtemp(prefix=f"traitdunion-chaos-{options.seed}-"))
    folder.chmod(0o755)  # PostgreSQL runs as another user where we are root
    try:
        outcome = asyncio.run(run(options, folder))
    except BaseException:
        say(f"interrompu ; les journaux restent dans {folder / 'logs'}")
        raise
    tell(outcome)
    if outcome.holds:
        shutil.rmtree(folder, ignore_errors=True)
        return 0
    say(f"les journaux restent dans {folder / 'logs'} ; à rejouer : make chaos SEED={options.seed} et les mêmes options")
    return 1


if __name__ == "__main__":
    sys.exit(main())
