"""The plan's waves on a day, as every command shows them, and as a run leaves them in the state."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import date
from typing import Any

import orjson

from engine.plan_file.model import Filters
from engine.resources.users.waves import due_cohorts
from engine.run.wave_figures import WaveFigures, WavesFigures
from engine.snapshot.waves import WaveCount, WaveCounts, count_waves

NOTED = "waves"
_NOTHING = WaveCount()


def waves_now(connection: sqlite3.Connection, filters: Filters, as_of: date) -> WavesFigures | None:
    """Of a snapshot, by what the state knows; None for a plan without waves. Blocking."""
    counts = count_waves(connection, filters)
    return None if counts is None else _figures(filters, as_of, counts)


def waves_noted(note: str | None, filters: Filters, as_of: date) -> WavesFigures | None:
    """As the last run counted them; nobody is counted of a wave that the plan has got since."""
    if not filters.in_waves:
        return None
    try:
        held = orjson.loads(note or "{}")
        cohorts = [_read(held.get("cohorts", {}).get(one.name)) for one in filters.cohorts]
        sample, rest = _read(held.get("sample")), _read(held.get("rest"))
    except (orjson.JSONDecodeError, AttributeError, TypeError, ValueError):
        cohorts, sample, rest = [_NOTHING] * len(filters.cohorts), _NOTHING, _NOTHING
    return _figures(filters, as_of, WaveCounts(sample, cohorts, rest))


def note_of(waves: WavesFigures) -> str:
    """For the state: counts by name, no person."""
    return orjson.dumps(
        {
            "cohorts": {one.name: [one.people, one.migrated] for one in waves.cohorts},
            "sample": _written(waves.sample),
            "rest": _written(waves.rest),
        }
    ).decode()


def _figures(filters: Filters, as_of: date, counts: WaveCounts) -> WavesFigures:
    due = set(due_cohorts(filters.cohorts, as_of))
    cohorts = tuple(
        WaveFigures(one.name, found.people, found.migrated, one.starts, at in due)
        for at, (one, found) in enumerate(zip(filters.cohorts, counts.cohorts, strict=True))
    )
    sample = rest = None
    if filters.sample is not None and counts.sample is not None:
        name = f"sample of {filters.sample.percent:g} %"
        sample = WaveFigures(name, counts.sample.people, counts.sample.migrated)
    if filters.cohorts and counts.rest is not None:
        rest = WaveFigures("in no cohort", counts.rest.people, counts.rest.migrated, due=False)
    return WavesFigures(as_of, cohorts, sample, rest)


def _read(pair: Any) -> WaveCount:
    people, migrated = pair or (0, 0)
    return WaveCount(int(people), int(migrated))


def _written(one: WaveFigures | None) -> Sequence[int] | None:
    return None if one is None else [one.people, one.migrated]
