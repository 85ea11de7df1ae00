"""The state file's tables, their version, and how an older file becomes a newer one."""

from __future__ import annotations

import sqlite3

# "MIGR": tells our file from any other SQLite database.
APPLICATION_ID = 0x4D494752
VERSION = 2
# (table, column) that a version after the first brought, and which one.
ADDED = {("users", "stamp"): 2}

USERS = """
CREATE TABLE {schema}users (
    sub TEXT PRIMARY KEY,
    workos_id TEXT,
    relation TEXT NOT NULL DEFAULT 'primary',   -- primary, merged, unverified
    primary_sub TEXT,                           -- of the record that this one gave way to
    status TEXT NOT NULL,                       -- claimed, done, failed, conflict, skipped, gone
    operation TEXT,                             -- create, update, adopt: of the claim or of the last write
    created_here INTEGER NOT NULL DEFAULT 0,    -- rule 3
    verified INTEGER NOT NULL DEFAULT 0,        -- as last written
    flagged INTEGER NOT NULL DEFAULT 0,         -- flags are written once
    password INTEGER NOT NULL DEFAULT 0,        -- the person had one in Cognito, or joins who had
    fingerprint BLOB,                           -- of all that was last written
    fields TEXT,                                -- JSON: flat field name to fingerprint
    stamp TEXT,                                 -- WorkOS's updated_at after our last write; null where others wrote
    attempts INTEGER NOT NULL DEFAULT 0,
    error_code TEXT,
    run_id TEXT,
    changed_at REAL,
    left_source INTEGER NOT NULL DEFAULT 0      -- rule 10: not selected by the last complete read
) WITHOUT ROWID
"""

USERS_WORKOS_ID = "CREATE INDEX {schema}users_workos_id ON users (workos_id)"
META = "CREATE TABLE {schema}meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"
ORPHANED = (
    "CREATE TABLE {schema}orphaned (workos_id TEXT PRIMARY KEY, sub TEXT NOT NULL, run_id TEXT NOT NULL) WITHOUT ROWID"
)

_TABLES = (
    META.format(schema=""),
    USERS.format(schema=""),
    USERS_WORKOS_ID.format(schema=""),
    # Users of WorkOS whose record now shares another one's address: kept there, and nobody's any more.
    ORPHANED.format(schema=""),
    "CREATE INDEX users_open ON users (status) WHERE status != 'done'",
    """
    CREATE TABLE resets (
        workos_id TEXT PRIMARY KEY,    -- of a person, whichever record speaks for them
        sub TEXT NOT NULL,
        status TEXT NOT NULL,          -- intended, sent, unknown, failed
        intent_at REAL NOT NULL,       -- committed before the call
        batch_at REAL NOT NULL,        -- when the batch began
        sent_at REAL,                  -- of the last e-mail that is known to be sent
        error_code TEXT,
        run_id TEXT
    ) WITHOUT ROWID
    """,
    # WorkOS keeps events for 30 days, and who has reset must never be mailed again.
    "CREATE TABLE returned (workos_id TEXT PRIMARY KEY, how TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE left_out (sub TEXT PRIMARY KEY, reason TEXT NOT NULL) WITHOUT ROWID",
    """
    CREATE TABLE runs (
        run_id TEXT PRIMARY KEY, command TEXT NOT NULL, started REAL NOT NULL, ended REAL, result TEXT
    ) WITHOUT ROWID
    """,
)


def upgrade(connection: sqlite3.Connection, version: int) -> None:
    """Make an older file one of this version; the caller is in a transaction."""
    if version < 2:
        connection.execute("ALTER TABLE users ADD COLUMN stamp TEXT")
    connection.execute(f"PRAGMA user_version = {VERSION}")


def create(connection: sqlite3.Connection) -> None:
    """Make the tables of a new file; the caller commits."""
    for table in _TABLES:
        connection.execute(table)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
