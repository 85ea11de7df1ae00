"""One `apply` and one `plan`, from an open session to a result."""

from __future__ import annotations

import math
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import orjson

from engine.model.call_errors import Refused
from engine.model.clock import SystemClock
from engine.model.errors import MigrateError, StateError
from engine.model.ports import Progress
from engine.oauth.results import KEYS
from engine.plan_file.model import Destination
from engine.resources.users.performer import Performer
from engine.run.guards import broken_guards, check_guards
from engine.run.preparation import Prepared
from engine.run.reading import Watch
from engine.run.results import ApplyResult, Failure, PlanResult, Reported
from engine.run.runner import Runner, Tally
from engine.run.session import Session
from engine.run.sign_in import Foreseen, SignInStage
from engine.run.stopping import FailureGuard, Stop
from engine.run.target_errors import as_target_error
from engine.snapshot import database
from engine.snapshot.passwordless import count_flagged
from engine.snapshot.sign_ins import count_by_name
from engine.state.file import StateFile
from engine.state.reconcile import count_left_source, count_orphaned, reconcile

_LISTED = 1000


class Look(Protocol):
    """Sees a computed plan, and what signing in takes, before the snapshot is gone. Changes nothing."""

    async def __call__(self, prepared: Prepared, stage: SignInStage, foreseen: Foreseen) -> None: ...


class Writing(Protocol):
    """Shows how writing goes, once it is known how much there is."""

    def __call__(self, total: int) -> Progress: ...


async def run_apply(session: Session, *, watch: Watch, writing: Writing, stop: Stop) -> ApplyResult:
    """Carry a plan out. Raises MigrateError where nothing was attempted; everything later is in the result."""
    began = time.monotonic()
    # Before the users: nobody wants to hear after hours that the providers may not be read.
    stage = await session.sign_in_stage()
    prepared = await session.prepare(watch)
    try:
        actions = prepared.actions()
        check_guards(broken_guards(session.spec.safety, actions, prepared.departures))
        foreseen = await session.foresee_sign_in(stage, prepared.connection)
        foreseen.refuse()
        if not session.sandbox:
            # A stand-in has no providers of anybody's: the gate guards the real destination.
            with as_target_error(session.spec.destination):
                await stage.gate(foreseen, session.probe)
        watch.check("checking")
        session.notes += _doubts(session, prepared)
        run_id = new_run_id()
        path = session.workspace.snapshot_path
        new = not session.workspace.state_path.exists()
        with StateFile.open(session.workspace.state_path, session.identity, key=session.key) as state:
            state.begin_run(run_id, "apply", time.time())
            due = actions["create"] + actions["update"] + actions["adopt"]
            sign_in = await stage.carry_out(foreseen, state)
            tally = await _carry_out(session, prepared, state, run_id, stop, writing(due))
            reported = _settle_state(state, path, run_id, stop, prepared)
            if new and tally.counts["adopted"]:
                session.notes.append(
                    f"there was no state: it was rebuilt from WorkOS, where {tally.counts['adopted']} users were found"
                )
            result = _result(session, prepared, tally, reported, run_id, stop, time.monotonic() - began)
            result = replace(result, sign_in=sign_in)
            with suppress(StateError):
                # The run is over and counted; that it cannot be noted is in the result already.
                state.end_run(run_id, time.time(), _summary(result))
    finally:
        prepared.close()
    if result.converged and not session.spec.keep_snapshot:
        session.workspace.drop_snapshots()
    else:
        session.workspace.keep_snapshot()
    return result


async def run_plan(session: Session, *, watch: Watch, look: Look | None = None) -> PlanResult:
    """Compute a plan and change nothing; the snapshot is gone afterwards. `look` may see it first."""
    began = time.monotonic()
    # Before the users: nobody wants to hear after hours that the providers may not be read.
    stage = await session.sign_in_stage()
    prepared = await session.prepare(watch)
    try:
        actions = prepared.actions()
        conflicts, total = prepared.conflicts(_LISTED)
        summary = prepared.summary
        foreseen = await session.foresee_sign_in(stage, prepared.connection)
        sign_in = foreseen.result()
        if look is not None:
            await look(prepared, stage, foreseen)
        return PlanResult(
            plan=session.spec.name,
            sandbox=session.sandbox,
            source=prepared.source,
            users=Counter(
                create=actions["create"],
                update=actions["update"],
                adopt=actions["adopt"],
                merge=actions["merge"],
                unchanged=actions["unchanged"],
                skip=actions["skip"],
                conflicts=actions["conflict"],
            ),
            failures=tuple(Failure(*one) for one in conflicts),
            failures_total=total,
            requests=session.target.requests,
            writes=summary.writes + sign_in.writes,
            estimated_s=estimate(summary.writes + sign_in.writes, session.spec.destination),
            digest=summary.digest,
            duration_s=time.monotonic() - began,
            reported=_foreseen(prepared),
            warnings=(*session.source.warnings, *_doubts(session, prepared)),
            refreshed=prepared.refreshed,
            sign_in=sign_in,
            guards=broken_guards(session.spec.safety, actions, prepared.departures),
            by_name=count_by_name(prepared.connection),
        )
    finally:
        prepared.close()
        database.remove(session.workspace.snapshot_path)


def new_run_id() -> str:
    """Sorts by time, and two never meet."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid4().hex[:8]}"


def estimate(writes: int, destination: Destination) -> float:
    """Seconds that so many writes take under the plan's quota; the first window's worth goes at once."""
    waits = [0.0]
    for limit, period in ((destination.writes_per_10s, 10.0), (destination.requests_per_60s, 60.0)):
        if limit and writes > limit:
            waits.append((math.ceil(writes / limit) - 1) * period)
    return max(waits)


def _doubts(session: Session, prepared: Prepared) -> list[str]:
    if session.spec.password_reset.strategy != "on_next_sign_in":
        return []
    return session.doubt_passwords(count_flagged(prepared.connection), "to be flagged")


def _foreseen(prepared: Prepared) -> Reported:
    """What planning alone can tell."""
    return Reported(
        attribute_vanished=prepared.summary.vanished, unverified_address=prepared.table.count_unverified_addresses()
    )


def _settle_state(state: StateFile, snapshot: Path, run_id: str, stop: Stop, prepared: Prepared) -> Reported:
    """Bring the state in line after the calls. Calls were made: what goes wrong here stops the run, not the report."""
    reported = _foreseen(prepared)
    try:
        reconcile(state, snapshot, run_id=run_id, looked_at=prepared.looked_at)
        return replace(reported, left_source=count_left_source(state), orphaned=count_orphaned(state))
    except StateError as error:
        stop.request(error.code)
        return reported


async def _carry_out(
    session: Session, prepared: Prepared, state: StateFile, run_id: str, stop: Stop, progress: Progress
) -> Tally:
    runner = Runner(
        work=prepared.table,
        state=state,
        performer=Performer(session.target, prepared.planner, prepared.fingerprints, SystemClock()),
        target=session.target,
        run_id=run_id,
        stop=stop,
        guard=FailureGuard(session.spec.safety.max_failures),
        progress=progress,
    )
    try:
        return await runner.run()
    except Refused as error:
        stop.request(error.code)
    except MigrateError as error:
        stop.request(error.code)
    return runner.tally


def _result(
    session: Session,
    prepared: Prepared,
    tally: Tally,
    reported: Reported,
    run_id: str,
    stop: Stop,
    duration: float,
) -> ApplyResult:
    actions, counts = prepared.actions(), tally.counts
    conflicts, total = prepared.conflicts(_LISTED)
    failures = [Failure(*one) for one in conflicts]
    failures += [Failure(one.sub, one.code or "failed", one.leftover) for one in tally.failures]
    due = actions["create"] + actions["update"] + actions["adopt"]
    return ApplyResult(
        plan=session.spec.name,
        run_id=run_id,
        sandbox=session.sandbox,
        source=prepared.source,
        users={
            "created": counts["created"],
            "updated": counts["updated"],
            "adopted": counts["adopted"],
            "merged": prepared.merged,
            "unchanged": actions["unchanged"] + counts["unchanged"],
            "skipped": actions["skip"] + counts["skipped"],
            "conflicts": actions["conflict"] + counts["conflicts"],
            "failed": counts["failed"],
            "pending": due - counts.total(),
        },
        failures=tuple(failures[:_LISTED]),
        failures_total=total + tally.failures_total,
        requests=session.target.requests,
        duration_s=duration,
        reported=reported,
        warnings=(*session.source.warnings, *session.notes),
        stopped=stop.reason,
        refreshed=prepared.refreshed,
    )


def _summary(result: ApplyResult) -> bytes:
    """The result without its users, and without what signing in and looking took, for the state's list of runs."""
    content = result.to_json()
    for name in ("failures", "refreshed", *KEYS):
        content.pop(name)
    return orjson.dumps(content)
