"""The contract of `Journal.advance`, run on the state file."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from engine.model.errors import StateError
from engine.model.keys import USER
from engine.model.outcomes import Claim, NotDone
from engine.state.file import StateFile
from tests.state.words import IDENTITY, KEY, claim, done, key, not_done

COLUMNS = "sub, workos_id, status, operation, error_code, attempts, run_id, created_here, verified, flagged"


def rows(path: Path, columns: str = "sub, status, workos_id") -> list[tuple[Any, ...]]:
    """Read by another connection: what is there is committed."""
    connection = sqlite3.connect(path)
    try:
        columns = columns.replace("sub", "substr(key, instr(key, '/') + 1)")
        return connection.execute(f"SELECT {columns} FROM resources WHERE kind = 'user' ORDER BY key").fetchall()
    finally:
        connection.close()


def test_a_claim_is_durable_on_return(state: StateFile, path: Path) -> None:
    state.advance([], [claim("s1", "create"), claim("s2", "update")], run_id="r1")
    assert rows(path, COLUMNS) == [
        ("s1", None, "claimed", "create", None, 1, "r1", 0, 0, 0),
        ("s2", None, "claimed", "update", None, 1, "r1", 0, 0, 0),
    ]


def test_outcomes_and_claims_go_together(state: StateFile, path: Path) -> None:
    state.advance([], [claim("s1", "create"), claim("s2", "create")], run_id="r1")
    state.advance([done("s1"), not_done("s2", "failed", "http_500", 8)], [claim("s3", "create")], run_id="r1")
    assert rows(path, COLUMNS) == [
        ("s1", "user_s1", "done", "create", None, 1, "r1", 1, 1, 0),
        ("s2", None, "failed", "create", "http_500", 8, "r1", 0, 0, 0),
        ("s3", None, "claimed", "create", None, 1, "r1", 0, 0, 0),
    ]


def test_a_claim_keeps_what_is_known(state: StateFile, path: Path) -> None:
    state.advance([done()], [], run_id="r1")
    state.advance([], [claim("s1", "update")], run_id="r2")
    assert rows(path, "workos_id, status, operation, fingerprint, fields, created_here, attempts") == [
        ("user_s1", "claimed", "update", b"f" * 16, '{"email":"00ff"}', 1, 2)
    ]


@pytest.mark.parametrize("status", ["failed", "conflict", "gone", "skipped"])
def test_an_end_without_success_keeps_what_is_known(state: StateFile, path: Path, status: Any) -> None:
    state.advance([done()], [claim("s1", "update")], run_id="r1")
    state.advance([not_done("s1", status, "some_code", 3)], [], run_id="r1")
    assert rows(path, "workos_id, status, error_code, fields") == [("user_s1", status, "some_code", '{"email":"00ff"}')]


def test_what_stays_open_began_when_it_was_claimed_first(
    state: StateFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it made is as old as that, however often it was tried since."""
    times = iter((100.0, 200.0, 300.0, 400.0, 500.0))
    monkeypatch.setattr("engine.state.file.time.time", lambda: next(times))
    began = []
    for outcomes, claims in (
        ([], [Claim("user", "s1", "create")]),
        ([NotDone("user", "s1", "claimed", "timeout", 1)], []),
        ([], [Claim("user", "s1", "create")]),
        ([], [Claim("user", "s1", "update")]),
        ([NotDone("user", "s1", "failed", "invalid", 1)], []),
    ):
        state.advance(outcomes, claims, run_id="r1")
        began += rows(path, "changed_at")
    assert began == [(100.0,), (100.0,), (100.0,), (400.0,), (500.0,)]


def test_success_ends_an_earlier_failure(state: StateFile, path: Path) -> None:
    state.advance([not_done("s1", "failed", "timeout", 8)], [], run_id="r1")
    state.advance([done()], [], run_id="r2")
    assert rows(path, "status, error_code, left_source, relation") == [("done", None, 0, "primary")]


def test_flags_once_written_stay_so(state: StateFile, path: Path) -> None:
    state.advance([done(flagged=True)], [], run_id="r1")
    state.advance([done(flagged=False)], [], run_id="r2")
    assert rows(path, "flagged") == [(1,)]


def test_who_is_released_stands_as_before(state: StateFile, path: Path) -> None:
    state.advance([done("known")], [claim("new", "create"), claim("known", "update")], run_id="r1")
    state.advance([not_done("new", "released", None), not_done("known", "released", None)], [], run_id="r1")
    assert rows(path) == [("known", "done", "user_known")]


def test_who_is_released_stays_claimed_where_an_earlier_run_left_it_so(state: StateFile, path: Path) -> None:
    """It may have been done then: the next run has to look."""
    state.begin_run("r1", "apply", time.time())
    state.advance([done("s1"), done("s2")], [], run_id="r1")
    state.advance([], [claim("s1", "update")], run_id="r1")
    state.begin_run("r2", "apply", time.time())
    state.advance([], [claim("s1", "update"), claim("s2", "update")], run_id="r2")
    state.advance([not_done("s1", "released", None), not_done("s2", "released", None)], [], run_id="r2")
    assert rows(path, "sub, status") == [("s1", "claimed"), ("s2", "done")]


def test_releasing_does_not_touch_who_has_ended(state: StateFile, path: Path) -> None:
    state.advance([not_done("s1", "failed", "timeout", 1)], [], run_id="r1")
    state.advance([not_done("s1", "released", None)], [], run_id="r1")
    assert rows(path) == [("s1", "failed", None)]


def test_nothing_to_say_is_no_transaction(state: StateFile) -> None:
    before = state.connection.total_changes
    state.advance([], [], run_id="r1")
    assert state.connection.total_changes == before


def test_all_or_nothing(state: StateFile, path: Path) -> None:
    state.advance([], [claim("s0", "create")], run_id="r1")
    bad = done("s2", workos_id=object())
    with pytest.raises(sqlite3.Error):
        state.advance([done("s1"), bad], [claim("s3", "create")], run_id="r1")
    assert rows(path) == [("s0", "claimed", None)]
    state.advance([done("s0")], [], run_id="r1")
    assert rows(path) == [("s0", "done", "user_s0")]


def test_a_full_disk_is_a_state_error_and_loses_nothing(state: StateFile, path: Path) -> None:
    state.advance([done("s0")], [claim("s1", "create")], run_id="r1")
    pages = state.connection.execute("PRAGMA page_count").fetchone()[0]
    state.connection.execute(f"PRAGMA max_page_count = {pages}")
    claims = [claim(f"many-{number:05}" + "x" * 100, "create") for number in range(2000)]
    with pytest.raises(StateError) as refused:
        state.advance([done("s1")], claims, run_id="r1")
    assert (refused.value.code, refused.value.exit_code) == ("disk_full", 1)
    assert str(refused.value).startswith("stopped: the disk is full") and str(path.parent) in str(refused.value)
    assert rows(path) == [("s0", "done", "user_s0"), ("s1", "claimed", None)]


def test_a_file_that_became_read_only(state: StateFile) -> None:
    state.connection.execute("PRAGMA query_only = 1")
    with pytest.raises(StateError) as refused:
        state.advance([done()], [], run_id="r1")
    assert refused.value.code == "state_not_writable"


def test_it_survives_closing(path: Path) -> None:
    for number in range(3):
        with StateFile.open(path, IDENTITY, key=KEY) as state:
            state.advance([done(f"s{number}")], [], run_id="r1")
    assert [sub for sub, *_ in rows(path)] == ["s0", "s1", "s2"]
    # SQLite has folded its log into the file.
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_claim_notes_how_its_end_can_be_told(state: StateFile, path: Path) -> None:
    state.advance([done(detail={"old": 1})], [], run_id="r1")
    state.advance([], [claim("s1", "update")], run_id="r1")
    assert rows(path, "detail") == [('{"old":1}',)]
    state.advance([], [Claim("user", key("s1"), "update", {"sent": {"x": "00"}})], run_id="r1")
    assert rows(path, "detail") == [('{"sent":{"x":"00"}}',)]


def test_whoever_is_removed_takes_merged_records_along(state: StateFile, path: Path) -> None:
    state.advance([done("s1"), done("s2"), done("s3")], [], run_id="r1")
    (_, second, third) = state.rows(USER)
    merged = {"relation": "merged", "primary_key": key("s1"), "workos_id": "user_s1"}
    state.put([second._replace(**merged), third._replace(**merged, key=key("s4"))])
    state.advance([not_done("s1", "removed", None)], [], run_id="r2")
    assert rows(path, "workos_id") == [("user_s3",)]


def test_an_orphan_that_is_removed_is_listed_no_more(state: StateFile) -> None:
    state.advance([NotDone(USER, key("s1"), "conflict", "x", 1, "user_9")], [], run_id="r1")
    assert [one.workos_id for one in state.orphaned()] == ["user_9"]
    state.advance([NotDone("orphan", "user_9", "removed", None, leftover="user_9")], [], run_id="r2")
    assert list(state.orphaned()) == []
