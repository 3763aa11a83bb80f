"""A request that gets no page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schemas.problem import Problem


class Refused(Exception):
    """A request that gets no page; carries the problem that answers it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.reason)
        self.problem = problem
