"""What a session's processes hold in memory: their proportional share (PSS), where the system tells it."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import psutil

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MEBI: Final = 1024 * 1024
LIMIT_MEBI: Final = 1536
BOTH_LIMIT_MEBI: Final = LIMIT_MEBI + 1152
"""With a second hub beside the first: each of its processes reads the same modules anew, and holds connections of its own."""
ADDRESS: Final = "TRAITDUNION_FEDERATION_URL"
SECOND: Final = "le second Trait d’union"
_KINDS: Final = (
    ("java", "Kafka"),
    ("postgres", "PostgreSQL"),
    ("synapse.app", "Synapse"),
    (".twin", "jumeaux"),
    ("adapters", "connecteurs"),
    ("deploy.demo.administration", "administration"),
    ("hub worker", "hub"),
    ("hub relay", "hub"),
    ("hub site", "hub"),
    ("hub door", "hub"),
    ("hub peer-door", "hub"),
    ("hub courier", "hub"),
    ("hub up", "hub"),
)


def measured(second: str = "") -> Mapping[str, int]:
    """MiB by kind of process, of this process and all its descendants; `second` is the address of a second hub, which is a kind of its own."""
    me = psutil.Process()
    found: Counter[str] = Counter({"démonstration": _share(me)})
    for process in me.children(recursive=True):
        with suppress(psutil.Error):
            ours = not second or process.environ().get(ADDRESS) != second
            found[_kind(process.cmdline()) if ours else SECOND] += _share(process)
    return {kind: round(size / MEBI) for kind, size in found.most_common()}


def _share(process: psutil.Process) -> int:
    """The proportional share; pages that processes share are counted once in all."""
    memory = process.memory_full_info()
    return int(getattr(memory, "pss", 0) or memory.uss)


def _kind(words: Sequence[str]) -> str:
    line = " ".join(words)
    return next((kind for word, kind in _KINDS if word in line), "autres")
