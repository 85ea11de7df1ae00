"""What a run leaves in the state beside its calls: reconciled in the snapshot, handed over row by row."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.model.keys import NO_POOL, USER, sub_of, user_key
from engine.model.outcomes import Orphan, ResourceRow
from engine.snapshot import database
from engine.snapshot.known import fill_known, refresh_known
from engine.snapshot.reconcile import count_left_source, count_orphaned, reconcile, settlement


def key(sub: str) -> str:
    return user_key(NO_POOL, sub)


def row(sub: str, status: str = "done", code: str | None = None, *, made: bool = False, left: int = 0) -> ResourceRow:
    workos_id = f"user_{sub}" if made else None
    return ResourceRow(USER, key(sub), workos_id, status=status, error_code=code, left_source=left)


KNOWN = [
    row("a", made=True), row("b", made=True, left=1), row("c", "failed", "timeout", left=1),
    row("d", "conflict", "unverified_link"), row("e", "skipped", "existing_user"), row("f", "gone", "gone"),
    row("g", "claimed"), row("m", made=True)._replace(workos_id="user_a", relation="merged", primary_key=key("a")),
    row("own", made=True),
    ResourceRow("connection", key("Okta"), "conn_1"),
]  # fmt: skip
RECORDS = [
    ("a", None, None), ("b", None, None), ("c", "disabled", None), ("d", None, None), ("e", None, None),
    ("f", None, None), ("m", None, "b"), ("n", None, "a"), ("o", None, "g"), ("g", None, None),
    ("new", None, None), ("out", "status", None), ("own", None, "b"),
]  # fmt: skip
CHANGES = [
    ("d", "unchanged", None), ("a", "conflict", "email_change_unverified"), ("new", "skip", "existing_user"),
    ("f", "conflict", "gone"),
]  # fmt: skip


@pytest.fixture
def snapshot(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = database.create(tmp_path / "snapshot.db")
    connection.executemany(
        "INSERT INTO record (key, username, created, native, verified, fields, password, status, reason, primary_key,"
        " relation) VALUES (?, 'u', 0, 1, 1, '{}', 1, 'CONFIRMED', ?, ?, ?)",
        [
            (key(sub), reason, key(primary) if primary else None, "merged" if primary else "primary")
            for sub, reason, primary in RECORDS
        ],
    )
    connection.executemany(
        "INSERT INTO change (kind, key, action, code, workos_id) VALUES ('user', ?, ?, ?, 'user_x')",
        [(key(sub), action, code) for sub, action, code in CHANGES],
    )
    fill_known(connection, KNOWN, [Orphan("user_b", key("z"), "r0")])
    yield connection
    connection.close()


def test_reconciling(snapshot: sqlite3.Connection) -> None:
    reconcile(snapshot, run_id="r2", now=5.0)
    settled = settlement(snapshot, {"looked_at": "1.0"})
    found = {sub_of(one.key): one for one in settled.changed}
    # A conflict keeps what is known; who came back is no longer reported; nothing to do settles.
    assert found["a"] == KNOWN[0]._replace(
        status="conflict", error_code="email_change_unverified", run_id="r2", changed_at=5.0, password=1
    )
    assert found["b"] == KNOWN[1]._replace(left_source=0, password=1)
    assert found["d"] == KNOWN[3]._replace(status="done", error_code=None, password=1)
    # Records that gave way point to the user of the one before them; not while that one is claimed.
    assert (found["m"].workos_id, found["m"].primary_key, found["m"].run_id) == ("user_b", key("b"), "r2")
    assert (found["n"].workos_id, found["n"].relation, found["n"].primary_key) == ("user_a", "merged", key("a"))
    assert "o" not in found
    # A skipped user's id is not ours.
    assert (found["new"].status, found["new"].error_code, found["new"].workos_id) == ("skipped", "existing_user", None)
    # What nothing became of is not handed over, and neither is another kind's row.
    assert found.keys() == {"a", "b", "d", "e", "f", "g", "m", "n", "new", "own"}
    assert list(settled.left_out) == [(key("c"), "disabled"), (key("out"), "status")]
    # One whose record gave way is nobody's; one who was nobody's and is somebody's again is not.
    assert list(settled.orphaned) == [Orphan("user_own", key("own"), "r2")] and count_orphaned(snapshot) == 1
    assert settled.meta == {"looked_at": "1.0"} and count_left_source(snapshot) == 0


def test_once_more_changes_nothing(snapshot: sqlite3.Connection) -> None:
    reconcile(snapshot, run_id="r2", now=5.0)
    before = snapshot.execute("SELECT * FROM known").fetchall()
    refresh_known(snapshot, [], list(settlement(snapshot, {}).orphaned))
    snapshot.execute("UPDATE known SET dirty = 0")
    reconcile(snapshot, run_id="r3", now=9.0)
    assert list(settlement(snapshot, {}).changed) == []
    assert [one[:-1] for one in snapshot.execute("SELECT * FROM known")] == [one[:-1] for one in before]
