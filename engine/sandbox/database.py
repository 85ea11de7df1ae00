"""Owns the SQLite file: schema, transactions, and committing many requests at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from engine.model.errors import TargetError
from engine.sandbox.errors import ApiError

_VERSION = 4
_APPLICATION = 0x574F5342  # "WOSB": tells a sandbox's file from any other
_COMMIT_AFTER_S = 0.05

TABLES = (
    *("users", "password_resets", "events", "organizations", "memberships", "roles", "connections", "redirect_uris"),
    *("identities", "auth_factors", "sessions", "permissions", "webhook_endpoints"),
)

_SCHEMA = """
CREATE TABLE users (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, email TEXT NOT NULL UNIQUE,
  email_verified INTEGER NOT NULL, first_name TEXT, last_name TEXT, name TEXT, external_id TEXT UNIQUE,
  metadata TEXT NOT NULL, locale TEXT, password TEXT, last_sign_in_at TEXT,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE TABLE password_resets (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, user_id TEXT NOT NULL,
  email TEXT NOT NULL, token TEXT NOT NULL UNIQUE, expires_at TEXT NOT NULL, used INTEGER NOT NULL DEFAULT 0,
  created_at TEXT NOT NULL);
CREATE INDEX password_resets_by_day ON password_resets (created_at);
CREATE INDEX password_resets_by_user ON password_resets (user_id);
CREATE TABLE events (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, event TEXT NOT NULL,
  data TEXT NOT NULL, organization_id TEXT, created_at TEXT NOT NULL);
CREATE INDEX events_by_kind ON events (event, seq);
CREATE TABLE organizations (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
  external_id TEXT UNIQUE, metadata TEXT NOT NULL, domains TEXT NOT NULL, stripe_customer_id TEXT,
  allow_outside INTEGER NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE TABLE memberships (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, user_id TEXT NOT NULL,
  organization_id TEXT NOT NULL, status TEXT NOT NULL, roles TEXT NOT NULL, created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL, UNIQUE (user_id, organization_id));
CREATE INDEX memberships_by_organization ON memberships (organization_id);
CREATE TABLE roles (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, slug TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL, description TEXT, resource_type_slug TEXT NOT NULL, created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL);
CREATE TABLE connections (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
  organization_id TEXT NOT NULL, external_id TEXT, name TEXT NOT NULL, connection_type TEXT NOT NULL,
  state TEXT NOT NULL, options TEXT NOT NULL, attribute_maps TEXT NOT NULL, created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL, UNIQUE (organization_id, external_id));
CREATE TABLE redirect_uris (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, uri TEXT NOT NULL UNIQUE,
  is_default INTEGER NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
"""
_SINCE_2 = """
CREATE TABLE identities (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, user_id TEXT NOT NULL,
  provider TEXT NOT NULL, UNIQUE (provider, id));
CREATE INDEX identities_by_user ON identities (user_id);
CREATE TABLE auth_factors (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, user_id TEXT NOT NULL,
  issuer TEXT NOT NULL, account TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE INDEX auth_factors_by_user ON auth_factors (user_id);
"""
_SINCE_3 = """
CREATE TABLE sessions (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, user_id TEXT NOT NULL,
  organization_id TEXT, auth_method TEXT NOT NULL, expires_at TEXT NOT NULL, created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE TABLE permissions (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, slug TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL, description TEXT, resource_type_slug TEXT NOT NULL, created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL);
ALTER TABLE roles ADD COLUMN permissions TEXT NOT NULL DEFAULT '[]';
"""
_SINCE_4 = """
CREATE TABLE webhook_endpoints (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
  endpoint_url TEXT NOT NULL UNIQUE, secret TEXT NOT NULL, status TEXT NOT NULL, events TEXT NOT NULL,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
"""
_SINCE = (_SCHEMA, _SINCE_2, _SINCE_3, _SINCE_4)
"""What each version has added."""


class Database:
    """One connection, used from the event loop's thread alone.

    A kill may lose the last moments of what was answered, but leaves a consistent file; a clean stop loses nothing.
    """

    def __init__(self, path: Path | None) -> None:
        """Raises TargetError where the file cannot be used or is not a sandbox's."""
        try:
            self._connection = _open(path)
        except (OSError, sqlite3.Error) as error:
            raise TargetError(f"the sandbox cannot use {path}: {error}") from error
        self._timer: asyncio.TimerHandle | None = None

    def row(self, sql: str, arguments: Sequence[Any] = ()) -> Any:
        """The first row as a mapping by column, or None."""
        return self._connection.execute(sql, arguments).fetchone()

    def rows(self, sql: str, arguments: Sequence[Any] = ()) -> list[Any]:
        """All rows."""
        return self._connection.execute(sql, arguments).fetchall()

    def write(self, sql: str, arguments: Sequence[Any] = ()) -> None:
        """A change; within `unit`."""
        self._connection.execute(sql, arguments)

    @contextlib.contextmanager
    def unit(self) -> Iterator[None]:
        """All of one request's changes or none; the commit comes a little later, for many requests together."""
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")
            self._timer = asyncio.get_running_loop().call_later(_COMMIT_AFTER_S, self.commit)
        self._connection.execute("SAVEPOINT request")
        try:
            yield
        except ApiError:
            # A refusal is an outcome, not an accident: a failed sign-in, say, leaves its event.
            self._connection.execute("RELEASE request")
            raise
        except BaseException:
            self._connection.execute("ROLLBACK TO request")
            self._connection.execute("RELEASE request")
            raise
        self._connection.execute("RELEASE request")

    def commit(self) -> None:
        """Make everything answered so far part of the file."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._connection.in_transaction:
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """Commit, and fold the write-ahead log into the file."""
        self.commit()
        self._connection.close()


def _open(path: Path | None) -> sqlite3.Connection:
    if path is not None:
        # Made by us first: SQLite would make it with the umask's permissions, and it holds addresses.
        fd = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        regular = stat.S_ISREG(os.fstat(fd).st_mode)
        os.close(fd)
        if not regular:
            raise sqlite3.DatabaseError("it is no regular file")
    connection = sqlite3.connect(str(path) if path else ":memory:", isolation_level=None, timeout=5)
    connection.row_factory = sqlite3.Row
    try:
        _prepare(connection)
        if path is not None and path.stat().st_uid == os.geteuid():
            # Not before it is known to be a sandbox's: what is somebody else's keeps its rights.
            path.chmod(0o600)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    application, version = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
    )
    empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if not empty and (application != _APPLICATION or not 1 <= version <= _VERSION):
        raise sqlite3.DatabaseError("it is not the data of a sandbox of this version")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    missing = "".join(_SINCE if empty else _SINCE[version:])
    if missing:
        connection.executescript(
            f"BEGIN; {missing} PRAGMA application_id={_APPLICATION}; PRAGMA user_version={_VERSION}; COMMIT;"
        )
