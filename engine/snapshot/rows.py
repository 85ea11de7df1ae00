"""Rows of the snapshot by the names of their columns."""

from __future__ import annotations

import sqlite3
from typing import Any, Protocol, TypeVar

_T = TypeVar("_T")


class RowsOf(Protocol[_T]):
    """A cursor that gives rows of one class."""

    def __iter__(self) -> RowsOf[_T]: ...
    def __next__(self) -> _T: ...
    def fetchmany(self, size: int, /) -> list[_T]: ...


def named(connection: sqlite3.Connection, row: type[_T], query: str, parameters: Any = ()) -> RowsOf[_T]:
    """Rows of a query as named tuples of this class, whose fields are the query's columns in their order."""
    cursor = connection.execute(query, parameters)
    make = row._make  # type: ignore[attr-defined]  # a NamedTuple's
    cursor.row_factory = lambda _, values: make(values)
    return cursor
