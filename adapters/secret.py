"""A secret that may be replaced while a process runs, and what is accepted in its place for a while."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog
from pydantic import SecretStr

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger()


class Rotating(SecretStr):
    """A secret as it stands now in its file. The one before is accepted until `overlap` seconds after the change was seen."""

    def __init__(self, first: str, told: Callable[[], str], name: str, overlap: float, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(first)
        self._told, self._name, self._overlap, self._clock = told, name, overlap, clock
        self._before: str | None = None
        self._until = 0.0

    def get_secret_value(self) -> str:
        """The secret; an empty one is none, since anybody could sign with it, and leaves the one before in force."""
        said = self._told()
        if said and said != self._secret_value:
            self._before, self._until = self._secret_value, self._clock() + self._overlap
            self._secret_value = said
            log.info("secret_rotated", secret=self._name)
        return self._secret_value

    def accepted(self) -> tuple[str, ...]:
        """What proves another now: the secret, and the one before while both may be in use."""
        now = self.get_secret_value()
        return (now, self._before) if self._before is not None and self._clock() < self._until else (now,)


def accepted(secret: SecretStr) -> tuple[str, ...]:
    """The values by which others may prove themselves, the present one first."""
    return secret.accepted() if isinstance(secret, Rotating) else (secret.get_secret_value(),)
