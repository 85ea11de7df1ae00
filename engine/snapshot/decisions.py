"""The plan's `decisions` in the snapshot: the facts that they are held against, and the users whom they leave."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import orjson

from engine.model.users import TargetUser
from engine.plan_file.model import Decision
from engine.resources.users.decisions import AdoptionFacts, RecordFacts, adoption_misfit, record_misfit, refuse

_RECORD = "SELECT reason, email, verified FROM record WHERE sub = ?"
_OTHERS = """
SELECT count(*), coalesce(sum(verified), 0), coalesce(sum(sub IN (SELECT value FROM json_each(?))), 0)
FROM record WHERE address = ? AND sub != ? AND reason IS NULL AND skipped = 0
"""
_ADOPTION = """
SELECT r.primary_sub, r.external_id, r.email, k.workos_id, t.user
FROM record r LEFT JOIN known.users k ON k.sub = r.sub LEFT JOIN target t ON t.id = ? WHERE r.sub = ?
"""


def leave_skipped(connection: sqlite3.Connection, decisions: Sequence[Decision], file: str) -> None:
    """Hold the decisions against the pool, and take out those to be skipped. Raises DecisionsMisfit."""
    skipped = [(one.sub,) for one in decisions if one.action == "skip"]
    connection.executemany("UPDATE record SET skipped = 1 WHERE sub = ?", skipped)
    first = orjson.dumps([one.sub for one in decisions if one.action == "primary"]).decode()
    facts = ((one, _facts(connection, one.sub, first)) for one in decisions)
    refuse([(one, misfit) for one, found in facts if (misfit := record_misfit(one, found)) is not None], file)
    connection.executemany(
        "INSERT INTO change (sub, action, code, counts_as) VALUES (?, 'skip', 'decision', 'skipped')", skipped
    )


def check_adoptions(connection: sqlite3.Connection, decisions: Sequence[Decision], file: str) -> None:
    """Hold the adoptions against WorkOS, whose users are stored. Raises DecisionsMisfit."""
    misfits = []
    for one in decisions:
        if one.action == "adopt":
            primary, external_id, email, known, user = connection.execute(_ADOPTION, (one.user_id, one.sub)).fetchone()
            found = TargetUser(*orjson.loads(user)) if user is not None else None
            misfit = adoption_misfit(one, AdoptionFacts(primary, external_id, email, known, found))
            if misfit is not None:
                misfits.append((one, misfit))
    refuse(misfits, file)


def _facts(connection: sqlite3.Connection, sub: str, first: str) -> RecordFacts | None:
    row = connection.execute(_RECORD, (sub,)).fetchone()
    if row is None:
        return None
    reason, email, verified = row
    others, others_verified, others_first = connection.execute(_OTHERS, (first, email, sub)).fetchone()
    return RecordFacts(reason, email, bool(verified), others, others_verified, others_first)
