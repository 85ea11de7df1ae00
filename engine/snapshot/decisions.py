"""The plan's `decisions` in the snapshot: the facts that they are held against, and the users whom they leave."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import NamedTuple

import orjson

from engine.model.keys import sub_of
from engine.plan_file.model import Decision
from engine.resources.users.decisions import AdoptionFacts, RecordFacts, adoption_misfit, record_misfit, refuse
from engine.snapshot.rows import named
from engine.snapshot.targets import load_target

KeyOf = Callable[[Decision], str]
"""The key of the user whom a decision is about."""

_RECORD = "SELECT reason, email, verified FROM record WHERE key = ?"
_OTHERS = """
SELECT count(*), coalesce(sum(verified), 0), coalesce(sum(key IN (SELECT value FROM json_each(?))), 0)
FROM record WHERE address = ? AND key != ? AND reason IS NULL AND skipped = 0
"""
_ADOPTION = """
SELECT r.primary_key, r.external_id, r.email, k.workos_id, t.user
FROM record r LEFT JOIN known_user k ON k.key = r.key LEFT JOIN target t ON t.id = ? WHERE r.key = ?
"""


class _Record(NamedTuple):
    reason: str | None
    email: str
    verified: int


class _Others(NamedTuple):
    number: int
    verified: int
    first: int


class _Adoption(NamedTuple):
    primary_key: str | None
    external_id: str | None
    email: str
    workos_id: str | None
    user: bytes | None


def leave_skipped(connection: sqlite3.Connection, decisions: Sequence[Decision], file: str, *, key_of: KeyOf) -> None:
    """Hold the decisions against the pool, and take out those to be skipped. Raises DecisionsMisfit."""
    skipped = [(key_of(one),) for one in decisions if one.action == "skip"]
    connection.executemany("UPDATE record SET skipped = 1 WHERE key = ?", skipped)
    first = orjson.dumps([key_of(one) for one in decisions if one.action == "primary"]).decode()
    facts = ((one, _facts(connection, key_of(one), first)) for one in decisions)
    refuse([(one, misfit) for one, found in facts if (misfit := record_misfit(one, found)) is not None], file)
    connection.executemany(
        "INSERT INTO change (kind, key, action, code, counts_as, because) "
        "VALUES ('user', ?, 'skip', 'decision', 'skipped', 'decision')",
        skipped,
    )


def check_adoptions(connection: sqlite3.Connection, decisions: Sequence[Decision], file: str, *, key_of: KeyOf) -> None:
    """Hold the adoptions against WorkOS, whose users are stored. Raises DecisionsMisfit."""
    misfits = []
    for one in decisions:
        if one.action == "adopt":
            (row,) = named(connection, _Adoption, _ADOPTION, (one.user_id, key_of(one)))
            primary = sub_of(row.primary_key) if row.primary_key is not None else None
            found = load_target(row.user)
            facts = AdoptionFacts(primary, row.external_id, row.email, row.workos_id, found)
            misfit = adoption_misfit(one, facts)
            if misfit is not None:
                misfits.append((one, misfit))
    refuse(misfits, file)


def _facts(connection: sqlite3.Connection, key: str, first: str) -> RecordFacts | None:
    row = next(named(connection, _Record, _RECORD, (key,)), None)
    if row is None:
        return None
    (others,) = named(connection, _Others, _OTHERS, (first, row.email, key))
    return RecordFacts(row.reason, row.email, bool(row.verified), others.number, others.verified, others.first)
