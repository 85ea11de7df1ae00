"""The way back on disk: what the state knows, what WorkOS holds of it, and what was decided; a change table as any."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import orjson

from engine.model.outcomes import ResourceRow
from engine.model.users import TargetUser
from engine.resources.undoing import ABSENT, UndoAction, Undoing
from engine.snapshot.rows import named
from engine.snapshot.targets import dump_target, load_target

_COLUMNS = ", ".join(f"k.{name}" for name in ResourceRow._fields)
# What a creation or adoption made whose end no run has recorded.
_TABLES = "CREATE TABLE found_begun (key TEXT PRIMARY KEY, workos_id TEXT NOT NULL) WITHOUT ROWID"
_FEW = f"""
SELECT {_COLUMNS} FROM known k WHERE k.kind NOT IN ('user', 'membership') ORDER BY k.key
"""  # noqa: S608 - our own names
_BEGUN = f"""
SELECT {_COLUMNS} FROM known k WHERE k.kind = 'user' AND k.workos_id IS NULL
    AND (k.status = 'claimed' AND k.operation = 'create' OR k.operation = 'adopt') ORDER BY k.key
"""  # noqa: S608 - the same
# Merged records go and stay with the record that speaks for them; those that nobody speaks for are decided on.
_USERS = f"""
SELECT {_COLUMNS}, t.user FROM known k
LEFT JOIN found_begun f ON f.key = k.key
LEFT JOIN target t ON t.id = coalesce(k.workos_id, f.workos_id)
WHERE k.kind = 'user' AND (
    k.relation = 'primary' OR NOT EXISTS (SELECT 1 FROM known p WHERE p.key = k.primary_key AND p.kind = 'user')
) AND NOT EXISTS (SELECT 1 FROM change c WHERE c.kind = 'user' AND c.key = k.key)
ORDER BY k.key
"""  # noqa: S608 - the same
_PENDING_BUT = """
INSERT INTO change (kind, key, action, workos_id)
SELECT 'user', key, 'pending', workos_id FROM known WHERE kind = 'user' AND relation = 'primary' AND key != ?
"""
_LIMIT = """
UPDATE change SET action = 'pending', code = NULL WHERE kind = 'user' AND action IN ('remove', 'restore', 'forget')
AND key > (
    SELECT key FROM change WHERE kind = 'user' AND action IN ('remove', 'restore', 'forget')
    ORDER BY key LIMIT 1 OFFSET ?
)
"""
_MEMBERSHIPS = f"""
SELECT {_COLUMNS}, c.action AS user_action, c.code AS user_code,
    coalesce(json_extract(k.detail, '$.user'), c.workos_id) AS user_id
FROM known k
LEFT JOIN known u ON u.key = substr(k.key, 1, instr(k.key, char(9)) - 1) AND u.kind = 'user'
LEFT JOIN change c ON c.kind = 'user' AND c.key = coalesce(u.primary_key, u.key)
WHERE k.kind = 'membership' ORDER BY k.key
"""  # noqa: S608 - the same
_ORPHANS = f"""
SELECT {_COLUMNS}, o.workos_id AS orphan, o.key AS orphan_key, t.user FROM known_orphaned o
LEFT JOIN known k ON k.key = o.key AND k.kind = 'user'
LEFT JOIN target t ON t.id = o.workos_id ORDER BY o.workos_id
"""  # noqa: S608 - the same
_STORE = """
INSERT OR REPLACE INTO change (kind, key, action, workos_id, send, code, detail, phase) VALUES (?, ?, ?, ?, ?, ?, ?, 1)
"""
_WORK = f"""
SELECT c.kind, c.key, c.action, c.workos_id, c.code, c.send, c.detail, {_COLUMNS} FROM change c
LEFT JOIN known_orphaned o ON o.workos_id = c.key AND c.kind = 'orphan'
LEFT JOIN known k ON k.key = coalesce(o.key, c.key) AND k.kind = iif(c.kind = 'orphan', 'user', c.kind)
WHERE c.kind = ? AND c.action IN ('remove', 'restore', 'forget', 'gone') ORDER BY c.key
"""  # noqa: S608 - the same


Decided = Counter[tuple[UndoAction, str | None]]
"""Numbers of resources by action and code."""


class UserCase(NamedTuple):
    """A user that the state knows; `held` is what WorkOS holds of them."""

    row: ResourceRow
    held: TargetUser | None


class MembershipCase(NamedTuple):
    """A membership with what becomes of its user. `user_id` is the user's in WorkOS, where it is known."""

    row: ResourceRow
    user: UndoAction | None
    user_id: str | None


class OrphanCase(NamedTuple):
    """A user of WorkOS who is nobody's; `row` is what the state kept of it, None where it kept nothing."""

    workos_id: str
    key: str
    row: ResourceRow | None
    held: TargetUser | None


class UndoTable:
    """The plan of one rollback; what the state knows is in the snapshot's `known`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.execute(_TABLES)
        self._few: list[ResourceRow] = list(named(connection, ResourceRow, _FEW))

    def rows(self, kind: str) -> list[ResourceRow]:
        """What the state knows of a kind of which there are few."""
        return [row for row in self._few if row.kind == kind]

    def begun(self) -> list[ResourceRow]:
        """Users whose creation or adoption no run has seen the end of."""
        return list(named(self._connection, ResourceRow, _BEGUN))

    def count_known(self) -> int:
        """Users that the state takes to be in WorkOS."""
        query = """
        SELECT (SELECT count(*) FROM known WHERE kind = 'user' AND relation = 'primary' AND workos_id IS NOT NULL)
            + (SELECT count(*) FROM known_orphaned)
        """
        return int(self._connection.execute(query).fetchone()[0])

    def known_ids(self, key: str | None) -> Iterator[str]:
        """WorkOS ids of users that the state knows: all, or those of one record."""
        query = """
        SELECT workos_id FROM known WHERE kind = 'user' AND relation = 'primary' AND workos_id IS NOT NULL
            AND key = coalesce(?1, key)
        UNION SELECT workos_id FROM known_orphaned WHERE key = coalesce(?1, key)
        """
        yield from (str(row[0]) for row in self._connection.execute(query, (key,)))

    def knows(self, workos_id: str) -> bool:
        """Whether the state takes this user to be in WorkOS."""
        query = """
        SELECT EXISTS (SELECT 1 FROM known WHERE workos_id = ?1 AND kind = 'user')
            OR EXISTS (SELECT 1 FROM known_orphaned WHERE workos_id = ?1)
        """
        return bool(self._connection.execute(query, (workos_id,)).fetchone()[0])

    def store_targets(self, users: Sequence[TargetUser]) -> None:
        """Keep what WorkOS holds."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO target (id, email, external_id, user) VALUES (?, ?, ?, ?)",
            [(user.id, user.email, user.external_id, dump_target(user)) for user in users],
        )

    def store_begun(self, found: Iterable[tuple[str, str]]) -> None:
        """Keep whom the begun creations and adoptions were about: (key, WorkOS id)."""
        self._connection.executemany("INSERT OR REPLACE INTO found_begun VALUES (?, ?)", found)

    def begun_keys(self) -> frozenset[str]:
        """Keys of the creations and adoptions of which it is known whom they were about."""
        return frozenset(row[0] for row in self._connection.execute("SELECT key FROM found_begun"))

    def hold_back_but(self, key: str) -> None:
        """Nobody but this user is decided on."""
        self._connection.execute(_PENDING_BUT, (key,))

    def hold_back_after(self, number: int) -> None:
        """The first so many users of those that something is to be done for stay; the rest has to wait."""
        self._connection.execute(_LIMIT, (number - 1,))

    def users(self) -> Iterator[UserCase]:
        """Users that are not decided on, in order of key. Rows may be stored meanwhile."""
        width = len(ResourceRow._fields)
        cursor = self._connection.execute(_USERS)
        while batch := cursor.fetchmany(500):
            for values in batch:
                yield UserCase(ResourceRow._make(values[:width]), load_target(values[width]))

    def memberships(self) -> Iterator[MembershipCase]:
        """Every membership that the state knows, in order of key."""
        width = len(ResourceRow._fields)
        cursor = self._connection.execute(_MEMBERSHIPS)
        while batch := cursor.fetchmany(500):
            for values in batch:
                action, code, user_id = values[width:]
                user: UndoAction | None = "gone" if code == "gone" else action
                yield MembershipCase(ResourceRow._make(values[:width]), user, user_id)

    def orphans(self) -> list[OrphanCase]:
        """Users of WorkOS who are nobody's any more."""
        width = len(ResourceRow._fields)
        return [
            OrphanCase(
                values[width], values[width + 1],
                ResourceRow._make(values[:width]) if values[0] is not None else None, load_target(values[width + 2]),
            )
            for values in self._connection.execute(_ORPHANS)
        ]  # fmt: skip

    def store(self, undoings: Iterable[Undoing]) -> None:
        """Keep what was decided."""
        self._connection.executemany(
            _STORE,
            (
                (one.kind, one.key, one.action, one.workos_id, orjson.dumps(dict(one.send)) if one.send else None,
                 one.code, orjson.dumps({"begun": one.begun, "left": one.left}).decode())
                for one in undoings
            ),
        )  # fmt: skip

    def to_check(self, kind: str) -> Iterator[list[tuple[str, str]]]:
        """(key, WorkOS id) of users who are to be removed, in lists. They may be kept meanwhile."""
        after = ""
        query = """
        SELECT key, workos_id FROM change WHERE kind = ? AND action = 'remove' AND key > ? ORDER BY key LIMIT 256
        """
        while batch := self._connection.execute(query, (kind, after)).fetchall():
            after = batch[-1][0]
            yield batch

    def keep(self, kind: str, kept: Iterable[tuple[str, str]]) -> None:
        """Keep users after all: (key, code)."""
        query = "UPDATE change SET action = 'keep', code = ? WHERE kind = ? AND key = ?"
        self._connection.executemany(query, [(code, kind, key) for key, code in kept])

    def note_absent(self, kind: str, keys: Iterable[str]) -> None:
        """Note who was not found when it was asked who uses them."""
        query = "UPDATE change SET code = ? WHERE kind = ? AND key = ?"
        self._connection.executemany(query, [(ABSENT, kind, key) for key in keys])

    def work(self, kind: str) -> Iterator[list[Undoing]]:
        """What is to be carried out for a kind, in order of key, in lists."""
        cursor = self._connection.execute(_WORK, (kind,))
        while batch := cursor.fetchmany(256):
            yield [_undoing(values) for values in batch]

    def count(self) -> dict[str, Decided]:
        """What was decided, by kind: numbers by action and code."""
        found: dict[str, Decided] = defaultdict(Counter)
        query = "SELECT kind, action, code, count(*) FROM change GROUP BY kind, action, code"
        for kind, action, code, number in self._connection.execute(query):
            found[kind][action, code] = number
        return found

    def left(self) -> dict[str, dict[str, int]]:
        """By kind, how many resources keep a field that cannot be taken off, by its name."""
        found: dict[str, dict[str, int]] = defaultdict(dict)
        query = """
        SELECT c.kind, one.value, count(*) FROM change c, json_each(c.detail, '$.left') AS one
        WHERE c.action IN ('restore', 'forget') GROUP BY c.kind, one.value ORDER BY c.kind, one.value
        """
        for kind, name, number in self._connection.execute(query):
            found[kind][name] = number
        return found

    def organizations_that_stay(self) -> frozenset[str]:
        """External IDs of organizations to which users belong who are kept."""
        query = """
        SELECT DISTINCT substr(key, instr(key, char(9)) + 1) FROM change WHERE kind = 'membership' AND action = 'keep'
        """
        return frozenset(row[0] for row in self._connection.execute(query))

    def goes(self, kind: str, workos_id: str) -> bool:
        """Whether a resource is to be removed."""
        query = "SELECT 1 FROM change WHERE kind = ? AND workos_id = ? AND action = 'remove'"
        return self._connection.execute(query, (kind, workos_id)).fetchone() is not None

    def index(self) -> None:
        """To be called once users and memberships are decided on."""
        self._connection.execute("CREATE INDEX undo_workos_id ON change (workos_id) WHERE workos_id IS NOT NULL")


def _undoing(values: tuple[Any, ...]) -> Undoing:
    kind, key, action, workos_id, code, send, raw, *row = values
    detail = orjson.loads(raw)
    return Undoing(
        kind, key, action, workos_id, code, detail["begun"], orjson.loads(send) if send else {}, tuple(detail["left"]),
        ResourceRow._make(row) if row[0] is not None else None,
    )  # fmt: skip
