"""Questions to a state: counts, runs, users by what became of them. Rows come one by one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from engine.model.keys import MEMBERSHIP, USER, membership_key, sub_of, user_key
from engine.state.faults import damaged
from engine.state.file import StateFile

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
_COLUMNS = "key, workos_id, relation, status, error_code, attempts, run_id, primary_key"
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
    key: str = ""  # with the pool
    primary_key: str | None = None  # of the record that it was merged into


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
        counts[name] = _count(state, f"resources WHERE kind = 'user' AND ({where})")
    counts["orphaned"] = _count(state, "orphaned")
    counts["left_out"] = _count(state, "left_out")
    return counts


def count_resources(state: StateFile) -> dict[str, dict[str, int]]:
    """Resources of every kind but users, by kind and by what became of them."""
    counts: dict[str, dict[str, int]] = {}
    query = """
    SELECT kind, status, count(*) AS number FROM resources WHERE kind != 'user' AND relation = 'primary'
    GROUP BY kind, status ORDER BY kind, status
    """
    for row in state.every(query):
        counts.setdefault(row["kind"], {})[row["status"]] = int(row["number"])
    return counts


def organization_ids(state: StateFile) -> Iterator[tuple[str, str]]:
    """(external ID, WorkOS id) of every organization that the state knows to be in WorkOS, in order."""
    query = """
    SELECT key, workos_id FROM resources WHERE kind = 'organization' AND workos_id IS NOT NULL AND status != 'gone'
    ORDER BY key
    """
    for row in state.every(query):
        yield row["key"], row["workos_id"]


def membership_ids(state: StateFile) -> Iterator[tuple[str, str, str | None, list[str]]]:
    """(key, WorkOS id, WorkOS id of the user, roles) of every membership that the state knows, in order of key."""
    query = """
    SELECT key, workos_id, detail FROM resources
    WHERE kind = 'membership' AND workos_id IS NOT NULL AND relation = 'primary' AND status != 'gone' ORDER BY key
    """
    for row in state.every(query):
        detail = orjson.loads(row["detail"]) if row["detail"] else {}
        yield row["key"], row["workos_id"], detail.get("user"), list(detail.get("roles", ()))


def last_runs(state: StateFile, limit: int) -> list[RunRow]:
    """The newest runs first."""
    rows = state.every(
        "SELECT run_id, command, started, ended, result FROM runs ORDER BY started DESC LIMIT ?", (limit,)
    )
    return [
        RunRow(row["run_id"], row["command"], float(row["started"]), float(row["ended"]) if row["ended"] else None,
               _result(state, row["result"]) if row["result"] else None)
        for row in rows
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
    """Users of these lists in order of key, each with the first of the lists that it is in; `left_out` last."""
    stored = [name for name in lists if name in _WHERE]
    if stored:
        where = " OR ".join(f"({_WHERE[name]})" for name in stored)
        which = " ".join(f"WHEN {_WHERE[name]} THEN '{name}'" for name in stored)
        query = (
            f"SELECT {_COLUMNS}, CASE {which} END AS list FROM resources WHERE kind = 'user' AND ({where}) ORDER BY key"
        )
        for row in state.every(query):
            yield row["list"], _user(row)
    if "orphaned" in lists:
        for orphan in state.orphaned():
            yield (
                "orphaned",
                UserRow(
                    sub_of(orphan.key), orphan.workos_id, "", "orphaned", "orphaned", 0, orphan.run_id, key=orphan.key
                ),
            )
    if "left_out" in lists:
        for row in state.every("SELECT key, reason FROM left_out ORDER BY key"):
            yield "left_out", UserRow(sub_of(row["key"]), None, "", "left_out", row["reason"], 0, None, key=row["key"])


def keys_of(state: StateFile, sub: str) -> list[str]:
    """Keys of the users with that sub, in any of the state's pools."""
    query = "SELECT key FROM resources WHERE kind = 'user' AND key = ?"
    keys = (user_key(pool, sub) for pool in state.identity.pools)
    return [key for key in keys if state.one(query, (key,)) is not None]


def key_in_workos(state: StateFile, workos_id: str) -> str | None:
    """Key of the record that speaks for this user of WorkOS; None where the state knows no such user."""
    query = "SELECT key FROM resources WHERE kind = 'user' AND workos_id = ? AND relation = 'primary'"
    row = state.one(query, (workos_id,))
    return row["key"] if row is not None else None


def user(state: StateFile, key: str) -> UserRow | None:
    """One user by key."""
    row = state.one(f"SELECT {_COLUMNS} FROM resources WHERE kind = 'user' AND key = ?", (key,))
    return _user(row) if row is not None else None


def forget(state: StateFile, keys: Sequence[str]) -> list[str]:
    """Drop these users, and records merged into them, from the state; those that were there, in the order given."""
    found = []
    with state.transaction() as connection:
        for key in keys:
            if connection.execute("DELETE FROM resources WHERE kind = ? AND key = ?", (USER, key)).rowcount:
                connection.execute("DELETE FROM resources WHERE kind = ? AND primary_key = ?", (USER, key))
                # A membership that was deleted in WorkOS is made again with its user alone.
                connection.execute(
                    "DELETE FROM resources WHERE kind = ? AND key > ? AND key < ?",
                    (MEMBERSHIP, membership_key(key, ""), membership_key(key, "\U0010ffff")),
                )
                found.append(key)
    return found


def who_needs_a_password(state: StateFile) -> dict[str, str]:
    """WorkOS id to key, of users who had a password in Cognito or join who had, in order of key."""
    query = """
    SELECT workos_id, key FROM resources
    WHERE kind = 'user' AND password = 1 AND workos_id IS NOT NULL AND relation = 'primary' ORDER BY key
    """
    return {row["workos_id"]: row["key"] for row in state.every(query)}


def needs_a_password(state: StateFile, workos_id: str) -> bool:
    """Whether this is one of them."""
    query = """
    SELECT 1 FROM resources WHERE kind = ? AND workos_id = ? AND password = 1 AND relation = 'primary' LIMIT 1
    """
    return state.one(query, (USER, workos_id)) is not None


def _count(state: StateFile, what: str) -> int:
    row = state.one(f"SELECT count(*) AS number FROM {what}")
    return int(row["number"]) if row is not None else 0


def _user(row: sqlite3.Row) -> UserRow:
    primary = row["primary_key"]
    return UserRow(
        sub_of(row["key"]), row["workos_id"], row["relation"], row["status"], row["error_code"], row["attempts"],
        row["run_id"], sub_of(primary) if primary is not None else None, row["key"], primary,
    )  # fmt: skip
