"""The state file's tables, as this version makes them. Older versions stand in `engine.state.upgrades`."""

from __future__ import annotations

import sqlite3

from engine.model.outcomes import ResourceRow

# "MIGR": tells our file from any other SQLite database.
APPLICATION_ID = 0x4D494752
VERSION = 3

COLUMNS = ResourceRow._fields
RESOURCES = (
    """
    CREATE TABLE resources (
        kind TEXT NOT NULL,                         -- user, connection, … (engine.model.keys)
        key TEXT NOT NULL,
        workos_id TEXT,
        relation TEXT NOT NULL DEFAULT 'primary',   -- primary, merged, unverified
        primary_key TEXT,                           -- of the record that this one was merged into
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
        left_source INTEGER NOT NULL DEFAULT 0,     -- rule 10: not selected by the last complete read
        detail TEXT,                                -- JSON: what its kind keeps beside
        PRIMARY KEY (kind, key)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX resources_workos_id ON resources (kind, workos_id)",
    "CREATE INDEX resources_open ON resources (kind, status) WHERE status != 'done'",
)
TABLES = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    *RESOURCES,
    # Users of WorkOS whose record now shares another one's address: kept there, and nobody's any more.
    "CREATE TABLE orphaned (workos_id TEXT PRIMARY KEY, key TEXT NOT NULL, run_id TEXT NOT NULL) WITHOUT ROWID",
    """
    CREATE TABLE resets (
        workos_id TEXT PRIMARY KEY,    -- of a person, whichever record speaks for them
        key TEXT NOT NULL,
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
    "CREATE TABLE left_out (key TEXT PRIMARY KEY, reason TEXT NOT NULL) WITHOUT ROWID",
    """
    CREATE TABLE runs (
        run_id TEXT PRIMARY KEY, command TEXT NOT NULL, started REAL NOT NULL, ended REAL, result TEXT
    ) WITHOUT ROWID
    """,
)


def create(connection: sqlite3.Connection) -> None:
    """Make the tables of a new file; the caller commits."""
    for table in TABLES:
        connection.execute(table)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
