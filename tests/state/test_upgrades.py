"""States of older versions: upgraded in one transaction, a copy kept beside, read without being touched."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine.model.errors import StateError
from engine.state import queries, schema, upgrades
from engine.state.file import StateFile
from engine.state.resets import ResetLedger
from tests.state.words import IDENTITY, KEY, key

# The tables as version 2 made them.
_VERSION_2 = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE users (
    sub TEXT PRIMARY KEY, workos_id TEXT, relation TEXT NOT NULL DEFAULT 'primary', primary_sub TEXT,
    status TEXT NOT NULL, operation TEXT, created_here INTEGER NOT NULL DEFAULT 0, verified INTEGER NOT NULL DEFAULT 0,
    flagged INTEGER NOT NULL DEFAULT 0, password INTEGER NOT NULL DEFAULT 0, fingerprint BLOB, fields TEXT,
    stamp TEXT, attempts INTEGER NOT NULL DEFAULT 0, error_code TEXT, run_id TEXT, changed_at REAL,
    left_source INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX users_workos_id ON users (workos_id);
CREATE TABLE orphaned (workos_id TEXT PRIMARY KEY, sub TEXT NOT NULL, run_id TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX users_open ON users (status) WHERE status != 'done';
CREATE TABLE resets (
    workos_id TEXT PRIMARY KEY, sub TEXT NOT NULL, status TEXT NOT NULL, intent_at REAL NOT NULL,
    batch_at REAL NOT NULL, sent_at REAL, error_code TEXT, run_id TEXT
) WITHOUT ROWID;
CREATE TABLE returned (workos_id TEXT PRIMARY KEY, how TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE left_out (sub TEXT PRIMARY KEY, reason TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE runs (
    run_id TEXT PRIMARY KEY, command TEXT NOT NULL, started REAL NOT NULL, ended REAL, result TEXT
) WITHOUT ROWID;
INSERT INTO users (sub, workos_id, status, operation, created_here, verified, password, fingerprint, fields, stamp,
    attempts, run_id, changed_at)
    VALUES ('a', 'user_a', 'done', 'create', 1, 1, 1, x'ff00', '{"email":"00ff"}', '2026-01-01', 1, 'r1', 5.0);
INSERT INTO users (sub, workos_id, relation, primary_sub, status) VALUES ('m', 'user_a', 'merged', 'a', 'done');
INSERT INTO users (sub, status, operation, attempts) VALUES ('c', 'claimed', 'create', 1);
INSERT INTO users (sub, status, error_code, left_source) VALUES ('n', 'conflict', 'unverified_link', 1);
INSERT INTO orphaned VALUES ('user_o', 'm', 'r1');
INSERT INTO left_out VALUES ('x', 'disabled'), ('y', 'status');
INSERT INTO resets (workos_id, sub, status, intent_at, batch_at, sent_at) VALUES ('user_a', 'a', 'sent', 1, 1, 2);
INSERT INTO returned VALUES ('user_a', 'reset');
INSERT INTO runs VALUES ('r1', 'apply', 1.0, 2.0, '{"users": {"created": 1}, "duration_s": 1}');
"""


@pytest.fixture(params=[1, 2])
def older(path: Path, request: pytest.FixtureRequest) -> Path:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(_VERSION_2)
        if request.param == 1:
            connection.execute("ALTER TABLE users DROP COLUMN stamp")
        meta: dict[str, Any] = {
            "plan": IDENTITY.plan, "pool": IDENTITY.pool, "destination": IDENTITY.destination, "fingerprint_key": KEY,
            "connection:Okta": "conn_1 00ff", "connection:Odd": "conn_2 none", "looked_at": "1.5",
        }  # fmt: skip
        connection.executemany("INSERT INTO meta VALUES (?, ?)", list(meta.items()))
        connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {request.param}")
    path.chmod(0o600)
    return path


def _holds_it_all(state: StateFile, *, stamp: str | None) -> None:
    rows = {row.key: row for row in state.rows("user")}
    assert list(rows) == [key(sub) for sub in "acmn"]
    first = rows[key("a")]
    assert (first.workos_id, first.status, first.fingerprint, first.fields, first.stamp, first.changed_at) == (
        "user_a", "done", b"\xff\0", '{"email":"00ff"}', stamp, 5.0,
    )  # fmt: skip
    assert (first.created_here, first.verified, first.password, first.attempts, first.run_id) == (1, 1, 1, 1, "r1")
    assert (rows[key("m")].relation, rows[key("m")].primary_key) == ("merged", key("a"))
    assert (rows[key("c")].status, rows[key("c")].operation) == ("claimed", "create")
    assert (rows[key("n")].error_code, rows[key("n")].left_source) == ("unverified_link", 1)
    found = {row.key: (row.workos_id, row.fingerprint or b"") for row in state.rows("connection")}
    assert found == {key("Okta"): ("conn_1", b"\x00\xff"), key("Odd"): ("conn_2", b"")}
    assert [(one.workos_id, one.key) for one in state.orphaned()] == [("user_o", key("m"))]
    assert [row.source_id for _, row in queries.users(state, ["left_out"])] == ["x", "y"]
    assert queries.last_runs(state, 5)[0].run_id == "r1" and state.meta("looked_at") == "1.5"
    ledger = ResetLedger(state)
    assert ledger.of_status("sent") == [(key("a"), None)] and ledger.who_returned() == {"user_a": "reset"}


def _version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_a_run_upgrades_it_and_keeps_a_copy(older: Path) -> None:
    version, before = _version(older), older.read_bytes()
    for _ in range(2):
        with StateFile.open(older, IDENTITY, key=b"another" * 4) as state:
            assert state.key == KEY
            _holds_it_all(state, stamp="2026-01-01" if version == 2 else None)
    assert _version(older) == schema.VERSION
    (copy,) = [one for one in older.parent.iterdir() if one != older]
    assert copy.name.startswith(f"{older.name}.v{version}-") and copy.suffix == ".bak"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    # The copy is the state as it was: in its place, it is upgraded all the same.
    copy.replace(older)
    with closing(sqlite3.connect(older)) as one, closing(sqlite3.connect(":memory:")) as two:
        two.deserialize(before)
        assert list(one.iterdump()) == list(two.iterdump())
    assert _version(older) == version


def test_reading_upgrades_nothing_on_disk(older: Path) -> None:
    version, before = _version(older), older.read_bytes()
    state = StateFile.read(older, IDENTITY)
    assert state is not None
    with state:
        _holds_it_all(state, stamp="2026-01-01" if version == 2 else None)
    assert older.read_bytes() == before and list(older.parent.iterdir()) == [older]


def test_an_upgrade_that_is_cut_off_leaves_it_as_it_was(older: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def kill(*_: object) -> None:
        raise Killed

    version = _version(older)
    with monkeypatch.context() as patch:
        patch.setattr(upgrades, "_move_connections", kill)
        with pytest.raises(Killed):
            StateFile.open(older, IDENTITY, key=KEY)
    assert _version(older) == version
    with StateFile.open(older, IDENTITY, key=KEY) as state:
        _holds_it_all(state, stamp="2026-01-01" if version == 2 else None)


def test_an_older_state_that_is_damaged_is_left_as_it_is(older: Path) -> None:
    with closing(sqlite3.connect(older)) as connection, connection:
        connection.execute("UPDATE users SET fields = '[]' WHERE sub = 'a'")
    before = older.read_bytes()
    with pytest.raises(StateError) as refused:
        StateFile.open(older, IDENTITY, key=KEY)
    assert refused.value.code == "state_damaged"
    assert older.read_bytes() == before and list(older.parent.iterdir()) == [older]


def test_a_key_without_its_pool_is_damage(path: Path) -> None:
    with StateFile.open(path, IDENTITY, key=KEY) as state, state.transaction() as connection:
        connection.execute("INSERT INTO resources (kind, key, status) VALUES ('user', 'no-pool', 'done')")
    with pytest.raises(StateError) as refused:
        StateFile.read(path, IDENTITY)
    assert refused.value.code == "state_damaged"
