"""Figures of a report out of a state: password resets by day, and who has come back. Counts alone."""

from __future__ import annotations

from engine.state.file import StateFile

_DAYS = """
SELECT date(sent_at, 'unixepoch') AS day, count(*) AS number FROM resets
WHERE sent_at IS NOT NULL GROUP BY day ORDER BY day
"""
_NEEDED = """
SELECT count(*) AS number FROM resources u
WHERE u.kind = 'user' AND u.password = 1 AND u.workos_id IS NOT NULL AND u.relation = 'primary'
"""
_RETURNED = _NEEDED + " AND EXISTS (SELECT 1 FROM returned b WHERE b.workos_id = u.workos_id)"

_CONVERGED = """
SELECT 1 FROM runs WHERE command = 'apply'
    AND CASE WHEN json_valid(result) THEN json_extract(result, '$.converged') END LIMIT 1
"""


def sent_by_day(state: StateFile) -> list[tuple[str, int]]:
    """(day in UTC, people mailed on it, the last time that they were), in order."""
    return [(str(row["day"]), int(row["number"])) for row in state.every(_DAYS)]


def count_needed(state: StateFile) -> int:
    """People in WorkOS who had a password in Cognito."""
    return _number(state, _NEEDED)


def count_returned(state: StateFile) -> int:
    """Those of them of whom a command has seen that they signed in or reset their password."""
    return _number(state, _RETURNED)


def has_converged(state: StateFile) -> bool:
    """Whether any `apply` ended with everybody in place."""
    return state.one(_CONVERGED) is not None


def _number(state: StateFile, query: str) -> int:
    row = state.one(query)
    return int(row["number"]) if row is not None else 0
