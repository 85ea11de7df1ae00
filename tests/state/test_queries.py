"""Questions to a state, reconciling it with a snapshot, and forgetting."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.model.outcomes import Claim, NotDone
from engine.snapshot import database
from engine.state import queries
from engine.state.file import StateFile
from engine.state.reconcile import count_left_source, reconcile
from tests.state.words import done


@pytest.fixture
def filled(state: StateFile) -> StateFile:
    ended = [
        done("a"),
        done("b"),
        NotDone("c", "failed", "timeout", 8),
        NotDone("d", "conflict", "unverified_link"),
        NotDone("e", "skipped", "existing_user"),
        NotDone("f", "gone", "gone"),
    ]
    state.advance(ended, [Claim("g", "create")], run_id="r1")
    with state.transaction() as connection:
        connection.execute(
            "INSERT INTO users (sub, workos_id, relation, primary_sub, status) "
            "VALUES ('m', 'user_a', 'merged', 'a', 'done')"
        )
        connection.execute("INSERT INTO left_out VALUES ('x', 'disabled')")
        connection.execute("UPDATE users SET left_source = 1 WHERE sub IN ('b', 'c')")
    return state


def test_counts(filled: StateFile) -> None:
    assert queries.count_users(filled) == {
        "failed": 1, "conflicts": 2, "skipped": 1, "merged": 1, "pending": 1, "migrated": 2, "left_source": 1,
        "orphaned": 0, "left_out": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("lists", "rows"),
    [
        (["failed"], ["failed c"]),
        (["conflicts", "failed"], ["failed c", "conflicts d", "conflicts f"]),
        (["skipped", "pending"], ["skipped e", "pending g"]),
        (["merged"], ["merged m"]),
        (["migrated"], ["migrated a", "migrated b"]),
        (["left_source"], ["left_source b"]),
        (["left_source", "migrated"], ["migrated a", "left_source b"]),
        (["left_out", "failed"], ["failed c", "left_out x"]),
        ([], []),
    ],
)
def test_lists(filled: StateFile, lists: list[str], rows: list[str]) -> None:
    assert [f"{kind} {row.source_id}" for kind, row in queries.users(filled, lists)] == rows


def test_rows(filled: StateFile) -> None:
    failed = queries.user(filled, "c")
    assert failed is not None and (failed.code, failed.attempts, failed.workos_id, failed.run_id) == (
        "timeout", 8, None, "r1",
    )  # fmt: skip
    merged = queries.user(filled, "m")
    assert merged is not None and (merged.relation, merged.primary_sub, merged.workos_id) == ("merged", "a", "user_a")
    assert queries.user(filled, "nobody") is None
    ((_, left_out),) = queries.users(filled, ["left_out"])
    assert (left_out.status, left_out.code) == ("left_out", "disabled")


def test_forgetting_takes_the_merged_records_along(filled: StateFile) -> None:
    assert queries.forget(filled, ["a", "nobody", "f"]) == ["a", "f"]
    assert [queries.user(filled, sub) for sub in ("a", "f", "m")] == [None, None, None]
    assert queries.user(filled, "b") is not None


def test_runs(state: StateFile) -> None:
    assert queries.last_runs(state, 5) == []
    for number in range(3):
        state.begin_run(f"r{number}", "apply", 100.0 + number)
    state.end_run("r1", 160.0, b'{"converged":true,"users":{},"duration_s":1}')
    newest, ended = queries.last_runs(state, 2)
    assert (newest.run_id, newest.ended, newest.result) == ("r2", None, None)
    assert (ended.run_id, ended.started, ended.ended, ended.result) == (
        "r1",
        101.0,
        160.0,
        {"converged": True, "users": {}, "duration_s": 1},
    )


def _snapshot(folder: Path, records: list[tuple[str, str | None, str | None]], changes: list[tuple[str, ...]]) -> Path:
    """`records`: sub, reason, primary sub; `changes`: sub, action, code."""
    path = folder / "snapshot.db"
    connection = database.create(path)
    connection.executemany(
        "INSERT INTO record (sub, username, created, native, verified, fields, password, status, reason, primary_sub,"
        " relation)"
        " VALUES (?, 'u', 0, 1, 1, '{}', 1, 'CONFIRMED', ?, ?, ?)",
        [(sub, reason, primary, "merged" if primary else "primary") for sub, reason, primary in records],
    )
    connection.executemany("INSERT INTO change (sub, action, code, workos_id) VALUES (?, ?, ?, 'user_x')", changes)
    connection.close()
    return path


def test_reconciling(filled: StateFile, tmp_path: Path) -> None:
    snapshot = _snapshot(
        tmp_path,
        [
            ("a", None, None), ("b", None, None), ("c", "disabled", None), ("d", None, None), ("e", None, None),
            ("f", None, None), ("m", None, "b"), ("n", None, "a"), ("o", None, "g"), ("g", None, None),
            ("new", None, None), ("out", "status", None),
        ],
        [("d", "unchanged", None), ("a", "conflict", "email_change_unverified"), ("new", "skip", "existing_user"),
         ("f", "conflict", "gone")],
    )  # fmt: skip
    reconcile(filled, snapshot, run_id="r2")
    columns = "sub, status, error_code, workos_id, relation, primary_sub, left_source"
    found = {str(row[0]): row[1:] for row in filled.rows(f"SELECT {columns} FROM users")}
    # A conflict keeps what is known; who came back is no longer reported; nothing to do settles.
    assert found["a"] == ("conflict", "email_change_unverified", "user_a", "primary", None, 0)
    assert found["b"] == ("done", None, "user_b", "primary", None, 0)
    assert found["c"] == ("failed", "timeout", None, "primary", None, 1)
    assert found["d"] == ("done", None, None, "primary", None, 0)
    assert found["f"] == ("gone", "gone", None, "primary", None, 0)
    # Records that gave way point to the user of the one before them; not while that one is claimed.
    assert found["m"] == ("done", None, "user_b", "merged", "b", 0)
    assert found["n"] == ("done", None, "user_a", "merged", "a", 0)
    assert "o" not in found
    # A skipped user's id is not ours.
    assert found["new"] == ("skipped", "existing_user", None, "primary", None, 0)
    assert [row.source_id for _, row in queries.users(filled, ["left_out"])] == ["c", "out"]
    assert count_left_source(filled) == 0
    # Once more changes nothing, and the snapshot is let go of.
    before = list(filled.rows("SELECT * FROM users"))
    reconcile(filled, snapshot, run_id="r3")
    assert list(filled.rows("SELECT * FROM users")) == before
    assert [row[1] for row in filled.rows("PRAGMA database_list")] == ["main"]


def test_reconciling_is_all_or_nothing(filled: StateFile, tmp_path: Path) -> None:
    snapshot = _snapshot(tmp_path, [("a", None, None)], [("a", "conflict", "gone")])
    with filled.transaction() as connection:
        connection.execute("CREATE TRIGGER stop BEFORE INSERT ON left_out BEGIN SELECT RAISE(ABORT, 'x'); END")
    other = _snapshot(tmp_path, [("a", None, None), ("z", "status", None)], [("a", "conflict", "gone")])
    assert other == snapshot
    before = list(filled.rows("SELECT * FROM users"))
    with pytest.raises(Exception, match="x"):
        reconcile(filled, snapshot, run_id="r2")
    assert list(filled.rows("SELECT * FROM users")) == before
