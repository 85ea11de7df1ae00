"""The tables of older versions of the state file, and how such a file becomes one of this version."""

from __future__ import annotations

import sqlite3

from engine.model.keys import CONNECTION, USER, connection_key, user_key
from engine.state import schema

_STAMP = "stamp TEXT,"
_USERS = f"""
CREATE TABLE users (
    sub TEXT PRIMARY KEY, workos_id TEXT, relation TEXT NOT NULL, primary_sub TEXT, status TEXT NOT NULL,
    operation TEXT, created_here INTEGER NOT NULL, verified INTEGER NOT NULL, flagged INTEGER NOT NULL,
    password INTEGER NOT NULL, fingerprint BLOB, fields TEXT, {_STAMP} attempts INTEGER NOT NULL, error_code TEXT,
    run_id TEXT, changed_at REAL, left_source INTEGER NOT NULL
)
"""
# Version 2: what it calls sub is called key now, and begins with the pool.
_TABLES_2 = (
    _USERS,
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL)",
    "CREATE TABLE orphaned (workos_id TEXT PRIMARY KEY, sub TEXT NOT NULL, run_id TEXT NOT NULL)",
    """
    CREATE TABLE resets (
        workos_id TEXT PRIMARY KEY, sub TEXT NOT NULL, status TEXT NOT NULL, intent_at REAL NOT NULL,
        batch_at REAL NOT NULL, sent_at REAL, error_code TEXT, run_id TEXT
    )
    """,
    "CREATE TABLE returned (workos_id TEXT PRIMARY KEY, how TEXT NOT NULL)",
    "CREATE TABLE left_out (sub TEXT PRIMARY KEY, reason TEXT NOT NULL)",
    """
    CREATE TABLE runs (
        run_id TEXT PRIMARY KEY, command TEXT NOT NULL, started REAL NOT NULL, ended REAL, result TEXT
    )
    """,
)
_TABLES_1 = (_USERS.replace(_STAMP, ""), *_TABLES_2[1:])

_USERS_TO_RESOURCES = """
INSERT INTO resources (kind, key, workos_id, relation, primary_key, status, operation, created_here, verified, flagged,
    password, fingerprint, fields, stamp, attempts, error_code, run_id, changed_at, left_source)
SELECT ?1, ?2 || sub, workos_id, relation, ?2 || primary_sub, status, operation, created_here, verified, flagged,
    password, fingerprint, fields, stamp, attempts, error_code, run_id, changed_at, left_source
FROM users ORDER BY sub
"""
_CONNECTIONS = "connection:"


def tables_of(version: int) -> tuple[str, ...]:
    """What a file of this version holds at least: enough to check it by."""
    return {1: _TABLES_1, 2: _TABLES_2}.get(version, schema.TABLES)


def upgrade(connection: sqlite3.Connection, version: int) -> None:
    """Make an older file one of this version; the caller is in a transaction."""
    (pool,) = connection.execute("SELECT value FROM meta WHERE key = 'pool'").fetchone()
    for statement in schema.RESOURCES:
        connection.execute(statement)
    if version < 2:
        connection.execute("ALTER TABLE users ADD COLUMN stamp TEXT")
    connection.execute(_USERS_TO_RESOURCES, (USER, user_key(pool, "")))
    connection.execute("DROP TABLE users")
    for table in ("orphaned", "resets", "left_out"):
        connection.execute(f"ALTER TABLE {table} RENAME COLUMN sub TO key")
        connection.execute(f"UPDATE OR REPLACE {table} SET key = ? || key", (user_key(pool, ""),))  # noqa: S608 - our own names
    _move_connections(connection, pool)
    connection.execute(f"PRAGMA user_version = {schema.VERSION}")


def _move_connections(connection: sqlite3.Connection, pool: str) -> None:
    """Connections stood among the words of `meta`, as `connection:<provider>`: WorkOS id, blank, fingerprint."""
    held = connection.execute("SELECT key, value FROM meta WHERE key LIKE 'connection:%'").fetchall()
    for name, value in held:
        workos_id, _, fingerprint = str(value).partition(" ")
        connection.execute(
            "INSERT INTO resources (kind, key, workos_id, status, fingerprint) VALUES (?, ?, ?, 'done', ?)",
            (CONNECTION, connection_key(pool, name.removeprefix(_CONNECTIONS)), workos_id, _from_hex(fingerprint)),
        )
    connection.execute("DELETE FROM meta WHERE key LIKE 'connection:%'")


def _from_hex(text: str) -> bytes | None:
    try:
        return bytes.fromhex(text)
    except ValueError:
        # Without one the connection is brought up to date once more.
        return None
