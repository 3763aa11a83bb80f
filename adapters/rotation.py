"""Follows secrets where they stand, in files of their own or in the settings: a change is used for the next request, without a restart."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Generic, TypeVar

import structlog
import yaml

from adapters.secret import Rotating
from adapters.settings import SECRETS, Instances, secret_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from adapters.settings import Instance

LOOK_SECONDS = 2.0
"""A change is seen within this time; a file is not asked more often."""
Content = TypeVar("Content")
log = structlog.get_logger()


class Watched(Generic[Content]):
    """What a file says, read again where its stamp has changed; what cannot be read leaves all as it was, and is told once."""

    def __init__(self, path: Path, read: Callable[[Path], Content], first: Content, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._read, self._clock = path, read, clock
        self._stamp = self._stamped()
        self._looked_at = clock()
        self._content = first

    def content(self) -> Content:
        """What it says now, or said when it could last be read."""
        now = self._clock()
        if now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            self._look()
        return self._content

    def _look(self) -> None:
        stamp = self._stamped()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._content = self._read(self._path)
        except (OSError, ValueError, yaml.YAMLError) as error:  # its text may quote the file
            log.error("secrets_unreadable", file=self._path.name, error=type(error).__name__)  # noqa: TRY400 - as above

    def _stamped(self) -> tuple[int, int, int] | None:
        try:
            said = self._path.stat()
        except OSError:
            return None
        return said.st_mtime_ns, said.st_size, said.st_ino


class Rotation:
    """The secrets of all instances of a settings file, each followed where it stands: in a file of its own, or in the settings."""

    def __init__(self, path: Path, instances: Instances) -> None:
        self._settings = Watched(path, Instances.read, instances)

    def followed(self, name: str, instance: Instance) -> Instance:
        """The same instance, its secrets living."""
        living = {field: self._living(name, instance, field) for field in SECRETS}
        return instance.model_copy(update=living)

    def _living(self, name: str, instance: Instance, field: str) -> Rotating:
        first = getattr(instance, field).get_secret_value()
        path: Path | None = getattr(instance, f"{field}_file")
        overlap = instance.webhook_overlap_seconds if field == "webhook_secret" else 0.0
        if path is not None:
            return Rotating(first, Watched(path, secret_in, first).content, f"{name}.{field}", overlap)

        def told() -> str:
            now = self._settings.content().instances.get(name)
            return "" if now is None else str(getattr(now, field).get_secret_value())

        return Rotating(first, told, f"{name}.{field}", overlap)
