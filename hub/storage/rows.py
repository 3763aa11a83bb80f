"""Many rows in one statement: a column is one array, so a batch costs one execution and not one for each row."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import Table, Text, any_, cast, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Column, ColumnElement, TextClause
    from sqlalchemy.ext.asyncio import AsyncConnection

_JSON = json.JSONEncoder(ensure_ascii=False)
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's own


class Rows:
    """How rows go into some columns of a table, in the order in which they are given."""

    def __init__(self, table: Table, *names: str, then: str = "") -> None:
        """`then` ends the statement: what to do on a conflict."""
        self._columns = [table.c[name] for name in names or table.c.keys()]
        self._statement = _insertion(table, self._columns, then)

    async def write(self, connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert the rows; each names all the columns."""
        if rows:
            await connection.execute(self._statement, {f"c{n}": _values(column, rows) for n, column in enumerate(self._columns)})


def among(column: ColumnElement[Any], values: Iterable[str]) -> ColumnElement[bool]:
    """The column's text is one of these: one parameter however many, where IN would be another statement for each number of them."""
    return column == any_(cast(list(values), ARRAY(Text)))


def renewing(key: Sequence[str], names: Sequence[str]) -> str:
    """The end of an upsert: on a conflict of the key, these columns take the new row's values."""
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in names)
    return f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}"


def _insertion(table: Table, columns: Sequence[Column[Any]], then: str) -> TextClause:
    into = ", ".join(f'"{column.name}"' for column in columns)
    taken = ", ".join(f"CAST(given.c{n} AS jsonb)" if _is_json(column) else f"given.c{n}" for n, column in enumerate(columns))
    arrays = ", ".join(f"CAST(:c{n} AS {_array(column)})" for n, column in enumerate(columns))
    names = ", ".join(f"c{n}" for n in range(len(columns)))
    return text(
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
