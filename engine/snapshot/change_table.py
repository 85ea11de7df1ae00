"""The changes of kinds that are decided in memory, beside those of users: one table for all."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

import orjson

from engine.resources.kind import ResourceChange

_STORE = """
INSERT INTO change (kind, key, action, workos_id, send, code, created_here, counts_as, detail, phase)
VALUES (?, ?, ?, ?, ?, ?, ?, '', '{}', 1)
"""


def store_changes(connection: sqlite3.Connection, changes: Iterable[ResourceChange]) -> None:
    """Keep what was decided."""
    connection.executemany(
        _STORE,
        [
            (one.kind, one.key, one.action, one.workos_id, orjson.dumps(one.send) if one.send else None, one.code,
             one.created_here)
            for one in changes
        ],
    )  # fmt: skip
