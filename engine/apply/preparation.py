"""From a plan file to a computed plan, the same way for `plan` and `apply`: read, merge, discover, decide."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.errors import GuardRefused, Interrupted
from engine.mapping.mapper import Mapper
from engine.planning.fingerprints import Fingerprints
from engine.planning.plan import PlanSummary, compute_plan
from engine.planning.planner import Planner
from engine.ports import Progress, UserSource, UserTarget
from engine.results import SourceCounts
from engine.snapshot import database, ingest
from engine.snapshot.decisions import check_adoptions, leave_skipped
from engine.snapshot.ingest import Ingest
from engine.snapshot.people import merge_people
from engine.snapshot.plan_table import PlanTable
from engine.spec.model import ExportSource, Spec
from engine.targets.discovery import discover


@dataclass(frozen=True, slots=True)
class Watch:
    """How a long preparation is watched and ended: progress by stage, and whether somebody wants it to stop."""

    reading: Progress
    listing: Progress
    stopping: Callable[[], bool]


@dataclass(slots=True)
class Prepared:
    """A computed plan on disk. `connection` is the snapshot's, with the state attached as `known`."""

    connection: sqlite3.Connection
    table: PlanTable
    planner: Planner
    fingerprints: Fingerprints
    source: SourceCounts
    merged: int
    summary: PlanSummary

    def actions(self) -> Counter[str]:
        """People by action, over everybody selected; `merge` are the records that gave way."""
        found = self.connection.execute("SELECT action, count(*) FROM change GROUP BY action")
        return Counter({**dict(found), "merge": self.merged})

    def conflicts(self, limit: int) -> tuple[list[tuple[str, str]], int]:
        """(sub, code) of people in conflict, the first `limit`, and how many there are."""
        rows = self.connection.execute(
            "SELECT sub, code FROM change WHERE action = 'conflict' ORDER BY sub LIMIT ?", (limit,)
        )
        total = self.connection.execute("SELECT count(*) FROM change WHERE action = 'conflict'").fetchone()[0]
        return [(sub, code) for sub, code in rows], total

    def close(self) -> None:
        """Let go of the snapshot."""
        self.connection.close()


async def prepare(
    spec: Spec,
    *,
    source: UserSource,
    target: UserTarget,
    snapshot: Path,
    state: Path | None,
    key: bytes,
    watch: Watch,
) -> Prepared:
    """Read the source into `snapshot`, and decide on everyone against `state` and WorkOS. Writes nothing else.

    Raises SourceError, StateError (disk), the errors of `engine.targets.errors`, and Interrupted.
    """
    connection = database.create(snapshot)
    try:
        with database.disk_errors(snapshot):
            return await _prepare(spec, source, target, connection, state, key, watch)
    except BaseException:
        connection.close()
        raise


async def _prepare(
    spec: Spec,
    source: UserSource,
    target: UserTarget,
    connection: sqlite3.Connection,
    state: Path | None,
    key: bytes,
    watch: Watch,
) -> Prepared:
    mapper = Mapper(spec.attributes, spec.destination.limits, trusted_providers=spec.trusted_providers)
    fingerprints = Fingerprints(key)
    adoptions = {one.sub: one.user_id for one in spec.decisions if one.action == "adopt" and one.user_id}
    planner = Planner(fingerprints, existing_users=spec.existing_users, adoptions=adoptions)

    def read() -> None:
        def progress(seen: int) -> None:
            if watch.stopping():
                raise Interrupted("interrupted while reading; nothing was changed", remedy="run again")
            watch.reading(seen)

        reader = Ingest(connection, filters=spec.filters, mapper=mapper, fingerprints=fingerprints)
        reader.read(source, inline_groups=isinstance(spec.source, ExportSource), progress=progress)
        leave_skipped(connection, spec.decisions, str(spec.path))
        merge_people(
            connection,
            duplicates=spec.duplicates,
            mapper=mapper,
            fingerprints=fingerprints,
            decided={one.sub for one in spec.decisions if one.action == "primary"},
        )

    await asyncio.to_thread(read)
    seen, selected, reasons = ingest.counts(connection)
    merged = connection.execute("SELECT count(*) FROM record WHERE primary_sub IS NOT NULL").fetchone()[0]
    flags = {spec.password_reset.flag: "true"} if spec.password_reset.strategy == "on_next_sign_in" else {}
    table = PlanTable(connection, defaults=mapper.defaults, flags=flags)
    database.attach_state(connection, state)
    await asyncio.to_thread(table.prepare, adoptions)
    _check_stop(watch)
    await discover(table, target, progress=watch.listing, wanted=list(adoptions.values()))
    check_adoptions(connection, spec.decisions, str(spec.path))
    summary = await asyncio.to_thread(compute_plan, table, planner)
    connection.execute("DETACH known")
    _check_stop(watch)
    return Prepared(connection, table, planner, fingerprints, SourceCounts(seen, selected, reasons), merged, summary)


def check_max_changes(spec: Spec, actions: Counter[str]) -> None:
    """`safety.max_changes`: refuse to touch more users than that in one run. Raises GuardRefused."""
    limit = spec.safety.max_changes
    if limit is None:
        return
    changes = actions["create"] + actions["update"] + actions["adopt"]
    people = sum(number for action, number in actions.items() if action != "merge")
    allowed = limit if isinstance(limit, int) else int(limit * people)
    if changes > allowed:
        raise GuardRefused(
            f"the plan would change {changes} users, and safety.max_changes allows {allowed}",
            remedy="look at `migrate plan`, then raise safety.max_changes if that is what you want",
            code="max_changes",
        )


def _check_stop(watch: Watch) -> None:
    if watch.stopping():
        raise Interrupted("interrupted while planning; nothing was changed", remedy="run again")
