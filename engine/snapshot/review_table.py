"""Two plans side by side, sealed: what would be done now, and what was reviewed. Nothing of a person is in here."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from engine.model.keys import USER
from engine.resources.review_entry import ReviewEntry, Seal
from engine.snapshot.rows import named

_TABLES = """
CREATE TEMP TABLE planned_entry (
    kind TEXT NOT NULL, mark BLOB NOT NULL, action TEXT NOT NULL, whole BLOB NOT NULL, shape INTEGER NOT NULL,
    marks BLOB NOT NULL, owner BLOB
);
CREATE TEMP TABLE reviewed_entry (
    kind TEXT NOT NULL, mark BLOB NOT NULL, action TEXT NOT NULL, whole BLOB NOT NULL, shape INTEGER NOT NULL,
    marks BLOB NOT NULL
);
CREATE TEMP TABLE done_entry (kind TEXT NOT NULL, mark BLOB NOT NULL, status TEXT);
"""
# Afterwards: one sort costs less than a million random marks.
_INDEXED = "CREATE UNIQUE INDEX {table}_mark ON {table} (mark, kind)"
_PLAN = "INSERT INTO planned_entry VALUES (?, ?, ?, ?, ?, ?, ?)"
_REVIEW = "INSERT INTO reviewed_entry VALUES (?, ?, ?, ?, ?, ?)"
_DONE = "INSERT INTO done_entry VALUES (?, ?, ?)"
_SORTED = "SELECT kind, mark, action, whole, shape, marks FROM planned_entry ORDER BY mark, kind"
# Of a membership that was removed no row is left: that it is gone tells.
_SINCE = """
SELECT kind, key, iif(run_id > ?1, status, NULL) FROM known
WHERE relation = 'primary' AND (run_id > ?1 OR kind = 'membership')
"""
_MOVED = """
SELECT p.kind, p.action, p.shape, p.marks, r.action AS was, r.shape AS was_shape, r.marks AS was_marks, d.status,
    p.owner IS NOT NULL AND EXISTS (
        SELECT 1 FROM planned_entry o WHERE o.mark = p.owner AND o.kind = 'user' AND o.action = 'create'
            AND NOT EXISTS (SELECT 1 FROM reviewed_entry w WHERE w.mark = p.owner AND w.kind = 'user')
    ) AS owner_is_new
FROM planned_entry p
LEFT JOIN reviewed_entry r ON r.mark = p.mark AND r.kind = p.kind
LEFT JOIN done_entry d ON d.mark = p.mark AND d.kind = p.kind
WHERE p.action != 'unchanged' AND p.whole IS NOT r.whole
"""
_MISSING = """
SELECT r.kind, r.action, r.shape, d.status, d.mark IS NOT NULL AS in_state
FROM reviewed_entry r
LEFT JOIN planned_entry p ON p.mark = r.mark AND p.kind = r.kind AND p.action != 'unchanged'
LEFT JOIN done_entry d ON d.mark = r.mark AND d.kind = r.kind
WHERE r.action != 'unchanged' AND p.mark IS NULL
"""


class SealedEntry(NamedTuple):
    """One entry of a review. `shape` is the number of a list of field names, whose marks stand in that order."""

    kind: str
    mark: bytes
    action: str
    whole: bytes = b""
    shape: int = 0
    marks: bytes = b""


class MovedRow(NamedTuple):
    """What would be done now and was not reviewed like that; `was` is None where it was not reviewed at all.

    `status` is what a run since the review has left in the state, None where none has. `owner_is_new`: of a membership,
    that its user would be created and was not there when the review was made.
    """

    kind: str
    action: str
    shape: int
    marks: bytes
    was: str | None
    was_shape: int | None
    was_marks: bytes | None
    status: str | None
    owner_is_new: int


class MissingRow(NamedTuple):
    """What was reviewed, and would not be done now; `status` as above, `in_state` for memberships alone."""

    kind: str
    action: str
    shape: int
    status: str | None
    in_state: int


class ReviewTable:
    """The two sides in one snapshot, whose `known` is filled. `shapes` are the lists of field names of what is planned.

    Blocking: a million entries take their time.
    """

    def __init__(self, connection: sqlite3.Connection, seal: Seal) -> None:
        self._connection = connection
        self._seal = seal
        self._numbers: dict[tuple[str, ...], int] = {}
        connection.executescript(_TABLES)

    @property
    def shapes(self) -> list[tuple[str, ...]]:
        """By number."""
        return list(self._numbers)

    def plan(self, entries: Iterable[ReviewEntry]) -> None:
        """Keep what would be done now."""
        self._fill(_PLAN, map(self._sealed, entries), "planned_entry")

    def review(self, entries: Iterable[SealedEntry]) -> bool:
        """Keep what was reviewed; False where one stands there twice."""
        try:
            self._fill(_REVIEW, entries, "reviewed_entry")
        except sqlite3.IntegrityError:
            return False
        return True

    def note_done(self, last_run: str) -> None:
        """Note what runs have recorded in the state after `last_run`."""
        rows = named(self._connection, _KnownRow, _SINCE, (last_run,))
        self._fill(_DONE, ((one.kind, self._seal.key(one.kind, one.key), one.status) for one in rows), "done_entry")

    def sealed(self) -> Iterator[SealedEntry]:
        """What would be done now, in an order that says nothing."""
        yield from named(self._connection, SealedEntry, _SORTED)

    def moved(self) -> Iterator[MovedRow]:
        """See the row."""
        yield from named(self._connection, MovedRow, _MOVED)

    def missing(self) -> Iterator[MissingRow]:
        """See the row."""
        yield from named(self._connection, MissingRow, _MISSING)

    def _sealed(self, entry: ReviewEntry) -> tuple[object, ...]:
        mark, owner = self._seal.key(entry.kind, entry.key), entry.owner
        if entry.action == "unchanged":
            return entry.kind, mark, entry.action, b"", 0, b"", None
        names = tuple(sorted(entry.parts))
        shape = self._numbers.setdefault(names, len(self._numbers))
        marks = self._seal.fields(entry, names)
        owned = self._seal.key(USER, owner) if owner is not None else None
        return entry.kind, mark, entry.action, self._seal.whole(entry), shape, marks, owned

    def _fill(self, statement: str, rows: Iterable[tuple[object, ...]], table: str) -> None:
        left = iter(rows)
        self._connection.execute("BEGIN")
        while batch := list(islice(left, 1000)):
            self._connection.executemany(statement, batch)
        self._connection.execute("COMMIT")
        self._connection.execute(_INDEXED.format(table=table))


class _KnownRow(NamedTuple):
    kind: str
    key: str
    status: str | None


def last_run(connection: sqlite3.Connection) -> str:
    """The last run that the state holds anything of; runs sort by their ids. Empty where there was none."""
    row = connection.execute("SELECT max(run_id) FROM known").fetchone()
    return str(row[0] or "")
