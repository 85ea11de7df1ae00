"""The snapshot's file: made anew for each run, 0600, deleted after a converged run (rule 14)."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.model.errors import Interrupted, StateError
from engine.snapshot.schema import TABLES
from engine.workspace.folder import database_files
from engine.workspace.private_files import disk_full, no_room

# The number changes with the tables: a snapshot that another version kept is none of ours.
_COMPLETE = 5
# Instructions of SQLite between two looks at whether somebody wants to stop: some thousandths of a second.
_LOOK_EVERY = 100_000


def create(path: Path) -> sqlite3.Connection:
    """An empty snapshot; one of an earlier run is replaced. Raises StateError where the disk refuses."""
    with disk_errors(path):
        for old in database_files(path):
            old.unlink(missing_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        connection = sqlite3.connect(path.absolute().as_uri(), uri=True, isolation_level=None, check_same_thread=False)
        # A crash makes the next run read the pool again; nothing here has to survive one.
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        # A sort may take as much again. More makes nothing quicker: the system keeps the file's pages as well.
        connection.execute("PRAGMA cache_size = -16384")
        # Sorting a million rows belongs on disk, beside the snapshot, not in memory.
        connection.execute("PRAGMA temp_store = FILE")
        _keep_temporary_files_in(connection, path.absolute().parent)
        connection.executescript(TABLES)
        return connection


def _keep_temporary_files_in(connection: sqlite3.Connection, folder: Path) -> None:
    # The system's folder is often small, or in memory, and open to others. The setting holds for the whole process;
    # SQLITE_TMPDIR would not do, as SQLite reads it once. Where SQLite was built without the pragma, it says nothing.
    quoted = str(folder).replace("'", "''")
    connection.execute(f"PRAGMA temp_store_directory = '{quoted}'")


def write_rows(connection: sqlite3.Connection, query: str, rows: Iterable[Any]) -> None:
    """Carry out a statement for each row, outside a transaction: as one, for a commit a row costs more than the row."""
    connection.execute("BEGIN")
    connection.executemany(query, rows)
    connection.execute("COMMIT")


def complete(connection: sqlite3.Connection) -> None:
    """Mark the snapshot as holding all of its pool: a run that was killed while reading leaves one that does not."""
    connection.execute(f"PRAGMA user_version = {_COMPLETE}")


def reopen(path: Path) -> sqlite3.Connection | None:
    """A whole snapshot that an earlier run kept, for reading; None where there is none."""
    if not path.exists():
        return None
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    try:
        if connection.execute("PRAGMA user_version").fetchone()[0] == _COMPLETE:
            return connection
    except sqlite3.DatabaseError:
        pass
    connection.close()
    return None


def remove(path: Path) -> None:
    """Delete the snapshot."""
    for one in database_files(path):
        one.unlink(missing_ok=True)


@contextmanager
def interruptible(connection: sqlite3.Connection, stopping: Callable[[], bool], doing: str) -> Iterator[None]:
    """End a statement that runs when `stopping` becomes true, however long it would go on. Raises Interrupted.

    The statement has to run off the thread that receives signals.
    """
    connection.set_progress_handler(lambda: int(stopping()), _LOOK_EVERY)
    try:
        yield
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorname", None) != "SQLITE_INTERRUPT":
            raise
        raise Interrupted(f"interrupted while {doing}; nothing was changed", remedy="run again") from error
    finally:
        connection.set_progress_handler(None, 0)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Say what a full or read-only disk is, in place of SQLite's words."""
    try:
        yield
    except (sqlite3.OperationalError, OSError) as error:
        if disk_full(error):
            raise no_room(path.parent) from error
        name = getattr(error, "sqlite_errorname", None) or type(error).__name__
        if name == "SQLITE_ERROR":
            # A wrong statement of ours is no fault of the disk.
            raise
        raise StateError(
            f"the snapshot {path} cannot be written ({name})",
            remedy="free some space or make the folder writable, then run again",
            code="snapshot_not_writable",
        ) from error
