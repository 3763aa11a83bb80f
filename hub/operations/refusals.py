"""A request that gets no page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schemas.problem import Problem


class Refused(Exception):
    """A request that gets no page; carries the problem that answers it, and in how many seconds it may come again, where that would help."""

    def __init__(self, problem: Problem, retry_after: int | None = None) -> None:
        super().__init__(problem.reason)
        self.problem, self.retry_after = problem, retry_after

    @property
    def headers(self) -> dict[str, str]:
        """What the answer says beside its problem."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
