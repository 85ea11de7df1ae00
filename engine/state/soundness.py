"""Whether a state file holds what this version wrote: its tables and columns, each value of its column's kind.

SQLite itself would take any value in any column, and a damaged file shows only when somebody reads it.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache

from engine.state import upgrades

# No count and no time of ours is as far from zero as this, and every one can be shown.
_FAR = 100_000_000_000
_KINDS = {
    "TEXT": "typeof({0}) = 'text'",
    "INTEGER": "typeof({0}) = 'integer' AND abs({0}) < " + str(_FAR),
    "REAL": "typeof({0}) IN ('real', 'integer') AND abs({0}) < " + str(_FAR),
    "BLOB": "typeof({0}) IN ('blob', 'text')",
}
# JSON objects, by table and column.
_OBJECTS = (("users", "fields"), ("resources", "fields"), ("resources", "detail"))
_NO_OBJECT = (
    "SELECT EXISTS (SELECT 1 FROM {table} WHERE {column} IS NOT NULL AND NOT ("
    "CASE WHEN json_valid({column}) THEN json_type({column}) = 'object' ELSE 0 END))"
)
# A key of something that belongs to a pool names the pool.
_NO_KEY = "SELECT EXISTS (SELECT 1 FROM resources WHERE kind IN ('connection', 'user') AND instr(key, '/') < 2)"


def is_sound(connection: sqlite3.Connection, version: int) -> bool:
    """Whether this is a whole state of that version. Raises sqlite3.Error where it cannot even be read."""
    # Not quick_check: what an index alone has wrong is seen by some reads and some writes, and by it never.
    if connection.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok":
        return False
    expected = _columns(version)
    found = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not expected.keys() <= found:
        return False
    for table, columns in expected.items():
        if columns.keys() - {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}:
            return False
        wrong = " OR ".join(f"NOT ({test})" for test in columns.values())
        if connection.execute(f"SELECT EXISTS (SELECT 1 FROM {table} WHERE {wrong})").fetchone()[0]:  # noqa: S608 - our own names
            return False
        # What is not plain ASCII is decoded once here, and raises where it is no UTF-8.
        odd = " OR ".join(f"typeof({name}) = 'text' AND {name} GLOB '*[^ -~]*'" for name in columns)
        for _ in connection.execute(f"SELECT {', '.join(columns)} FROM {table} WHERE {odd}"):  # noqa: S608 - our own names
            pass
    wrong_values = [_NO_OBJECT.format(table=table, column=name) for table, name in _OBJECTS if table in expected]
    if "resources" in expected:
        wrong_values.append(_NO_KEY)
    return _has_meta(connection) and not any(connection.execute(one).fetchone()[0] for one in wrong_values)


def _has_meta(connection: sqlite3.Connection) -> bool:
    held = dict(connection.execute("SELECT key, value FROM meta"))
    texts = all(isinstance(held.get(name), str) for name in ("plan", "pool", "destination"))
    key = held.pop("fingerprint_key", None)
    # Everything beside the key is text.
    return texts and isinstance(key, bytes) and len(key) == 32 and all(isinstance(one, str) for one in held.values())


@cache
def _columns(version: int) -> dict[str, dict[str, str]]:
    """By table and column, the condition that every value meets, taken from the tables of a new file."""
    found: dict[str, dict[str, str]] = {}
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as model:
        for statement in upgrades.tables_of(version):
            model.execute(statement)
        for (table,) in model.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            found[table] = {}
            for _, name, kind, required, _, key in model.execute(f"PRAGMA table_info({table})"):
                test = _KINDS[kind].format(name)
                found[table][name] = test if required or key else f"({name} IS NULL OR {test})"
    return found
