"""Figures of a report out of a state: password resets by day, and who has come back. Counts alone."""

from __future__ import annotations

from engine.state.file import StateFile

_DAYS = """
SELECT date(sent_at, 'unixepoch') AS day, count(*) FROM resets WHERE sent_at IS NOT NULL GROUP BY day ORDER BY day
"""
_NEEDED = "SELECT count(*) FROM users u WHERE u.password = 1 AND u.workos_id IS NOT NULL AND u.relation = 'primary'"
_RETURNED = _NEEDED + " AND EXISTS (SELECT 1 FROM returned b WHERE b.workos_id = u.workos_id)"


def sent_by_day(state: StateFile) -> list[tuple[str, int]]:
    """(day in UTC, people mailed on it, the last time that they were), in order."""
    return [(str(day), int(str(number))) for day, number in state.rows(_DAYS)]


def count_needed(state: StateFile) -> int:
    """People in WorkOS who had a password in Cognito."""
    return int(str(next(state.rows(_NEEDED))[0]))


def count_returned(state: StateFile) -> int:
    """Those of them of whom a command has seen that they signed in or reset their password."""
    return int(str(next(state.rows(_RETURNED))[0]))
