"""From a plan file to a computed plan, the same way for `plan` and `apply`: read, merge, discover, decide."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from engine.model.clock import today
from engine.model.keys import sub_of
from engine.model.ports import UserTarget
from engine.model.store import Store
from engine.model.tombstones import NOTED_AS, Tombstones
from engine.plan_file.model import Spec
from engine.resources.fingerprints import Fingerprints
from engine.resources.users.coverage import PoolCoverage
from engine.resources.users.departures import Refresh, find_departed
from engine.resources.users.discovery import discover
from engine.resources.users.plan import PlanSummary, compute_plan
from engine.resources.users.planner import Planner
from engine.run.canary import Canary, check_turn, find_people
from engine.run.covering import cover
from engine.run.identity import decision_key
from engine.run.placing import Placing
from engine.run.reading import Watch, check_selected, read_people
from engine.run.results import SourceCounts
from engine.run.sources import Sources
from engine.snapshot import database
from engine.snapshot.decisions import check_adoptions
from engine.snapshot.departures import Departures, count_departures
from engine.snapshot.known import fill_known
from engine.snapshot.passwordless import FindPasswordless, mark_passwordless
from engine.snapshot.plan_table import PlanTable
from engine.snapshot.waves import mark_waiting

LOOKED_AT = "looked_at"


@dataclass(slots=True)
class Prepared:
    """A computed plan on disk. `connection` is the snapshot's, with what the state knows in `known`."""

    connection: sqlite3.Connection
    table: PlanTable
    planner: Planner
    fingerprints: Fingerprints
    source: SourceCounts
    merged: int
    summary: PlanSummary
    departures: Departures
    refreshed: Refresh
    looked_at: float | None  # when this run looked who was deleted; None where it did not
    coverage: tuple[PoolCoverage, ...] = ()
    warnings: tuple[str, ...] = ()  # attribute names of the plan that nobody fills
    placing: Placing | None = None
    converged: bool = False  # an earlier run has ended with everybody in place
    targets: tuple[str, ...] = ()  # keys of the people whom a canary run names

    def actions(self) -> Counter[str]:
        """People by action, over everybody selected; `merge` are the records that were merged into another."""
        return self.table.count_actions() + Counter(merge=self.merged)

    def conflicts(self, limit: int) -> tuple[list[tuple[str, str, str | None]], int]:
        """(key, code, WorkOS id if known) of people in conflict, the first `limit`, and how many there are."""
        return self.table.conflicts(limit)

    def close(self) -> None:
        """Let go of the snapshot."""
        self.connection.close()


async def prepare(
    spec: Spec,
    *,
    source: Sources,
    target: UserTarget,
    snapshot: Path,
    state: Store | None,
    key: bytes,
    watch: Watch,
    now: float,
    refresh: bool = True,
    find_passwordless: FindPasswordless | None = None,
    canary: Canary | None = None,
    as_of: date | None = None,
) -> Prepared:
    """Read the source into `snapshot`, and decide on everyone against `state` and WorkOS. Writes nothing else.

    `refresh` looks who was deleted in WorkOS since the last look; `now` is in seconds since the epoch. With
    `find_passwordless`, users without a password are not flagged for a new one.

    `as_of` is the day whose cohorts are due, today unless given. `canary`: its targets are looked for before anybody is
    contacted for nothing.

    Raises SourceError, StateError (disk), GuardRefused, the errors of `engine.model.call_errors`, and Interrupted.
    """
    connection = database.create(snapshot)
    try:
        with database.disk_errors(snapshot), database.interruptible(connection, watch.stopping, "planning"):
            return await _prepare(
                spec, source, target, connection, state, key, watch, now, refresh, find_passwordless, canary,
                as_of or today(),
            )  # fmt: skip
    except BaseException:
        connection.close()
        raise


async def _prepare(
    spec: Spec,
    source: Sources,
    target: UserTarget,
    connection: sqlite3.Connection,
    state: Store | None,
    key: bytes,
    watch: Watch,
    now: float,
    refresh: bool,
    find_passwordless: FindPasswordless | None,
    canary: Canary | None,
    as_of: date,
) -> Prepared:
    purged = Tombstones(state.key, state.meta(NOTED_AS)) if state is not None else ()
    people = await asyncio.to_thread(read_people, spec, source, connection, key, watch, purged)
    coverage, warnings = await asyncio.to_thread(cover, spec, source, connection, people.traits)
    check_selected(spec, people.source)
    targets: tuple[str, ...] = ()
    if canary is not None:
        targets = await asyncio.to_thread(find_people, connection, canary, spec, source.names)
    await asyncio.to_thread(mark_waiting, connection, spec.filters, as_of)
    key_of = decision_key(spec)
    adoptions = {key_of(one): one.user_id for one in spec.decisions if one.action == "adopt" and one.user_id}
    planner = Planner(people.fingerprints, existing_users=spec.existing_users, adoptions=adoptions)
    flags = {spec.password_reset.flag: "true"} if spec.password_reset.strategy == "on_next_sign_in" else {}
    table = PlanTable(connection, defaults=people.mappers.defaults, flags=flags)
    watch.planning(0)
    await asyncio.to_thread(know, connection, state)
    await asyncio.to_thread(table.prepare, adoptions)
    watch.check("planning")
    if find_passwordless is not None:
        doing = "asking for sign-in factors"
        await asyncio.to_thread(
            mark_passwordless, connection, find_passwordless, lambda: watch.check(doing), people=frozenset(targets)
        )

    def listing(seen: int) -> None:
        watch.check("listing")
        watch.listing(seen)

    refreshed: Refresh = "skipped"
    if refresh:
        refreshed = await find_departed(table, target, looked_at=_looked_at(state), now=now, progress=listing)
    await asyncio.to_thread(table.settle_unchanged)
    if canary is not None:
        await asyncio.to_thread(check_turn, connection, targets)
    await discover(table, target, progress=listing, wanted=list(adoptions.values()), listed=refreshed == "listing")
    check_adoptions(connection, spec.decisions, str(spec.path), key_of=key_of)
    watch.planning(0)
    summary = await asyncio.to_thread(
        compute_plan, table, planner, name=str if source.several else sub_of, progress=watch.planning
    )
    departures = await asyncio.to_thread(count_departures, connection)
    looked_at = None if refreshed in ("skipped", "failed") else now
    watch.check("planning")
    return Prepared(
        connection, table, planner, people.fingerprints, people.source, people.merged, summary, departures,
        refreshed, looked_at, coverage, warnings, people.placing,
        state is not None and state.has_converged(), targets,
    )  # fmt: skip


def know(connection: sqlite3.Connection, state: Store | None, *, kept: bool = False) -> None:
    """Copy what a state knows into a snapshot; `kept`: one that an earlier run left. Blocking; raises StateError."""
    if state is None:
        fill_known(connection, kept=kept)
    else:
        fill_known(connection, state.rows(), state.orphaned(), kept=kept)


def _looked_at(state: Store | None) -> float | None:
    """When a run last looked who was deleted in WorkOS, and the state learnt it."""
    try:
        return float(state.meta(LOOKED_AT) or "") if state is not None else None
    except ValueError:
        return None
