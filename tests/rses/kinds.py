"""Every kind of RSE that the conformance suite plays. A platform more is one class more: Pushing where it sends webhooks, else polled."""

from __future__ import annotations

from tests.rses.discourse import DiscourseRse
from tests.rses.exo import ExoRse, OldExoRse
from tests.rses.matrix import MatrixRse
from tests.rses.rse import Pushing, Rse

RSES: tuple[type[Rse], ...] = (DiscourseRse, MatrixRse, ExoRse, OldExoRse)
PUSHING: tuple[type[Pushing], ...] = (DiscourseRse, MatrixRse)
POLLED: tuple[type[Rse], ...] = tuple(kind for kind in RSES if not issubclass(kind, Pushing))
