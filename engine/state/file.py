"""The state file: SQLite, one writer, every change committed before anything rests on it.

It holds no address, name, username or secret (rule 14): subs, WorkOS ids, fingerprints, codes.
"""

from __future__ import annotations

import os
import re
import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType

import orjson

from engine.model.errors import StateError
from engine.model.outcomes import Claim, Done, NotDone, Outcome, StateIdentity
from engine.state import schema
from engine.state.soundness import is_sound
from engine.workspace.private_files import disk_full, no_room, refuse_irregular, tighten

_CLAIM = """
INSERT INTO users (sub, status, operation, run_id, changed_at, attempts) VALUES (?, 'claimed', ?, ?, ?, 1)
ON CONFLICT (sub) DO UPDATE SET status = 'claimed', operation = excluded.operation, run_id = excluded.run_id,
    changed_at = excluded.changed_at, attempts = attempts + 1, error_code = NULL
"""
_DONE = """
INSERT INTO users (sub, workos_id, status, operation, fingerprint, fields, verified, created_here, flagged,
    stamp, attempts, run_id, changed_at)
VALUES (?, ?, 'done', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (sub) DO UPDATE SET workos_id = excluded.workos_id, status = 'done', operation = excluded.operation,
    fingerprint = excluded.fingerprint, fields = excluded.fields, verified = excluded.verified,
    created_here = excluded.created_here, flagged = max(flagged, excluded.flagged), stamp = excluded.stamp,
    attempts = excluded.attempts,
    run_id = excluded.run_id, changed_at = excluded.changed_at, error_code = NULL, relation = 'primary',
    primary_sub = NULL, left_source = 0
"""
_NOT_DONE = """
INSERT INTO users (sub, status, error_code, attempts, run_id, changed_at) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (sub) DO UPDATE SET status = excluded.status, error_code = excluded.error_code,
    attempts = excluded.attempts, run_id = excluded.run_id, changed_at = excluded.changed_at, left_source = 0
"""
_LEFTOVER = "INSERT OR REPLACE INTO orphaned (workos_id, sub, run_id) VALUES (?, ?, ?)"
# A user let go of before the call: as if never claimed; but a claim that an earlier run left open stays open.
_RELEASE_NEW = "DELETE FROM users WHERE sub = ? AND status = 'claimed' AND workos_id IS NULL AND attempts <= 1"
_RELEASE_KNOWN = "UPDATE users SET status = 'done' WHERE sub = ? AND status = 'claimed' AND workos_id IS NOT NULL"


class StateFile:
    """An open state. Use as a context manager; raises StateError for everything that SQLite finds wrong."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.connection = connection
        row = connection.execute("SELECT value FROM meta WHERE key = 'fingerprint_key'").fetchone()
        self.key: bytes = row[0]

    @classmethod
    def open(cls, path: Path, identity: StateIdentity, *, key: bytes) -> StateFile:
        """Open for a run. Refuses a damaged file and another plan's; makes one, with this key, where there is none."""
        with _translated(path):
            refuse_irregular(path)
            new = not path.exists() or path.stat().st_size == 0
            if new:
                _create(path, identity, key)
            connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            try:
                version = schema.VERSION
                if not new:
                    version = _check(path, connection)
                    tighten(path)
                connection.execute("PRAGMA journal_mode = WAL")
                # FULL: a claim must survive a power cut as well as a kill.
                connection.execute("PRAGMA synchronous = FULL")
                _check_identity(path, connection, identity)
                if version < schema.VERSION:
                    connection.execute("BEGIN IMMEDIATE")
                    schema.upgrade(connection, version)
                    connection.execute("COMMIT")
                return cls(path, connection)
            except BaseException:
                connection.close()
                raise

    @classmethod
    def read(cls, path: Path, identity: StateIdentity | None) -> StateFile | None:
        """Open for reading alone; None where there is no state yet."""
        with _translated(path):
            refuse_irregular(path)
            if not path.exists() or path.stat().st_size == 0:
                return None
            connection = sqlite3.connect(reading_uri(path), uri=True, isolation_level=None)
            try:
                _check(path, connection)
                tighten(path)
                if identity is not None:
                    _check_identity(path, connection, identity)
                return cls(path, connection)
            except BaseException:
                connection.close()
                raise

    def advance(self, outcomes: Sequence[Outcome], claims: Sequence[Claim], *, run_id: str) -> None:
        """Record outcomes and claim users, in one committed transaction; on return both are on disk."""
        if not outcomes and not claims:
            return
        now = time.time()
        done = [
            (o.sub, o.workos_id, o.operation, o.fingerprint, orjson.dumps(dict(o.fields)).decode(), o.verified,
             o.created_here, o.flagged, o.stamp, o.attempts, run_id, now)
            for o in outcomes if isinstance(o, Done)
        ]  # fmt: skip
        not_done = [o for o in outcomes if isinstance(o, NotDone)]
        released = [(o.sub,) for o in not_done if o.status == "released"]
        ended = [(o.sub, o.status, o.code, o.attempts, run_id, now) for o in not_done if o.status != "released"]
        with self.transaction() as connection:
            connection.executemany(_DONE, done)
            connection.executemany(_NOT_DONE, ended)
            connection.executemany(_LEFTOVER, [(o.leftover, o.sub, run_id) for o in not_done if o.leftover])
            connection.executemany(_RELEASE_NEW, released)
            connection.executemany(_RELEASE_KNOWN, released)
            connection.executemany(_CLAIM, [(c.sub, c.operation, run_id, now) for c in claims])

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
        held = {str(key): str(value) for key, value in self.rows("SELECT key, value FROM meta")}
        return StateIdentity(held["plan"], held["pool"], held["destination"])

    def notes(self, names: Iterable[str]) -> dict[str, str]:
        """What was noted under these names; what never was is left out."""
        found = self.rows("SELECT key, value FROM meta WHERE key IN (SELECT value FROM json_each(?))", (_json(names),))
        return {str(key): str(value) for key, value in found}

    def note(self, texts: Mapping[str, str]) -> None:
        """Note texts under names."""
        with self.transaction() as connection:
            connection.executemany("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", list(texts.items()))

    def some_workos_ids(self) -> list[str]:
        """A few WorkOS ids that should exist, to prove the environment with (rule 13)."""
        # Several, the newest first: some may have been erased in WorkOS since.
        query = """
        SELECT workos_id FROM users WHERE workos_id IS NOT NULL AND status = 'done' ORDER BY changed_at DESC LIMIT 20
        """
        return [str(row[0]) for row in self.rows(query)]

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One transaction, committed at the end, rolled back on any error."""
        with _translated(self.path):
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.rollback()
                raise

    def rows(self, query: str, parameters: Iterable[object] = ()) -> Iterator[tuple[object, ...]]:
        """Rows of a query, one by one."""
        with _translated(self.path):
            # Not `yield from`, which closes a cursor that is left half-way, and that fails once the file is closed.
            for row in self.connection.execute(query, tuple(parameters)):  # noqa: UP028
                yield row

    def attach(self, path: Path, name: str) -> None:
        """Make another database readable under `name`, for work by set."""
        with _translated(self.path):
            self.connection.execute(f"ATTACH ? AS {name}", (str(path.absolute()),))

    def detach(self, name: str) -> None:
        """Let go of it."""
        with _translated(self.path):
            self.connection.execute(f"DETACH {name}")

    def close(self) -> None:
        """Close the file; SQLite folds its log into it."""
        with _translated(self.path):
            self.connection.close()

    def __enter__(self) -> StateFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _json(names: Iterable[str]) -> str:
    return orjson.dumps(list(names)).decode()


def reading_uri(path: Path, *, tidy: bool = True) -> str:
    """The address under which SQLite opens a state to look at it; with `tidy`, so that it takes its log away again."""
    # Who opens a log-writing database for reading alone cannot tidy its log away; so not without need.
    if tidy and os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        return f"{path.absolute().as_uri()}?mode=rw"
    # Without a log nobody writes, and where this user cannot make one SQLite opens the file only as unchangeable.
    alone = not path.with_name(path.name + "-wal").exists() and not os.access(path.parent, os.W_OK)
    return f"{path.absolute().as_uri()}?mode=ro" + ("&immutable=1" if alone else "")


def _create(path: Path, identity: StateIdentity, key: bytes) -> None:
    # Beside its place, then moved into it: a kill half-way must not leave a file that every later run refuses.
    # Under a name that nobody else's file has; what a kill left of one is taken away, as the lock is ours.
    for old in path.parent.glob("*.new*"):
        if re.fullmatch(re.escape(path.name) + r"\.[0-9a-f]{16}\.new(-journal)?", old.name):
            old.unlink(missing_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}.new")
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    meta = {"plan": identity.plan, "pool": identity.pool, "destination": identity.destination, "fingerprint_key": key}
    with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        schema.create(connection)
        connection.executemany("INSERT INTO meta (key, value) VALUES (?, ?)", list(meta.items()))
        connection.execute("COMMIT")
    draft.replace(path)


def _check(path: Path, connection: sqlite3.Connection) -> int:
    """The file's version. Raises StateError where it is none of ours, newer or damaged."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != schema.APPLICATION_ID:
        raise StateError(
            f"{path} is not a state file of this tool", remedy="point state.path elsewhere", code="state_not_ours"
        )
    if version > schema.VERSION:
        raise StateError(
            f"the state {path} was written by a newer version (format {version}, this one knows {schema.VERSION})",
            remedy="run it with that version",
            code="state_newer",
        )
    if not is_sound(connection, version):
        raise damaged(path)
    return int(version)


def _check_identity(path: Path, connection: sqlite3.Connection, identity: StateIdentity) -> None:
    held = dict(connection.execute("SELECT key, value FROM meta WHERE key IN ('plan', 'pool', 'destination')"))
    for what, ours in (("plan", identity.plan), ("pool", identity.pool), ("destination", identity.destination)):
        if held.get(what) != ours:
            raise StateError(
                f"the state {path} belongs to another {what} ({held.get(what)}, not {ours})",
                remedy="give this plan a name or a state.path of its own",
                code="state_of_another",
            )


def damaged(path: Path) -> StateError:
    """The error for a state that does not hold what this tool wrote."""
    return StateError(
        f"the state {path} is damaged; it was left as it is",
        remedy="restore it from a copy, or move it away: the next apply rebuilds it from WorkOS by external ID",
        code="state_damaged",
    )


def _undecodable(error: sqlite3.Error) -> bool:
    # An operational fault without SQLite's code: it is Python that could not decode a text.
    return isinstance(error, sqlite3.OperationalError) and not hasattr(error, "sqlite_errorcode")


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if disk_full(error):
            raise no_room(path.parent) from error
        # Extended codes carry the primary code in their low byte (sqlite.org, result codes).
        primary = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or _undecodable(error):
            raise damaged(path) from error
        if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR):
            raise StateError(
                f"the state {path} cannot be written ({getattr(error, 'sqlite_errorname', 'SQLITE_ERROR')})",
                remedy="free some space or make the folder writable, then run again: nothing is lost",
                code="state_not_writable",
            ) from error
        raise
    except UnicodeDecodeError as error:
        # SQLite's own message quotes a name out of the file.
        raise damaged(path) from error
    except OSError as error:
        if disk_full(error):
            raise no_room(path.parent) from error
        raise StateError(
            f"the state {path} cannot be opened ({os.strerror(error.errno or 0)})",
            remedy="make the file and its folder writable for this user",
            code="state_not_writable",
        ) from error
