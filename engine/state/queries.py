"""Questions to a state: counts, runs, users by what became of them. Rows come one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from engine.state.file import StateFile, damaged

# What `status --users` can be asked for, and which rows each names.
_WHERE = {
    "failed": "(status = 'failed' OR status = 'claimed' AND error_code IS NOT NULL)",
    "conflicts": "(status = 'conflict' OR status = 'gone' AND left_source = 0)",
    "skipped": "status = 'skipped'",
    "merged": "relation != 'primary'",
    "pending": "status = 'claimed' AND error_code IS NULL",
    "migrated": "workos_id IS NOT NULL AND relation = 'primary'",
    "left_source": "left_source = 1 AND workos_id IS NOT NULL AND status != 'gone'",
}
_COLUMNS = "sub, workos_id, relation, status, error_code, attempts, run_id, primary_sub"
USER_LISTS = (*_WHERE, "left_out", "orphaned")


@dataclass(frozen=True, slots=True)
class UserRow:
    """One user as the state holds them; `code` is of the failure, the conflict or the leaving out."""

    source_id: str
    workos_id: str | None
    relation: str
    status: str
    code: str | None
    attempts: int
    run_id: str | None
    primary_sub: str | None = None


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run; `result` is result.v1 without its failures, None where the run did not end."""

    run_id: str
    command: str
    started: float
    ended: float | None
    result: dict[str, Any] | None


def count_users(state: StateFile) -> dict[str, int]:
    """Users by list name."""
    counts = {}
    for name, where in _WHERE.items():
        counts[name] = int(str(next(state.rows("SELECT count(*) FROM users WHERE " + where))[0]))
    counts["orphaned"] = int(str(next(state.rows("SELECT count(*) FROM orphaned"))[0]))
    counts["left_out"] = int(str(next(state.rows("SELECT count(*) FROM left_out"))[0]))
    return counts


def last_runs(state: StateFile, limit: int) -> list[RunRow]:
    """The newest runs first."""
    rows = state.rows(
        "SELECT run_id, command, started, ended, result FROM runs ORDER BY started DESC LIMIT ?", (limit,)
    )
    return [
        RunRow(str(run), str(command), float(str(started)), float(str(ended)) if ended else None,
               _result(state, str(result)) if result else None)
        for run, command, started, ended, result in rows
    ]  # fmt: skip


def _result(state: StateFile, text: str) -> dict[str, Any]:
    try:
        result = orjson.loads(text)
        users, took = result["users"], result["duration_s"]
        if all(isinstance(one, int) for one in users.values()) and isinstance(took, int | float):
            return dict(result)
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError, ValueError):
        pass
    raise damaged(state.path)


def users(state: StateFile, lists: Sequence[str]) -> Iterator[tuple[str, UserRow]]:
    """Users of these lists in order of sub, each with the first of the lists that it is in; `left_out` last."""
    stored = [name for name in lists if name in _WHERE]
    if stored:
        where = " OR ".join(f"({_WHERE[name]})" for name in stored)
        which = " ".join(f"WHEN {_WHERE[name]} THEN '{name}'" for name in stored)
        columns = f"{_COLUMNS}, CASE {which} END"
        for row in state.rows(f"SELECT {columns} FROM users WHERE {where} ORDER BY sub"):
            yield str(row[-1]), _user(row[:-1])
    if "orphaned" in lists:
        for sub, workos_id, run_id in state.rows("SELECT sub, workos_id, run_id FROM orphaned ORDER BY sub"):
            yield "orphaned", UserRow(str(sub), str(workos_id), "", "orphaned", "orphaned", 0, str(run_id))
    if "left_out" in lists:
        for sub, reason in state.rows("SELECT sub, reason FROM left_out ORDER BY sub"):
            yield "left_out", UserRow(str(sub), None, "", "left_out", str(reason), 0, None)


def user(state: StateFile, sub: str) -> UserRow | None:
    """One user."""
    return next(map(_user, state.rows(f"SELECT {_COLUMNS} FROM users WHERE sub = ?", (sub,))), None)


def forget(state: StateFile, subs: Sequence[str]) -> list[str]:
    """Drop these users, and records merged into them, from the state; those that were there, in the order given."""
    found = []
    with state.transaction() as connection:
        for sub in subs:
            if connection.execute("DELETE FROM users WHERE sub = ?", (sub,)).rowcount:
                connection.execute("DELETE FROM users WHERE primary_sub = ?", (sub,))
                found.append(sub)
    return found


def _user(row: Sequence[object]) -> UserRow:
    sub, workos_id, relation, status, code, attempts, run_id, primary = row
    return UserRow(
        str(sub), _text(workos_id), str(relation), str(status), _text(code), int(str(attempts)), _text(run_id),
        _text(primary),
    )  # fmt: skip


def _text(value: object) -> str | None:
    return None if value is None else str(value)
