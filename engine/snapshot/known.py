"""What the state knows, copied into the snapshot: planning and reconciling go by it, and by no state."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from engine.model.outcomes import Orphan, ResourceRow
from engine.snapshot.schema import KNOWN, KNOWN_INDEXED

_COLUMNS = ", ".join(ResourceRow._fields)
_MARKS = ", ".join("?" * len(ResourceRow._fields))
_INSERT = f"INSERT OR REPLACE INTO known ({_COLUMNS}) VALUES ({_MARKS})"  # noqa: S608 - our own names
_ORPHAN = "INSERT INTO known_orphaned (workos_id, key, run_id) VALUES (?, ?, ?)"


def fill_known(
    connection: sqlite3.Connection,
    rows: Iterable[ResourceRow] = (),
    orphaned: Iterable[Orphan] = (),
    *,
    kept: bool = False,
) -> None:
    """Make the tables and copy what is given, as it is; `kept`: beside a snapshot that may not be written."""
    connection.executescript(KNOWN.format(temp="TEMP" if kept else ""))
    _copy(connection, rows, orphaned)
    # Afterwards: one sort costs less than a million random keys.
    connection.execute(KNOWN_INDEXED.format(schema="temp." if kept else ""))


def refresh_known(connection: sqlite3.Connection, rows: Iterable[ResourceRow], orphaned: Iterable[Orphan]) -> None:
    """Bring up to date: `rows` are those that have changed since, `orphaned` are all of them."""
    connection.execute("DELETE FROM known_orphaned")
    _copy(connection, rows, orphaned)


def _copy(connection: sqlite3.Connection, rows: Iterable[ResourceRow], orphaned: Iterable[Orphan]) -> None:
    connection.execute("BEGIN")
    connection.executemany(_INSERT, rows)
    connection.executemany(_ORPHAN, orphaned)
    connection.execute("COMMIT")
