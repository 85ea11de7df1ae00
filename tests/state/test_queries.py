"""Questions to a state, settling what a run leaves in it, and forgetting."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.model.errors import StateError
from engine.model.keys import sub_of, user_key
from engine.model.outcomes import Orphan, ResourceRow
from engine.model.store import Settlement
from engine.state import queries
from engine.state.file import StateFile
from tests.state.words import IDENTITY, claim, done, key, not_done


@pytest.fixture
def filled(state: StateFile) -> StateFile:
    ended = [
        done("a"),
        done("b"),
        not_done("c", "failed", "timeout", 8),
        not_done("d", "conflict", "unverified_link"),
        not_done("e", "skipped", "existing_user"),
        not_done("f", "gone", "gone"),
    ]
    state.advance(ended, [claim("g", "create")], run_id="r1")
    with state.transaction() as connection:
        connection.execute(
            "INSERT INTO resources (kind, key, workos_id, relation, primary_key, status) "
            "VALUES ('user', ?, 'user_a', 'merged', ?, 'done')",
            (key("m"), key("a")),
        )
        connection.execute("INSERT INTO left_out VALUES (?, 'disabled')", (key("x"),))
        connection.execute("UPDATE resources SET left_source = 1 WHERE key IN (?, ?)", (key("b"), key("c")))
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
    failed = queries.user(filled, user_key(IDENTITY.pool, "c"))
    assert failed is not None and (failed.code, failed.attempts, failed.workos_id, failed.run_id) == (
        "timeout", 8, None, "r1",
    )  # fmt: skip
    merged = queries.user(filled, user_key(IDENTITY.pool, "m"))
    assert merged is not None and (merged.relation, merged.primary_sub, merged.workos_id) == ("merged", "a", "user_a")
    assert queries.user(filled, user_key(IDENTITY.pool, "nobody")) is None
    ((_, left_out),) = queries.users(filled, ["left_out"])
    assert (left_out.status, left_out.code) == ("left_out", "disabled")


def test_forgetting_takes_the_merged_records_along(filled: StateFile) -> None:
    assert [
        sub_of(key) for key in queries.forget(filled, [user_key(IDENTITY.pool, sub) for sub in ("a", "nobody", "f")])
    ] == ["a", "f"]
    assert [queries.user(filled, user_key(IDENTITY.pool, sub)) for sub in ("a", "f", "m")] == [None, None, None]
    assert queries.user(filled, user_key(IDENTITY.pool, "b")) is not None


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


def test_settling_is_all_or_nothing(filled: StateFile) -> None:
    before = (list(filled.rows()), list(filled.orphaned()), list(queries.users(filled, ["left_out"])))
    row = next(filled.rows("user"))

    def broken() -> Iterator[tuple[str, str]]:
        yield key("y"), "status"
        raise StateError("the snapshot cannot be read", code="snapshot_not_writable")

    changed = [row._replace(status="conflict"), ResourceRow("user", key("new"))]
    with pytest.raises(StateError):
        filled.settle(Settlement(changed=changed, orphaned=[Orphan("user_o", key("a"), "r2")], left_out=broken()))
    assert before == (list(filled.rows()), list(filled.orphaned()), list(queries.users(filled, ["left_out"])))


def test_settling(filled: StateFile) -> None:
    rows = {row.key: row for row in filled.rows("user")}
    changed = [rows[key("a")]._replace(status="conflict", error_code="duplicate"), ResourceRow("user", key("new"))]
    orphan = Orphan("user_o", key("a"), "r2")
    for _ in range(2):
        filled.settle(Settlement(changed, [orphan], [(key("y"), "status")], {"looked_at": "1.5"}))
    rows |= {row.key: row for row in changed}
    assert list(filled.rows()) == [rows[one] for one in sorted(rows)]
    assert list(filled.orphaned()) == [orphan] and filled.meta("looked_at") == "1.5"
    assert [row.source_id for _, row in queries.users(filled, ["left_out"])] == ["y"]


def test_rows_of_a_kind_and_of_a_run(filled: StateFile) -> None:
    filled.put([ResourceRow("connection", key("Okta"), "conn_1", fingerprint=b"\0\xff")])
    filled.advance([done("b")], [], run_id="r2")
    assert [row.key for row in filled.rows("connection")] == [key("Okta")]
    assert [row.key for row in filled.rows(run_id="r2")] == [key("b")]
    assert [row.key for row in filled.rows("user")] == [key(sub) for sub in "abcdefgm"]
