"""The node's own key, or the one that follows it: which of them signs now is what the registry in force says."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from adapters.rotation import Watched
from schemas.agent import open_key
from schemas.manifest import KeyState

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from schemas.keys import SigningKey
    from schemas.manifest import KeyEntry, Registry

MARGIN: Final = timedelta(seconds=10)
"""A new key signs so long after it became active: the broker that dates what we sign may have a clock behind ours."""
NEXT: Final = ".next"
log = structlog.get_logger()


class NodeKey:
    """Keys of one node, followed where they stand: the file of the settings, and beside it the same name with `.next`.

    A key that was read once is kept while the process runs: whichever file is replaced first, nothing is signed by a key that is not valid.
    """

    def __init__(
        self,
        owner: str,
        path: Path,
        registry: Callable[[], Registry | None],
        clock: Callable[[], datetime],
        passphrase: bytes | None = None,
    ) -> None:
        """Raises KeyMalformed or FileNotFoundError where the first file holds no key."""
        self._owner = owner
        self._registry, self._clock, self._passphrase = registry, clock, passphrase
        first, beside = self._load(path), path.with_name(path.name + NEXT)
        self.files = (path, beside)
        self._known: dict[str, SigningKey] = {first.key_id: first}

        def follower(path: Path) -> SigningKey:
            return self._load(path) if path.exists() else first

        self._watched = (Watched(path, self._load, first), Watched(beside, follower, follower(beside)))
        self._learn()
        self._signs = first

    @property
    def owner(self) -> str:
        """The node."""
        return self._owner

    def held(self) -> SigningKey:
        """The key that signs now."""
        self._learn()
        chosen = self._chosen()
        if chosen is not self._signs:
            log.info("node_key_follows", node=self._owner, key_id=chosen.key_id)
            self._signs = chosen
        return chosen

    def _chosen(self) -> SigningKey:
        registry = self._registry()
        node = registry.node(self._owner) if registry is not None else None
        if node is None:
            return self._signs
        ranked = sorted((entry for entry in node.keys if entry.id in self._known), key=self._rank, reverse=True)
        return self._known[ranked[0].id] if ranked and self._rank(ranked[0])[0] else self._signs

    def _rank(self, entry: KeyEntry) -> tuple[int, float]:
        """The newest active key first, one that retires behind it; 0 for what no reader would believe."""
        now = self._clock()
        state, settled = entry.state_at(now), entry.state_at(now - MARGIN)
        if state is KeyState.RETIRING:
            return 1, _started(entry)
        return (2 if state is settled is KeyState.ACTIVE else 0), _started(entry)

    def _learn(self) -> None:
        for file in self._watched:
            key = file.content()
            self._known.setdefault(key.key_id, key)

    def _load(self, path: Path) -> SigningKey:
        return open_key(self._owner, path, self._passphrase)


def _started(entry: KeyEntry) -> float:
    return entry.active_from.timestamp() if entry.active_from else 0.0
