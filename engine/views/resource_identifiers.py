"""WorkOS's ids of organizations and memberships, for the tables of an application: CSV, JSON Lines and SQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import orjson

from engine.views.identifiers import csv_line, sql_literals
from engine.views.text import json_safe

_BATCH = 1000

IdsRow = dict[str, str | None]
"""One resource, by column; the first `keys` columns are its key."""


def rows_as_csv(rows: Iterable[IdsRow], columns: Iterable[str]) -> Iterator[str]:
    """A head, and a line a resource."""
    yield csv_line(columns)
    for row in rows:
        yield csv_line(value or "" for value in row.values())


def rows_as_jsonl(rows: Iterable[IdsRow]) -> Iterator[str]:
    """An object a resource."""
    for row in rows:
        yield json_safe(orjson.dumps(row).decode())


def rows_as_sql(rows: Iterable[IdsRow], name: str, columns: tuple[str, ...], *, keys: int) -> Iterator[str]:
    """A table and its rows for PostgreSQL, in one transaction; run again, it holds what is so now."""
    yield "BEGIN;"
    fields = ",\n    ".join(f"{one} text NOT NULL" if at < keys else f"{one} text" for at, one in enumerate(columns))
    yield f"CREATE TABLE IF NOT EXISTS {name} (\n    {fields},\n    PRIMARY KEY ({', '.join(columns[:keys])})\n);"
    yield f"DELETE FROM {name};"  # noqa: S608 - our own names
    left = iter(rows)
    while batch := list(islice(left, _BATCH)):
        values = ",\n".join(f"({sql_literals(row.values())})" for row in batch)
        yield f"INSERT INTO {name} VALUES\n{values};"
    yield "COMMIT;"
