"""Structured fields (RFC 9651): read strictly, written one way; whatever the bytes, the only error is our own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import http_sf

if TYPE_CHECKING:
    from collections.abc import Mapping

LIMIT: Final = 8 * 1024  # the parser copies what is left at each step: a field of megabytes would take minutes

Parameters = dict[str, Any]
Member = tuple[Any, Parameters]
"""A dictionary's member: an item or a list of (item, parameters), and its own parameters."""


class FieldMalformed(ValueError):
    """A field that is no dictionary of RFC 9651, or that says a key twice: which of the two was meant is nobody's guess."""


def dictionary(raw: str) -> dict[str, Member]:
    """Read a field as a dictionary; raises FieldMalformed."""
    if len(raw) > LIMIT:
        raise FieldMalformed(f"{len(raw)} characters")
    try:
        found: Any = http_sf.parse(raw.encode("ascii"), tltype="dictionary", on_duplicate_key=_refuse_double)
    except (ValueError, IndexError, OverflowError, OSError) as error:  # IndexError: a list that is never closed; the others: dates
        raise FieldMalformed(type(error).__name__) from error
    return dict(found)


def written(label: str, member: Any, parameters: Mapping[str, Any] | None = None) -> str:
    """One member of a dictionary in its only writing, `label=value;parameters`; raises ValueError for what no field can hold."""
    return http_sf.ser({label: (member, dict(parameters or {}))})


def _refuse_double(key: str, context: str) -> None:
    raise ValueError(f"{context} {key}")
