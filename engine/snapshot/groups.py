"""Who is in the groups that a plan needs: read once, kept on disk, put onto each page of users."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from engine.model.ports import UserSource
from engine.model.users import SourceUser

# Numbers stand for names, and rows are appended and indexed afterwards: half a million memberships are a usual pool's.
_TABLES = """
CREATE TABLE pool_group{n} (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE group_member{n} (group_id INTEGER NOT NULL, username TEXT NOT NULL);
"""
_INDEX = "CREATE INDEX group_member{n}_username ON group_member{n} (username, group_id)"
_GROUP = "INSERT INTO pool_group{n} (id, name) VALUES (?, ?)"
_MEMBER = "INSERT INTO group_member{n} (group_id, username) VALUES (?, ?)"
# A listing that had to be begun again gives members twice.
_GROUPS = """
SELECT DISTINCT m.username, g.name FROM group_member{n} m JOIN pool_group{n} g ON g.id = m.group_id
WHERE m.username IN ({marks}) ORDER BY g.id
"""


class GroupMembers:
    """Members of some groups of a pool, in tables of `connection`; `number` tells those of several pools apart."""

    def __init__(self, connection: sqlite3.Connection, number: int = 0) -> None:
        self._connection = connection
        self._n = str(number) if number else ""
        connection.executescript(_TABLES.format(n=self._n))

    def read(self, source: UserSource, groups: Iterable[str], progress: Callable[[], None] = lambda: None) -> None:
        """All members of these groups, `progress` after each page. Raises SourceError where one does not exist."""
        for number, group in enumerate(sorted(set(groups))):
            self._connection.execute("BEGIN")
            self._connection.execute(_GROUP.format(n=self._n), (number, group))
            for page in source.group_members(group):
                self._connection.executemany(_MEMBER.format(n=self._n), [(number, username) for username in page])
                progress()
            self._connection.execute("COMMIT")
        self._connection.execute(_INDEX.format(n=self._n))

    def onto(self, page: Sequence[SourceUser]) -> list[SourceUser]:
        """The same users with their groups, of those that were read, by name."""
        query = _GROUPS.format(n=self._n, marks=",".join("?" * len(page)))
        groups: dict[str, list[str]] = {}
        for username, group in self._connection.execute(query, [user.username for user in page]):
            groups.setdefault(username, []).append(group)
        return [replace(user, groups=tuple(groups.get(user.username, ()))) for user in page]


def temporary_database() -> sqlite3.Connection:
    """SQLite's own temporary file, gone with the connection."""
    return sqlite3.connect("", isolation_level=None)
