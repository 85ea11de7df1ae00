"""What SQLite finds wrong with a state file, in words for people."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.model.errors import StateError
from engine.workspace.private_files import disk_full, no_room


def damaged(path: Path) -> StateError:
    """The error for a state that does not hold what this tool wrote."""
    return StateError(
        f"the state {path} is damaged; it was left as it is",
        remedy="restore it from a copy, or move it away: the next apply rebuilds it from WorkOS by external ID",
        code="state_damaged",
    )


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise StateError in place of SQLite's errors and the operating system's."""
    try:
        yield
    except sqlite3.Error as error:
        if disk_full(error):
            raise no_room(path.parent) from error
        # Extended codes carry the primary code in their low byte (sqlite.org, result codes).
        primary = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or _undecodable(error):
            raise damaged(path) from error
        if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR):
            raise StateError(
                f"the state {path} cannot be written ({getattr(error, 'sqlite_errorname', 'SQLITE_ERROR')})",
                remedy="free some space or make the folder writable, then run again: nothing is lost",
                code="state_not_writable",
            ) from error
        raise
    except UnicodeDecodeError as error:
        # SQLite's own message quotes a name out of the file.
        raise damaged(path) from error
    except OSError as error:
        if disk_full(error):
            raise no_room(path.parent) from error
        raise StateError(
            f"the state {path} cannot be opened ({os.strerror(error.errno or 0)})",
            remedy="make the file and its folder writable for this user",
            code="state_not_writable",
        ) from error


def _undecodable(error: sqlite3.Error) -> bool:
    # An operational fault without SQLite's code: it is Python that could not decode a text.
    return isinstance(error, sqlite3.OperationalError) and not hasattr(error, "sqlite_errorcode")
