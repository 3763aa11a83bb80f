"""The kinds of RSE that a run mixes: a new one is added here and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.chaos.discourse import Discourse
from tests.chaos.exo import Exo, OldExo
from tests.chaos.matrix import Matrix

if TYPE_CHECKING:
    from tests.chaos.rse import Rse

KINDS: Final[tuple[type[Rse], ...]] = (Discourse, Matrix, Exo, OldExo)


def kind_of(number: int) -> type[Rse]:
    """The kind of the n-th RSE of a run: all kinds in turn."""
    return KINDS[number % len(KINDS)]
