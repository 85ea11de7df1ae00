"""A pool into a snapshot: read, filtered, mapped, decisions held against it, one person an address."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from engine.model.errors import GuardRefused, Interrupted
from engine.model.keys import user_key
from engine.model.ports import Progress, UserSource
from engine.plan_file.model import Spec
from engine.plan_file.providers import providers_with
from engine.resources.fingerprints import Fingerprints
from engine.resources.users.mapper import Mapper
from engine.run.identity import pool_name
from engine.run.results import SourceCounts
from engine.snapshot import ingest
from engine.snapshot.decisions import leave_skipped
from engine.snapshot.ingest import Ingest
from engine.snapshot.people import merge_people


@dataclass(frozen=True, slots=True)
class Watch:
    """How a long preparation is watched and ended: progress by stage, and whether somebody wants it to stop."""

    reading: Progress
    listing: Progress
    stopping: Callable[[], bool]

    def check(self, doing: str) -> None:
        """Raise Interrupted where somebody does."""
        if self.stopping():
            raise Interrupted(f"interrupted while {doing}; nothing was changed", remedy="run again")


@dataclass(frozen=True, slots=True)
class People:
    """Who was read. `merged` are the records that were merged into another with the same address."""

    mapper: Mapper
    fingerprints: Fingerprints
    source: SourceCounts
    merged: int


def check_selected(spec: Spec, source: SourceCounts) -> None:
    """A plan that selects nobody of a pool that has users looks done and is not. Raises GuardRefused."""
    if source.selected or not source.seen or spec.filters.allow_empty:
        return
    reasons = ", ".join(f"{number:,} {reason}" for reason, number in sorted(source.filtered.items()))
    raise GuardRefused(
        f"the plan selects nobody of {source.seen:,} users ({reasons})",
        remedy="correct filters; if that is meant, write filters.allow_empty: true",
        code="nobody_selected",
    )


def read_people(spec: Spec, source: UserSource, connection: sqlite3.Connection, key: bytes, watch: Watch) -> People:
    """Fill an empty snapshot; blocking. Raises SourceError, DecisionsMisfit and Interrupted."""
    mapper = Mapper(spec.attributes, spec.destination.limits, trusted_providers=spec.trusted_providers)
    fingerprints = Fingerprints(key)

    def progress(seen: int) -> None:
        watch.check("reading")
        watch.reading(seen)

    pool = pool_name(spec)
    reader = Ingest(
        connection,
        filters=spec.filters,
        mapper=mapper,
        fingerprints=fingerprints,
        skip_providers=providers_with(spec.providers, "skip"),
        reset_providers=providers_with(spec.providers, "password_reset"),
        pool=pool,
    )
    reader.read(source, inline_groups=not source.describe().live, progress=progress)
    leave_skipped(connection, spec.decisions, str(spec.path), pool=pool)
    merge_people(
        connection,
        duplicates=spec.duplicates,
        mapper=mapper,
        fingerprints=fingerprints,
        decided={user_key(pool, one.sub) for one in spec.decisions if one.action == "primary"},
    )
    seen, selected, reasons = ingest.counts(connection)
    return People(mapper, fingerprints, SourceCounts(seen, selected, reasons), ingest.count_merged(connection))
