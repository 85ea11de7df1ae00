"""Copies of a state of an older version: one kept beside it before its upgrade, one upgraded for reading alone."""

from __future__ import annotations

import os
import re
import secrets
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from engine.state import upgrades


def keep_copy(path: Path, connection: sqlite3.Connection, version: int) -> Path:
    """The state as it is, for its owner alone, in `<state>.v<version>-<time>.bak`; on return it is on disk."""
    sweep_drafts(path)
    kept = path.with_name(f"{path.name}.v{version}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.bak")
    # Beside its place, then moved into it: a kill half-way must not leave half a copy under a whole one's name.
    draft = new_draft(path)
    try:
        with closing(sqlite3.connect(draft)) as copy:
            connection.backup(copy)
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        draft.replace(kept)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return kept


def upgraded_copy(connection: sqlite3.Connection, version: int) -> sqlite3.Connection:
    """The state in SQLite's own temporary file, upgraded; gone with its connection."""
    copy = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    try:
        connection.backup(copy)
        upgrade(copy, version)
    except BaseException:
        copy.close()
        raise
    return copy


def upgrade(connection: sqlite3.Connection, version: int) -> None:
    """Make it one of this version, in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        upgrades.upgrade(connection, version)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.rollback()
        raise


def new_draft(path: Path) -> Path:
    """An empty file for its owner alone, under a name that nobody else's file has."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}.new")
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    return draft


def sweep_drafts(path: Path) -> None:
    """Take away what a kill left of earlier drafts; the caller has the state's lock."""
    for old in path.parent.glob("*.new*"):
        if re.fullmatch(re.escape(path.name) + r"\.[0-9a-f]{16}\.new(-journal)?", old.name):
            old.unlink(missing_ok=True)
