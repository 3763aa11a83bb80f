"""What guards a door and refuses nothing by itself, so that there is no refusal to be switched off: the rights of each grade, read worse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub import access

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from schemas.manifest import Grade

Readings = dict[str, tuple[Any, Any, Any]]


def _never(until: datetime | None, at: datetime) -> bool:
    del until, at
    return False


def read_worse(who: str, rights: Any, grades: Iterable[Grade], every: frozenset[Any]) -> Readings:
    """A mapping, its key and what stands there instead, by what would be wrong then."""
    greedy: Readings = {f"{who} that is {grade.value} may do all": (rights, grade, every) for grade in grades}
    return greedy | {"a manifest holds for ever": (access.__dict__, "expired", _never)}
