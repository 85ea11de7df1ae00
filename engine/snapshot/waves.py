"""The waves of a snapshot's people: who waits, what their turn needs, and how many of each wave are migrated."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import orjson

from engine.plan_file.model import Filters
from engine.resources.users.waves import due_cohorts

# A person is in the sample if any of their records is, and in the first cohort that fits one of them. An unverified
# record of a verified group may be anybody's: it moves with the person, and places nobody in a cohort.
_PLACED = """
INSERT INTO wave (key, sampled, cohort)
SELECT coalesce(primary_key, key) AS person, max(sampled), min(CASE WHEN relation != 'unverified' THEN cohort END)
FROM record WHERE reason IS NULL AND skipped = 0 GROUP BY person
"""
_WAITING = """
INSERT INTO waiting (key, code)
SELECT key, code FROM (
    SELECT key, CASE
        WHEN :cohorts AND cohort IS NULL THEN 'no_cohort'
        WHEN :cohorts AND cohort NOT IN (SELECT value FROM json_each(:due)) THEN 'not_due'
        WHEN NOT sampled THEN 'not_sampled'
    END AS code FROM wave
) WHERE code IS NOT NULL
"""
_COUNTS = """
SELECT w.cohort, w.sampled, count(*), count(k.workos_id) FROM wave w
LEFT JOIN known k ON k.key = w.key AND k.kind = 'user' AND k.status != 'gone' GROUP BY w.cohort, w.sampled
"""
_ORGANIZATIONS = """
SELECT DISTINCT organization FROM membership m WHERE NOT EXISTS (SELECT 1 FROM waiting w WHERE w.key = m.person)
"""


@dataclass(frozen=True, slots=True)
class WaveCount:
    """People of one wave, and those of them whom the state knows to be in WorkOS."""

    people: int = 0
    migrated: int = 0

    def __add__(self, other: WaveCount) -> WaveCount:
        return WaveCount(self.people + other.people, self.migrated + other.migrated)


@dataclass(frozen=True, slots=True)
class WaveCounts:
    """`cohorts` are in the plan's order, `rest` is of who fits none; `sample` and `rest` are None without one."""

    sample: WaveCount | None
    cohorts: Sequence[WaveCount]
    rest: WaveCount | None


def mark_waiting(connection: sqlite3.Connection, filters: Filters, as_of: date) -> None:
    """Note everybody's wave and who waits on that day; people are merged. Nobody waits in a plan without waves."""
    if not filters.in_waves:
        return
    connection.execute(_PLACED)
    due = orjson.dumps(due_cohorts(filters.cohorts, as_of)).decode()
    connection.execute(_WAITING, {"cohorts": bool(filters.cohorts), "due": due})


def count_waves(connection: sqlite3.Connection, filters: Filters) -> WaveCounts | None:
    """Counts by wave, by what the state knows; None for a plan without waves."""
    if not filters.in_waves:
        return None
    sample, rest, cohorts = WaveCount(), WaveCount(), [WaveCount() for _ in filters.cohorts]
    for cohort, sampled, people, migrated in connection.execute(_COUNTS):
        found = WaveCount(people, migrated)
        sample += found if sampled else WaveCount()
        if cohort is None:
            rest += found
        else:
            cohorts[cohort] += found
    return WaveCounts(sample if filters.sample else None, cohorts, rest if filters.cohorts else None)


def needed_organizations(connection: sqlite3.Connection) -> frozenset[str]:
    """External IDs of the organizations of everybody who does not wait."""
    return frozenset(row[0] for row in connection.execute(_ORGANIZATIONS))


def first_waiting(connection: sqlite3.Connection, people: Sequence[str]) -> tuple[str, str] | None:
    """(key, code) of the first of these people of whom something is to be done, and not yet."""
    query = "SELECT key, code FROM change WHERE kind = 'user' AND key = ? AND action = 'wait'"
    return next((row for key in people for row in connection.execute(query, (key,))), None)
