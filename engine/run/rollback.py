"""One `rollback`, from an open state to a result: what this plan made goes, in the reverse order of the kinds.

It runs as `apply` does: decided on disk, claimed before each call, recorded after it, and begun again it does what is
left. A pool is not asked: what is to be taken back stands in the state and in WorkOS.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from engine.model.call_errors import Refused
from engine.model.clock import SystemClock
from engine.model.errors import GuardRefused, StateError
from engine.model.keys import (
    CONNECTION,
    MEMBERSHIP,
    ORGANIZATION,
    REDIRECT_URI,
    USER,
)
from engine.model.outcomes import Claim, NotDone, Outcome
from engine.model.ports import Progress
from engine.model.store import Journal, Store
from engine.plan_file.model import Spec
from engine.quota.metered import MeteredTarget
from engine.resources.fingerprints import Fingerprints
from engine.resources.organizations.undoing import without_metadata
from engine.resources.undoing import ORPHAN, Undoing
from engine.resources.users.undoing import UserUndoing
from engine.resources.users.usage import Usage
from engine.run.environment import WorkOSPorts
from engine.run.execution import Execution
from engine.run.kinds import KINDS
from engine.run.migration import new_run_id
from engine.run.rollback_calls import ResourceRemover
from engine.run.rollback_decisions import RollbackPlanner
from engine.run.rollback_figures import count_due, count_kept, count_undone, left_behind, undo_failure
from engine.run.rollback_results import SECTIONS, RollbackResult
from engine.run.rollback_users import UserRemover
from engine.run.runner import Tally
from engine.run.sources import pool_names
from engine.run.stopping import FailureGuard, Stop
from engine.run.target_errors import as_target_error
from engine.snapshot import database
from engine.snapshot.known import fill_known
from engine.snapshot.undo_table import UndoTable
from engine.workspace.folder import Workspace

# Up to so many users a preview looks for identities and factors as well: two reads for each.
_LOOKED_INTO = 200
_LISTED = 1000
# Orphans are users as well; roles are not among them, since the API cannot delete them.
_IN_ORDER = tuple(
    one for kind in reversed(KINDS) for one in ((kind, ORPHAN) if kind == USER else (kind,)) if one in SECTIONS
)


@dataclass(frozen=True, slots=True)
class RollbackOptions:
    """What was asked for. `only` is the key of one user; without `carry_out` it is only said what would be done."""

    carry_out: bool = False
    include_active: bool = False
    only: str | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class RollbackSurroundings:
    """What a rollback works with: the spec with the destination in use, a prepared workspace, WorkOS, its watchers."""

    spec: Spec
    sandbox: bool
    workspace: Workspace
    target: MeteredTarget
    workos: WorkOSPorts
    stop: Stop
    listing: Progress
    checking: Progress
    removing: Callable[[int], Progress]


class _OrphansJournal:
    """The state for users who have no row in it: no claim is needed where the WorkOS id alone is what is known."""

    def __init__(self, state: Journal) -> None:
        self._state = state

    def advance(self, outcomes: Sequence[Outcome], claims: Sequence[Claim], *, run_id: str) -> None:
        """See the port."""
        del claims
        gone = [one for one in outcomes if isinstance(one, NotDone) and one.status == "removed"]
        self._state.advance(gone, [], run_id=run_id)


async def run_rollback(around: RollbackSurroundings, state: Store, options: RollbackOptions) -> RollbackResult:
    """Show or carry out the way back. Raises MigrateError where nothing was attempted."""
    began = time.monotonic()
    path = around.workspace.snapshot_path
    snapshot = database.create(path)
    try:
        with database.disk_errors(path):
            fill_known(snapshot, state.rows(), state.orphaned())
            rollback = _Rollback(around, state, options, UndoTable(snapshot))
            with as_target_error(around.spec.destination):
                await rollback.decide()
            if options.carry_out:
                await rollback.carry_out()
            result = rollback.result(time.monotonic() - began)
        if result.run_id is not None:
            with suppress(StateError):
                # The run is over and counted; that it cannot be noted is in the result already.
                state.end_run(result.run_id, time.time(), result.summary())
        return result
    finally:
        snapshot.close()
        database.remove(path)


class _Rollback:
    def __init__(self, around: RollbackSurroundings, state: Store, options: RollbackOptions, table: UndoTable) -> None:
        reset = around.spec.password_reset
        flag = reset.flag if reset.strategy == "on_next_sign_in" else None
        self._around, self._state, self._options, self._table = around, state, options, table
        self._rules = UserUndoing(Fingerprints(state.key), flag, options.include_active)
        self._planner = RollbackPlanner(
            table, around.target, around.workos, self._rules, Usage(around.target, SystemClock())
        )
        self._tallies: dict[str, Tally] = {}
        self._kept: dict[str, Mapping[str, int]] = {}
        self._warnings: list[str] = []
        self._run_id: str | None = None

    async def decide(self) -> None:
        """Decide on everything; changes nothing. Raises MigrateError and CallFailed."""
        options = self._options
        try:
            await self._planner.decide_users(only=options.only, limit=options.limit, progress=self._around.listing)
            if options.carry_out or count_due(self._table.count()[USER]) <= _LOOKED_INTO:
                await self._planner.check_users(progress=self._around.checking)
            elif not options.include_active:
                self._warnings.append(
                    "who has linked an identity or enrolled a second factor is looked at before anything is removed; "
                    "such users are kept, and are not told apart here"
                )
        except Refused as error:
            if error.status != 403 or options.include_active:
                raise
            raise GuardRefused(
                "the API key may not read whether somebody uses the users that this plan made",
                remedy="use a key that may read users, their identities and factors, and events; or --include-active",
                code="usage_unreadable",
            ) from error
        await self._planner.decide_rest()

    async def carry_out(self) -> None:
        """Do it. What goes wrong from here on is in the result."""
        state, stop = self._state, self._around.stop
        self._run_id = new_run_id()
        state.begin_run(self._run_id, "rollback", time.time())
        removers = self._removers()
        guard = FailureGuard(self._around.spec.safety.max_failures)
        due = {kind: count_due(decided) for kind, decided in self._table.count().items()}
        shown, done = self._around.removing(sum(due.values())), 0
        for kind in (one for one in _IN_ORDER if due.get(one)):
            journal = _OrphansJournal(state) if kind == ORPHAN else state
            run = Execution(self._around.target, journal, self._run_id, stop)
            remover = removers[kind]
            tally = await run.carry_out(
                _UndoWork(self._table, kind),
                remover,
                progress=partial(_shown_after, shown, done),
                guard=guard if kind == USER else None,
            )
            done += tally.counts.total()
            self._tallies[kind], self._kept[kind] = tally, remover.kept

    def _removers(self) -> dict[str, ResourceRemover | UserRemover]:
        workos = self._around.workos

        async def occupied(work: Undoing) -> str | None:
            return "not_empty" if await self._planner.is_occupied(work.workos_id or "") else None

        async def restore(work: Undoing) -> object:
            return await workos.organizations.update(work.workos_id or "", without_metadata(work))

        return {
            MEMBERSHIP: ResourceRemover(workos.memberships.delete),
            USER: UserRemover(self._around.target, self._rules),
            ORPHAN: UserRemover(self._around.target, self._rules),
            CONNECTION: ResourceRemover(workos.connections.delete),
            ORGANIZATION: ResourceRemover(workos.organizations.delete, stays=occupied, restore=restore),
            REDIRECT_URI: ResourceRemover(workos.redirect_uris.delete, refused="default_redirect_uri"),
        }

    def result(self, duration: float) -> RollbackResult:
        """What was decided, and what came of it."""
        around, options, tallies, decided = self._around, self._options, self._tallies, self._table.count()
        figures = {kind: count_undone(decided[kind], tallies.get(kind)) for kind in SECTIONS}
        kept = {kind: count_kept(decided[kind]) + Counter(self._kept.get(kind, {})) for kind in SECTIONS}
        failures = [one for tally in tallies.values() for one in tally.failures]
        names = pool_names(around.spec.pools)
        return RollbackResult(
            plan=around.spec.name,
            sandbox=around.sandbox,
            applied=options.carry_out,
            counts=figures,
            kept=kept,
            left=left_behind(self._table),
            requests=around.target.requests,
            duration_s=duration,
            run_id=self._run_id,
            failures=tuple(undo_failure(names, one) for one in failures[:_LISTED]),
            failures_total=sum(tally.failures_total for tally in tallies.values()),
            held_back=options.only is not None or options.limit is not None,
            stopped=around.stop.reason,
            warnings=tuple(self._warnings),
        )


@dataclass(frozen=True, slots=True)
class _UndoWork:
    table: UndoTable
    kind: str

    def work(self, phase: int) -> Iterator[list[Undoing]]:
        """See the runner: nothing here waits for anything of its own kind."""
        if phase:
            yield from self.table.work(self.kind)


def _shown_after(shown: Progress, before: int, number: int) -> None:
    shown(before + number)
