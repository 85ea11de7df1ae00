"""Who is in the groups that a plan names: read once, kept on disk, put onto each page of users."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace

from engine.model.ports import UserSource
from engine.model.users import SourceUser


class GroupMembers:
    """Members of some groups of a pool, in a table of `connection`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.execute("CREATE TABLE membership (group_name TEXT NOT NULL, username TEXT NOT NULL)")

    def read(self, source: UserSource, groups: Iterable[str]) -> None:
        """All members of these groups. Raises SourceError where one does not exist."""
        insert = "INSERT INTO membership (group_name, username) VALUES (?, ?)"
        for group in sorted(set(groups)):
            for page in source.group_members(group):
                self._connection.executemany(insert, [(group, username) for username in page])
        self._connection.execute("CREATE INDEX membership_username ON membership (username)")

    def onto(self, page: Sequence[SourceUser]) -> list[SourceUser]:
        """The same users with their groups, of those that were read."""
        marks = ",".join("?" * len(page))
        groups: dict[str, list[str]] = {}
        query = f"SELECT username, group_name FROM membership WHERE username IN ({marks})"  # noqa: S608 (only marks)
        for username, group in self._connection.execute(query, [user.username for user in page]):
            groups.setdefault(username, []).append(group)
        return [replace(user, groups=tuple(groups.get(user.username, ()))) for user in page]


def temporary_database() -> sqlite3.Connection:
    """SQLite's own temporary file, gone with the connection."""
    return sqlite3.connect("", isolation_level=None)
