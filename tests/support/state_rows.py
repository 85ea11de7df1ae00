"""A state's rows for tests that look into the file: one line a user, with subs instead of keys."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

_USERS = """
CREATE TEMP VIEW users AS SELECT
    substr(key, instr(key, '/') + 1) AS sub, substr(primary_key, instr(primary_key, '/') + 1) AS primary_sub, *
FROM resources WHERE kind = 'user'
"""


def user_rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    """Rows of a query over `users`, which has the columns of the table `resources`, `sub` and `primary_sub`."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(_USERS)
        return connection.execute(query).fetchall()
