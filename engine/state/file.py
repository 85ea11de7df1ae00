"""The state file: SQLite, one writer, every change committed before anything rests on it.

It holds no address, name, username or secret (rule 14): subs, WorkOS ids, fingerprints, codes.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import orjson

from engine.model.keys import USER
from engine.model.outcomes import Claim, Done, NotDone, Orphan, Outcome, ResourceRow, StateIdentity
from engine.model.store import Settlement
from engine.state import copies, schema
from engine.state.checking import check_identity, check_version, check_whole, reading_uri
from engine.state.faults import translated
from engine.workspace.private_files import refuse_irregular, tighten

_T = TypeVar("_T", bound=tuple[Any, ...])

# An operation that is still open began when it was claimed first: what it made may be as old as that.
_CLAIM = """
INSERT INTO resources (kind, key, status, operation, run_id, changed_at, attempts, detail)
VALUES (?, ?, 'claimed', ?, ?, ?, 1, ?)
ON CONFLICT (kind, key) DO UPDATE SET status = 'claimed', operation = excluded.operation, run_id = excluded.run_id,
    changed_at = iif(status = 'claimed' AND operation = excluded.operation, changed_at, excluded.changed_at),
    attempts = attempts + 1, error_code = NULL, detail = coalesce(excluded.detail, detail)
"""
_DONE = """
INSERT INTO resources (kind, key, workos_id, status, operation, fingerprint, fields, verified, created_here, flagged,
    stamp, attempts, run_id, changed_at, detail)
VALUES (?, ?, ?, 'done', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (kind, key) DO UPDATE SET workos_id = excluded.workos_id, status = 'done', operation = excluded.operation,
    fingerprint = excluded.fingerprint, fields = excluded.fields, verified = excluded.verified,
    created_here = excluded.created_here, flagged = max(flagged, excluded.flagged), stamp = excluded.stamp,
    attempts = excluded.attempts, detail = excluded.detail,
    run_id = excluded.run_id, changed_at = excluded.changed_at, error_code = NULL, relation = 'primary',
    primary_key = NULL, left_source = 0
"""
_NOT_DONE = """
INSERT INTO resources (kind, key, status, error_code, attempts, run_id, changed_at) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (kind, key) DO UPDATE SET status = excluded.status, error_code = excluded.error_code,
    attempts = excluded.attempts, run_id = excluded.run_id, left_source = 0,
    changed_at = iif(status = 'claimed' AND excluded.status = 'claimed', changed_at, excluded.changed_at)
"""
_LEFTOVER = "INSERT OR REPLACE INTO orphaned (workos_id, key, run_id) VALUES (?, ?, ?)"
_REMOVED_ORPHAN = "DELETE FROM orphaned WHERE workos_id = ?"
# Found by the WorkOS id that they share: a search by primary_key would read the whole table for each.
_REMOVED_MERGED = """
DELETE FROM resources INDEXED BY resources_workos_id WHERE kind = ?1 AND primary_key = ?2
    AND workos_id = (SELECT workos_id FROM resources WHERE kind = ?1 AND key = ?2)
"""
# One that is let go of before the call: as if never claimed; but a claim that an earlier run left open stays open.
_RELEASE_NEW = """
DELETE FROM resources WHERE kind = ? AND key = ? AND status = 'claimed' AND workos_id IS NULL AND attempts <= 1
"""
_RELEASE_KNOWN = """
UPDATE resources SET status = 'done' WHERE kind = ? AND key = ? AND status = 'claimed' AND workos_id IS NOT NULL
    AND changed_at >= coalesce((SELECT started FROM runs WHERE runs.run_id = resources.run_id), 0)
"""
_COLUMNS = ", ".join(schema.COLUMNS)
_ROWS = f"SELECT {_COLUMNS} FROM resources"  # noqa: S608 - our own names
_PUT = (
    f"INSERT INTO resources ({_COLUMNS}) VALUES ({', '.join('?' * len(schema.COLUMNS))}) "  # noqa: S608 - the same
    "ON CONFLICT (kind, key) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in schema.COLUMNS if name not in ("kind", "key"))
)


class StateFile:
    """The port `engine.model.store.Store` on a file. Use as a context manager.

    Raises StateError for everything that SQLite finds wrong.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.connection = connection
        row = connection.execute("SELECT value FROM meta WHERE key = 'fingerprint_key'").fetchone()
        self.key: bytes = row[0]

    @classmethod
    def open(cls, path: Path, identity: StateIdentity, *, key: bytes, checked: bool = False) -> StateFile:
        """Open for a run; one of an older version is upgraded, and kept as a copy beside.

        Refuses a damaged file and another plan's; makes one, with this key, where there is none. `checked`: this
        command has found it whole before, and has held its lock since.
        """
        with translated(path):
            refuse_irregular(path)
            new = not path.exists() or path.stat().st_size == 0
            if new:
                _create(path, identity, key)
            connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            try:
                version = schema.VERSION
                if not new:
                    version = check_version(path, connection)
                    if not checked:
                        check_whole(path, connection, version)
                    tighten(path)
                connection.execute("PRAGMA journal_mode = WAL")
                # FULL: a claim must survive a power cut as well as a kill.
                connection.execute("PRAGMA synchronous = FULL")
                check_identity(path, connection, identity)
                if version < schema.VERSION:
                    copies.keep_copy(path, connection, version)
                    copies.upgrade(connection, version)
                # Pools that the plan has got since belong to the state from now on.
                connection.execute("UPDATE meta SET value = ?1 WHERE key = 'pool' AND value != ?1", (identity.pool,))
                _pin_environment(connection, identity)
                return cls(path, connection)
            except BaseException:
                connection.close()
                raise

    @classmethod
    def read(cls, path: Path, identity: StateIdentity | None, *, checked: bool = False) -> StateFile | None:
        """Open for reading alone; None where there is no state yet. One of an older version is read as upgraded.

        `checked`: this command has found it whole before.
        """
        with translated(path):
            refuse_irregular(path)
            if not path.exists() or path.stat().st_size == 0:
                return None
            connection = sqlite3.connect(reading_uri(path), uri=True, isolation_level=None, check_same_thread=False)
            try:
                version = check_version(path, connection)
                if not checked:
                    check_whole(path, connection, version)
                    tighten(path)
                if identity is not None:
                    check_identity(path, connection, identity)
                if version < schema.VERSION:
                    with closing(connection) as older:
                        connection = copies.upgraded_copy(older, version)
                return cls(path, connection)
            except BaseException:
                connection.close()
                raise

    def advance(self, outcomes: Sequence[Outcome], claims: Sequence[Claim], *, run_id: str) -> None:
        """See the port."""
        if not outcomes and not claims:
            return
        now = time.time()
        done = [
            (o.kind, o.key, o.workos_id, o.operation, o.fingerprint, orjson.dumps(dict(o.fields)).decode(), o.verified,
             o.created_here, o.flagged, o.stamp, o.attempts, run_id, now, _json(o.detail))
            for o in outcomes if isinstance(o, Done)
        ]  # fmt: skip
        not_done = [o for o in outcomes if isinstance(o, NotDone)]
        released = [(o.kind, o.key) for o in not_done if o.status == "released"]
        removed = [(o.kind, o.key) for o in not_done if o.status == "removed"]
        ended = [
            (o.kind, o.key, o.status, o.code, o.attempts, run_id, now)
            for o in not_done
            if o.status not in ("released", "removed")
        ]
        with self.transaction() as connection:
            connection.executemany(_DONE, done)
            connection.executemany(_NOT_DONE, ended)
            left = [o for o in not_done if o.leftover and o.status != "removed"]
            connection.executemany(_LEFTOVER, [(o.leftover, o.key, run_id) for o in left])
            gone = [(o.leftover,) for o in not_done if o.leftover and o.status == "removed"]
            connection.executemany(_REMOVED_ORPHAN, gone)
            connection.executemany(_REMOVED_MERGED, removed)
            connection.executemany("DELETE FROM resources WHERE kind = ? AND key = ?", removed)
            connection.executemany(_RELEASE_NEW, released)
            connection.executemany(_RELEASE_KNOWN, released)
            connection.executemany(_CLAIM, [(c.kind, c.key, c.operation, run_id, now, _json(c.detail)) for c in claims])

    def rows(self, kind: str | None = None, *, run_id: str | None = None) -> Iterator[ResourceRow]:
        """See the port."""
        wanted = {"kind": kind, "run_id": run_id}
        tests = [f"{name} = :{name}" for name, value in wanted.items() if value is not None]
        where = " WHERE " + " AND ".join(tests) if tests else ""
        return self.query(ResourceRow, f"{_ROWS}{where} ORDER BY kind, key", wanted)

    def put(self, rows: Iterable[ResourceRow]) -> None:
        """Replace or add these rows, in one transaction."""
        with self.transaction() as connection:
            connection.executemany(_PUT, rows)

    def orphaned(self) -> Iterator[Orphan]:
        """See the port."""
        return self.query(Orphan, "SELECT workos_id, key, run_id FROM orphaned ORDER BY key, workos_id")

    def meta(self, name: str) -> str | None:
        """See the port."""
        row = self.one("SELECT value FROM meta WHERE key = ?", (name,))
        return str(row["value"]) if row is not None else None

    def has_converged(self) -> bool:
        """See the port."""
        query = "SELECT 1 FROM runs WHERE json_valid(result) AND json_extract(result, '$.converged') LIMIT 1"
        return self.one(query) is not None

    def settle(self, settlement: Settlement) -> None:
        """See the port."""
        with self.transaction() as connection:
            connection.executemany(_PUT, settlement.changed)
            connection.execute("DELETE FROM orphaned")
            connection.executemany(_LEFTOVER, settlement.orphaned)
            connection.execute("DELETE FROM left_out")
            connection.executemany("INSERT INTO left_out (key, reason) VALUES (?, ?)", settlement.left_out)
            connection.executemany(
                "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", list(settlement.meta.items())
            )

    def begin_run(self, run_id: str, command: str, started: float) -> None:
        """Note that a run has begun."""
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO runs (run_id, command, started) VALUES (?, ?, ?)", (run_id, command, started)
            )

    def end_run(self, run_id: str, ended: float, result: bytes) -> None:
        """Note how a run ended; `result` is its JSON without users in it."""
        with self.transaction() as connection:
            connection.execute(
                "UPDATE runs SET ended = ?, result = ? WHERE run_id = ?", (ended, result.decode(), run_id)
            )

    @property
    def identity(self) -> StateIdentity:
        """Whom this state belongs to."""
        held = {row["key"]: str(row["value"]) for row in self.every("SELECT key, value FROM meta")}
        return StateIdentity(held["plan"], held["pool"], held["destination"], held.get("environment"))

    def notes(self, names: Iterable[str]) -> dict[str, str]:
        """What was noted under these names; what never was is left out."""
        return {name: text for name in names if (text := self.meta(name)) is not None}

    def note(self, texts: Mapping[str, str]) -> None:
        """Note texts under names."""
        with self.transaction() as connection:
            connection.executemany("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", list(texts.items()))

    def some_workos_ids(self) -> list[str]:
        """A few WorkOS ids of users that should exist, to prove the environment with (rule 13)."""
        # Several, the newest first: some may have been erased in WorkOS since.
        query = """
        SELECT workos_id FROM resources WHERE kind = ? AND workos_id IS NOT NULL AND status = 'done'
        ORDER BY changed_at DESC LIMIT 20
        """
        return [row["workos_id"] for row in self.every(query, (USER,))]

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One transaction, committed at the end, rolled back on any error."""
        with translated(self.path):
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.rollback()
                raise

    def query(self, make: type[_T], query: str, parameters: Any = ()) -> Iterator[_T]:
        """Rows of a query as named tuples of this class, one by one; its columns are the class's fields, in order."""
        with translated(self.path):
            # As `_make` does, without a step in Python for each of a million rows.
            build = partial(tuple.__new__, make)
            # Not `yield from`, which closes a cursor that is left half-way, and that fails once the file is closed.
            for row in map(build, self.connection.execute(query, parameters)):  # noqa: UP028
                yield row

    def every(self, query: str, parameters: Any = ()) -> Iterator[sqlite3.Row]:
        """Rows of a query, by the names of their columns, one by one."""
        with translated(self.path):
            cursor = self.connection.execute(query, parameters)
            cursor.row_factory = sqlite3.Row
            for row in cursor:  # noqa: UP028 - as above
                yield row

    def one(self, query: str, parameters: Any = ()) -> sqlite3.Row | None:
        """The first row, or None."""
        return next(self.every(query, parameters), None)

    def close(self) -> None:
        """Close the file; SQLite folds its log into it."""
        with translated(self.path):
            self.connection.close()

    def __enter__(self) -> StateFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _json(detail: Mapping[str, object] | None) -> str | None:
    return orjson.dumps(dict(detail)).decode() if detail else None


def _create(path: Path, identity: StateIdentity, key: bytes) -> None:
    # Beside its place, then moved into it: a kill half-way must not leave a file that every later run refuses.
    copies.sweep_drafts(path)
    draft = copies.new_draft(path)
    meta = {"plan": identity.plan, "pool": identity.pool, "destination": identity.destination, "fingerprint_key": key}
    with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        schema.create(connection)
        connection.executemany("INSERT INTO meta (key, value) VALUES (?, ?)", list(meta.items()))
        _pin_environment(connection, identity)
        connection.execute("COMMIT")
    draft.replace(path)


def _pin_environment(connection: sqlite3.Connection, identity: StateIdentity) -> None:
    # A plan that names none says nothing against the one that it was applied to.
    if identity.environment is not None:
        query = "INSERT OR IGNORE INTO meta (key, value) VALUES ('environment', ?)"
        connection.execute(query, (identity.environment,))
