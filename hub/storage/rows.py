"""Many rows in one statement: a column is one array, so a batch costs one execution and not one for each row."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Table, Text, any_, cast, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Column, ColumnElement, TextClause
    from sqlalchemy.ext.asyncio import AsyncConnection

_PARAMETER = re.compile(r":(c[0-9]+)")
_JSON = json.JSONEncoder(ensure_ascii=False)
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's own


@dataclass(frozen=True, slots=True)
class Change:
    """A statement that changes rows, with its values by name."""

    sql: str
    values: Mapping[str, Any]


async def together(connection: AsyncConnection, changes: Iterable[Change | None]) -> None:
    """Carry several changes out as one statement's WITH (PostgreSQL 18 § 7.8.4): one journey for all, of which each costs a batch as much.

    Each sees what was there before all of them, so that no two may change the same row.
    """
    several = [change for change in changes if change is not None]
    if several:
        values = {f"p{place}_{name}": value for place, change in enumerate(several) for name, value in change.values.items()}
        await connection.execute(_one_statement(tuple(change.sql for change in several)), values)


@lru_cache(maxsize=64)
def _one_statement(parts: tuple[str, ...]) -> TextClause:
    *before, last = (_PARAMETER.sub(rf":p{place}_\1", part) for place, part in enumerate(parts))
    named = ", ".join(f"part{place} AS ({part})" for place, part in enumerate(before))
    return text(f"WITH {named} {last}" if named else last)


class Rows:
    """How rows go into some columns of a table, in the order in which they are given."""

    def __init__(self, table: Table, *names: str, then: str = "") -> None:
        """`then` ends the statement: what to do on a conflict."""
        self._columns = [table.c[name] for name in names or table.c.keys()]
        self._sql = _insertion(table, self._columns, then)

    def change(self, rows: Sequence[Mapping[str, Any]]) -> Change | None:
        """The rows' insertion; each names all the columns. None where there is none."""
        return Change(self._sql, {f"c{n}": _values(column, rows) for n, column in enumerate(self._columns)}) if rows else None

    async def write(self, connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert the rows at once."""
        await together(connection, [self.change(rows)])


def among(column: ColumnElement[Any], values: Iterable[str]) -> ColumnElement[bool]:
    """The column's text is one of these: one parameter however many, where IN would be another statement for each number of them."""
    return column == any_(cast(list(values), ARRAY(Text)))


def renewing(key: Sequence[str], names: Sequence[str]) -> str:
    """The end of an upsert: on a conflict of the key, these columns take the new row's values."""
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in names)
    return f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}"


def _insertion(table: Table, columns: Sequence[Column[Any]], then: str) -> str:
    into = ", ".join(f'"{column.name}"' for column in columns)
    taken = ", ".join(f"CAST(given.c{n} AS jsonb)" if _is_json(column) else f"given.c{n}" for n, column in enumerate(columns))
    arrays = ", ".join(f"CAST(:c{n} AS {_array(column)})" for n, column in enumerate(columns))
    names = ", ".join(f"c{n}" for n in range(len(columns)))
    return (
        f"INSERT INTO {table.fullname} ({into}) SELECT {taken} "  # noqa: S608 - made of the tables' own names
        f"FROM unnest({arrays}) WITH ORDINALITY AS given ({names}, place) ORDER BY place {then}"
    )


def _array(column: Column[Any]) -> str:
    return "text[]" if _is_json(column) else f"{column.type.compile(_DIALECT)}[]"


def _values(column: Column[Any], rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    if _is_json(column):
        return [_JSON.encode(row[column.name]) for row in rows]
    return [row[column.name] for row in rows]


def _is_json(column: Column[Any]) -> bool:
    return isinstance(column.type, JSONB)
