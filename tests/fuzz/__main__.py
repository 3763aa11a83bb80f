"""`make fuzz`: each target under atheris (libFuzzer) for a while, in a process of its own; a finding stays in .local/fuzz."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

CORPUS = Path(".local") / "fuzz"
LONGEST = 4096


def main() -> int:
    """Fuzz one target here, or all of them one after the other; answers how many broke."""
    said = argparse.ArgumentParser(description=__doc__)
    said.add_argument("target", nargs="?")
    said.add_argument("--seconds", type=int, default=60)
    chosen = said.parse_args()
    if chosen.target is not None:
        fuzz(chosen.target, chosen.seconds)
    from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - under atheris it is imported instrumented

    broken = [name for name in TARGETS if _alone(name, chosen.seconds) != 0]
    print(f"{len(TARGETS) - len(broken)} targets of {len(TARGETS)} raise only their own errors", *broken)  # noqa: T201 - what it was asked for
    return len(broken)


def _alone(name: str, seconds: int) -> int:
    command = [sys.executable, "-m", "tests.fuzz", name, "--seconds", str(seconds)]
    return subprocess.run(command, check=False).returncode  # noqa: S603 - this program, again


def fuzz(name: str, seconds: int) -> None:
    """Try a target until the time is up; ends the process, as libFuzzer does."""
    import atheris  # noqa: PLC0415 - only in the environment that `make fuzz` makes

    with atheris.instrument_imports(include=["schemas", "hub.federation", "http_sf", "rfc8785", "base58"]):
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - instrumented
    target, seeds = TARGETS[name]
    folder = CORPUS / name
    folder.mkdir(parents=True, exist_ok=True)
    for place, seed in enumerate(seeds):
        (folder / f"seed-{place}").write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST}",
        f"-artifact_prefix={CORPUS / name}-",
        "-print_final_stats=1",
        "-verbosity=0",
    ]
    atheris.Setup([name, *options, str(folder)], target)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
