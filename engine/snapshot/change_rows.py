"""The decided changes of users and memberships, read back to be shown: a few of each action, or all of some.

Rows come one by one or in lists of bounded length: a plan may hold millions.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from engine.model.users import TargetUser
from engine.resources.users.changes import Desired
from engine.snapshot.plan_table import PlanTable
from engine.snapshot.rows import named
from engine.snapshot.targets import load_target

USER_ACTIONS = ("create", "update", "adopt", "skip", "conflict", "wait")
"""What `change` holds of users, but for what is unchanged; `merge` is told by records."""
MEMBERSHIP_ACTIONS = ("create", "update", "deactivate", "reactivate", "remove", "skip", "conflict")
_BATCH = 256

_USER = """
SELECT c.key, c.action, c.workos_id, c.send, c.code, c.because,
    r.email, r.verified, r.fields, r.invalid, max(r.password, r.joins) AS password
FROM change c JOIN record r ON r.key = c.key
"""
_OF_ACTIONS = "WHERE c.kind = 'user' AND c.action IN (SELECT value FROM json_each(?)) ORDER BY c.key"
_FIRST = "SELECT key FROM (SELECT key FROM change WHERE kind = '{kind}' AND action = '{action}' ORDER BY key LIMIT ?1)"
# What the state knows already is no change.
_MERGED = """
SELECT r.key, r.primary_key, r.relation, r.linked_to IS NOT NULL AS linked FROM record r
WHERE r.primary_key IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM known_user k WHERE k.key = r.key AND k.primary_key = r.primary_key AND k.relation = r.relation
) ORDER BY r.key
"""
_MEMBERSHIP = "SELECT c.key, c.action, c.workos_id, c.send, c.code, c.detail FROM change c "
_OF_USERS = """
WHERE c.kind = 'membership' AND substr(c.key, 1, instr(c.key, char(9)) - 1) IN (SELECT value FROM json_each(?))
ORDER BY c.key
"""
_MEMBERSHIPS = "WHERE c.kind = 'membership' AND c.action != 'unchanged' ORDER BY c.key"
# As text: SQLite takes a BLOB for JSON of its own.
_TOTALS = """
SELECT c.action, j.key, count(*) FROM change c, json_each(CAST(c.send AS TEXT)) j
WHERE c.kind = 'user' AND c.action IN ('update', 'adopt') AND c.send IS NOT NULL GROUP BY c.action, j.key ORDER BY j.key
"""
_HELD = "SELECT id, user FROM target WHERE id IN (SELECT value FROM json_each(?))"


class _UserChangeRow(NamedTuple):
    key: str
    action: str
    workos_id: str | None
    send: bytes | None
    code: str | None
    because: str | None
    email: str
    verified: int
    fields: bytes
    invalid: bytes | None
    password: int


class _MergedRow(NamedTuple):
    key: str
    primary_key: str
    relation: str
    linked: int


class _MembershipChangeRow(NamedTuple):
    key: str
    action: str
    workos_id: str | None
    send: bytes | None
    code: str | None
    detail: bytes


@dataclass(frozen=True, slots=True)
class ChangedUser:
    """One user's change. `send` is flat, as in `Change`; a creation sends all of `desired`. `into`: of a merge."""

    key: str
    action: str
    workos_id: str | None = None
    send: Mapping[str, str | bool | None] | None = None
    code: str | None = None
    because: tuple[str, ...] = ()
    desired: Desired | None = None
    into: str | None = None


@dataclass(frozen=True, slots=True)
class ChangedMembership:
    """One membership's change. `roles` are those to write, None where none are; `held` those known before."""

    key: str
    action: str
    workos_id: str | None
    code: str | None
    roles: tuple[str, ...] | None
    held: tuple[str, ...] | None


class ChangeRows:
    """The changes of one snapshot whose plan is computed."""

    def __init__(self, connection: sqlite3.Connection, table: PlanTable) -> None:
        self._connection = connection
        self._table = table

    def first_users(self, limit: int) -> list[ChangedUser]:
        """The first `limit` of each action, merges too, by action and key."""
        found: list[ChangedUser] = []
        # Who looks for an action that nobody has looks through everybody.
        counts = self._table.count_actions()
        present = [action for action in USER_ACTIONS if counts[action]]
        if present:
            query = f"{_USER} WHERE c.kind = 'user' AND c.key IN ({_picked('user', present)}) ORDER BY c.key"
            found += (self._user(row) for row in named(self._connection, _UserChangeRow, query, (limit,)))
        merged = [_merge(row) for row in named(self._connection, _MergedRow, f"{_MERGED} LIMIT ?", (limit,))]
        return sorted(found + merged, key=lambda one: (_PLACE[one.action], one.key))

    def users(self, actions: Collection[str]) -> Iterator[list[ChangedUser]]:
        """All of these actions, in order of key, in lists; merges come last."""
        wanted = orjson.dumps(sorted(actions)).decode()
        cursor = named(self._connection, _UserChangeRow, _USER + _OF_ACTIONS, (wanted,))
        while rows := cursor.fetchmany(_BATCH):
            yield [self._user(row) for row in rows]
        if "merge" in actions:
            merged = named(self._connection, _MergedRow, _MERGED)
            while found := merged.fetchmany(_BATCH):
                yield [_merge(row) for row in found]

    def first_memberships(self, limit: int) -> list[ChangedMembership]:
        """The first `limit` of each action, by action and key."""
        picked = _picked("membership", MEMBERSHIP_ACTIONS)
        query = f"{_MEMBERSHIP}WHERE c.kind = 'membership' AND c.key IN ({picked}) ORDER BY c.key"
        found = [_membership(row) for row in named(self._connection, _MembershipChangeRow, query, (limit,))]
        return sorted(found, key=lambda one: (MEMBERSHIP_ACTIONS.index(one.action), one.key))

    def memberships(self) -> Iterator[list[ChangedMembership]]:
        """All, in order of key, in lists."""
        cursor = named(self._connection, _MembershipChangeRow, _MEMBERSHIP + _MEMBERSHIPS)
        while rows := cursor.fetchmany(_BATCH):
            yield [_membership(row) for row in rows]

    def totals(self) -> dict[str, Counter[str]]:
        """How many updates and adoptions send a field, by field and action."""
        found: dict[str, Counter[str]] = {}
        for action, name, number in self._connection.execute(_TOTALS):
            found.setdefault(name, Counter())[action] = number
        return found

    def held(self, workos_ids: Sequence[str]) -> dict[str, TargetUser]:
        """Those of these users of WorkOS whom the snapshot holds."""
        rows = self._connection.execute(_HELD, (orjson.dumps(list(workos_ids)).decode(),))
        return {str(one): user for one, raw in rows if (user := load_target(raw)) is not None}

    def _user(self, row: _UserChangeRow) -> ChangedUser:
        return ChangedUser(
            row.key,
            row.action,
            row.workos_id,
            orjson.loads(row.send) if row.send else {},
            row.code,
            tuple(row.because.split(",")) if row.because else (),
            self._table.desired(row) if row.action == "create" else None,
        )


_PLACE = {action: at for at, action in enumerate(("create", "update", "adopt", "merge", "skip", "conflict", "wait"))}


def _picked(kind: str, actions: Sequence[str]) -> str:
    return " UNION ALL ".join(_FIRST.format(kind=kind, action=action) for action in actions)


def changed_memberships(connection: sqlite3.Connection, users: str) -> list[ChangedMembership]:
    """Those of these users (keys as a JSON list), in order of key."""
    return [_membership(row) for row in named(connection, _MembershipChangeRow, _MEMBERSHIP + _OF_USERS, (users,))]


def merge_reasons(relation: str, *, linked: bool) -> tuple[str, ...]:
    """Why a record is merged into another."""
    if linked:
        return ("linked_profile",)
    return ("merged_unverified",) if relation == "unverified" else ("merged",)


def _merge(row: _MergedRow) -> ChangedUser:
    why = merge_reasons(row.relation, linked=bool(row.linked))
    return ChangedUser(row.key, "merge", into=row.primary_key, because=why)


def _membership(row: _MembershipChangeRow) -> ChangedMembership:
    case: Sequence[Any] = orjson.loads(row.detail)["case"]
    known = case[1]
    roles = orjson.loads(row.send)["roles"] if row.send else None
    held = tuple(known["roles"]) if known is not None else None
    return ChangedMembership(
        row.key, row.action, row.workos_id, row.code, tuple(roles) if roles is not None else None, held
    )
