"""Runs a command that dies with the process that started it; a script without imports of ours, so that it starts at once.

`python -I -S tether.py PARENT SIGNAL USER COMMAND…`: PARENT is the pid that must live, SIGNAL what the command gets when that ends,
USER a system user to become, or `-`. A server that refuses root runs as `nobody` and keeps one right of root's: to walk through
folders, because a clone under /root is closed to anybody else and we open nobody's folders.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_SECUREBITS = 28
SECBIT_NO_SETUID_FIXUP = 1 << 2
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
CAP_SETPCAP = 8
CAPABILITY_VERSION_3 = 0x20080522


def main(parent: str, death_signal: str, user: str, *command: str) -> None:
    """Become the command."""
    if sys.platform == "linux":
        if user != "-":
            become(user)
        die_with(int(parent), int(death_signal))
    os.execvp(command[0], command)  # noqa: S606  our own command line, no shell


def die_with(parent: int, death_signal: int) -> None:
    """Ask the kernel for the signal; a change of user would have cleared it, so this comes last."""
    _call("prctl", PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != parent:  # it ended before we asked
        os.kill(os.getpid(), signal.SIGKILL)


def become(user: str) -> None:
    """Become that user, keeping what lets us walk through root's folders."""
    entry, right = pwd.getpwnam(user), _walking_right()
    if right is not None:  # without this bit, access(2) ignores the right, and initdb asks access(2)
        _call("prctl", PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)
    os.setgroups([])
    os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
    os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
    if right is not None:
        _keep_only(right)


def _walking_right() -> int | None:
    """The smaller right where we hold it; containers often have the larger one alone, or neither."""
    fields = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    held = {right for right in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE, CAP_SETPCAP) if int(fields["CapPrm"], 16) >> right & 1}
    walking = (right for right in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE) if right in held)
    return next(walking, None) if CAP_SETPCAP in held else None


def _keep_only(right: int) -> None:
    mask = 1 << right
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)  # effective, permitted, inheritable; low words, then high ones
    _call("capset", header, sets)
    _call("prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, right, 0, 0)


def _call(name: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    widened = [ctypes.c_ulong(value) if isinstance(value, int) else value for value in arguments]
    if getattr(libc, name)(*widened) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
