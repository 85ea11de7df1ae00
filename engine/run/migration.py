"""One `apply` and one `plan`, from an open session to a result."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple, Protocol
from uuid import uuid4

import orjson

from engine.model.clock import SystemClock
from engine.model.errors import StateError
from engine.model.keys import name_of_pool, sub_of
from engine.model.store import Store
from engine.oauth.results import KEYS
from engine.resources.users.performer import Performer
from engine.run.estimate import estimate
from engine.run.execution import Execution, Writing
from engine.run.expectation import LIFTED, Agreement, Expectation
from engine.run.guards import broken_guards, check_guards
from engine.run.kinds import KindsInMemory
from engine.run.members import Members, MembersPlan, plan_members
from engine.run.narrowing import narrow
from engine.run.preparation import LOOKED_AT, Prepared
from engine.run.reading import Watch
from engine.run.results import ApplyResult, Failure, Guarded, PlanResult, Reported
from engine.run.review import Review, review_of
from engine.run.runner import Tally
from engine.run.sections import applied_sections, planned_sections
from engine.run.session import Session
from engine.run.sign_in import SignInPlan, SignInStage
from engine.run.stopping import FailureGuard, Stop
from engine.run.target_errors import as_target_error
from engine.run.waves import NOTED, note_of, waves_now
from engine.snapshot import database
from engine.snapshot.canary import reach, settlement_of_chosen
from engine.snapshot.change_table import store_changes
from engine.snapshot.ingest import count_placeholders
from engine.snapshot.known import refresh_known
from engine.snapshot.passwordless import count_flagged
from engine.snapshot.reconcile import count_left_source, count_orphaned, reconcile, settlement
from engine.snapshot.sign_ins import count_by_name
from engine.state.plan_file import note_plan_file

_LISTED = 1000


class Keep(Protocol):
    """Keeps a review of a computed plan. Changes nothing else."""

    async def __call__(self, review: Review) -> None: ...


class Look(Protocol):
    """Sees a computed plan, and what signing in takes, before the snapshot is gone. Changes nothing."""

    async def __call__(
        self, prepared: Prepared, stage: SignInStage, plan: SignInPlan, kinds: KindsInMemory, /
    ) -> None: ...


async def run_apply(
    session: Session, *, watch: Watch, writing: Writing, stop: Stop, expected: Expectation | None = None
) -> ApplyResult:
    """Carry a plan out, if it is as `expected`. Raises MigrateError where nothing was attempted; everything later is in
    the result.
    """
    began = time.monotonic()
    # Before the users: nobody wants to hear after hours that the providers may not be read.
    stage = await session.sign_in_stage()
    prepared = await session.prepare(watch)
    try:
        sign_in, kinds, members, agreement, chosen = await _decide(session, stage, prepared, expected)
        actions = prepared.actions()
        if not session.sandbox:
            # An emulator has no providers of anybody's: the gate guards the real destination.
            with as_target_error(session.spec.destination):
                await stage.gate(sign_in, session.sign_in_facts(sign_in, kinds), session.probe)
        watch.check("checking")
        session.notes += [*prepared.warnings, *_doubts(session, prepared)]
        run_id = new_run_id()
        new = not session.place.exists()
        # The session has looked through the state, and this run holds its lock.
        with session.place.open(session.identity, key=session.key, checked=not new) as state:
            session.notes += note_plan_file(state, session.spec)
            state.begin_run(run_id, "apply", session.clock.now())
            due = actions["create"] + actions["update"] + actions["adopt"]
            store_changes(prepared.connection, [one for work in kinds for one in work.changes])
            run = Execution(session.target, state, run_id, stop)
            # A connection that is there a minute early harms nobody, a user without one cannot sign in.
            for work in kinds:
                await run.carry_out(work, work)
            performer = Performer(session.target, prepared.planner, prepared.fingerprints, SystemClock())
            tally = await run.carry_out(
                prepared.table,
                performer,
                progress=writing("writing", due),
                guard=FailureGuard(session.spec.safety.max_failures),
            )
            made = (
                await members.carry_out(session, run, prepared, state, writing=writing)
                if members is not None
                else Members()
            )
            sections = await applied_sections(sign_in, kinds, session.workos)
            sections = replace(sections, memberships=made.counts, waiting=sections.waiting + made.waiting)
            # No more calls; of a large pool this takes a while.
            writing("settling", 0)
            reported = _settle_state(session, state, run_id, stop, prepared)
            if new and tally.counts["adopted"]:
                session.notes.append(
                    f"there was no state: it was rebuilt from WorkOS, where {tally.counts['adopted']} users were found"
                )
            result = _result(session, prepared, tally, reported, run_id, stop, time.monotonic() - began)
            result = replace(
                result, sign_in=sections, chosen=chosen, agreement=agreement,
                failures=(*result.failures, *made.failures)[:_LISTED],
                failures_total=result.failures_total + made.counts.get("conflicts", 0) + made.counts.get("failed", 0),
            )  # fmt: skip
            with suppress(StateError):
                # The run is over and counted; that it cannot be noted is in the result already.
                state.end_run(run_id, session.clock.now(), _summary(result))
    finally:
        prepared.close()
    if not result.in_place or session.spec.keep_snapshot:
        session.workspace.keep_snapshot()
    elif chosen is None:
        # One that an earlier run kept is of people whom a canary run says nothing of.
        session.workspace.drop_snapshots()
    return result


class _Ahead(NamedTuple):
    """What an `apply` is about to do beside its users; `chosen` are the people of a canary run."""

    sign_in: SignInPlan
    kinds: KindsInMemory
    members: MembersPlan | None
    agreement: Agreement | None
    chosen: int | None


async def _decide(session: Session, stage: SignInStage, prepared: Prepared, expected: Expectation | None) -> _Ahead:
    """Raises MigrateError where a guard, a missing organization or a review stands against it."""
    guards = _guards(session, prepared)
    lifted = LIFTED if expected is not None else frozenset()
    if session.canary is None:
        check_guards(guards, but=lifted)
    sign_in, kinds = await session.foresee(stage, prepared.connection, prepared.placing)
    sign_in.refuse()
    members = await plan_members(session, prepared, kinds)
    # A review is of everybody, whoever of them goes first.
    agreement = await _hold(expected, session, prepared, kinds, members, guards)
    if session.canary is None:
        return _Ahead(sign_in, kinds, members, agreement, None)
    chosen = await asyncio.to_thread(narrow, prepared, session.canary, sign_in, kinds, members)
    check_guards(_guards(session, prepared), but=lifted)
    return _Ahead(sign_in, kinds, members, agreement, chosen)


async def _hold(
    expected: Expectation | None,
    session: Session,
    prepared: Prepared,
    kinds: KindsInMemory,
    members: MembersPlan | None,
    guards: tuple[Guarded, ...],
) -> Agreement | None:
    """Hold the plan against its review, where there is one. Raises NotAsReviewed."""
    if expected is None:
        return None
    digest = members.planned.digest if members is not None else ""
    return await expected.hold(review_of(session, prepared, kinds, digest, guards), session.key)


async def run_plan(session: Session, *, watch: Watch, look: Look | None = None, keep: Keep | None = None) -> PlanResult:
    """Compute a plan and change nothing; the snapshot is gone afterwards. `look` and `keep` may see it first."""
    began = time.monotonic()
    # Before the users: nobody wants to hear after hours that the providers may not be read.
    stage = await session.sign_in_stage()
    prepared = await session.prepare(watch)
    try:
        actions = prepared.actions()
        conflicts, total = prepared.conflicts(_LISTED)
        summary = prepared.summary
        plan, kinds = await session.foresee(stage, prepared.connection, prepared.placing)
        planned = await plan_members(session, prepared, kinds)
        members = planned.foreseen() if planned is not None else Members()
        sign_in = replace(planned_sections(plan, kinds), memberships=members.counts)
        writes = summary.writes + sign_in.writes + members.writes
        guards = _guards(session, prepared)
        review = review_of(session, prepared, kinds, members.digest, guards)
        if keep is not None:
            await keep(review)
        if look is not None:
            await look(prepared, stage, plan, kinds)
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
            failures=(*(_failure(session, *one) for one in conflicts), *members.failures)[:_LISTED],
            failures_total=total + members.counts.get("conflicts", 0),
            requests=session.target.requests,
            writes=writes,
            estimated_s=estimate(writes, session.spec.destination),
            digest=review.digest,
            duration_s=time.monotonic() - began,
            reported=_foreseen(session, prepared),
            warnings=(*session.source.warnings, *prepared.warnings, *_doubts(session, prepared)),
            refreshed=prepared.refreshed,
            sign_in=sign_in,
            guards=guards,
            waiting=prepared.table.count_waiting(),
            waves=waves_now(prepared.connection, session.spec.filters, session.as_of),
            by_name=count_by_name(prepared.connection),
            coverage=prepared.coverage,
        )
    finally:
        prepared.close()
        database.remove(session.workspace.snapshot_path)


def new_run_id() -> str:
    """Sorts by time, and two never meet."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid4().hex[:8]}"


def _guards(session: Session, prepared: Prepared) -> tuple[Guarded, ...]:
    return broken_guards(
        session.spec.safety,
        prepared.actions(),
        prepared.departures,
        rewritten=prepared.table.count_rewritten(),
        converged=prepared.converged,
    )


def _doubts(session: Session, prepared: Prepared) -> list[str]:
    told = list(prepared.placing.warnings) if prepared.placing is not None else []
    if never := prepared.table.count_waiting()["no_cohort"]:
        who = "1 user fits" if never == 1 else f"{never:,} users fit"
        told.append(
            f"{who} none of filters.cohorts and will never be due: add a last one without groups and attributes"
        )
    if session.spec.password_reset.strategy != "on_next_sign_in":
        return told
    return told + session.doubt_passwords(count_flagged(prepared.connection), "to be flagged")


def _failure(session: Session, key: str, code: str, workos_id: str | None) -> Failure:
    return Failure(sub_of(key), code, workos_id, pool=name_of_pool(session.source.names, key))


def _foreseen(session: Session, prepared: Prepared) -> Reported:
    """What planning alone can tell."""
    made_up = session.spec.no_email == "placeholder"
    return Reported(
        attribute_vanished=prepared.summary.vanished,
        unverified_address=prepared.table.count_unverified_addresses(),
        placeholder=count_placeholders(prepared.connection) if made_up else None,
    )


def _settle_state(session: Session, state: Store, run_id: str, stop: Stop, prepared: Prepared) -> Reported:
    """Bring the state in line after the calls. Calls were made: what goes wrong here stops the run, not the report."""
    reported, snapshot = _foreseen(session, prepared), prepared.connection
    meta = {LOOKED_AT: repr(prepared.looked_at)} if prepared.looked_at is not None else {}
    few = session.canary is not None
    try:
        with database.disk_errors(session.workspace.snapshot_path):
            refresh_known(snapshot, state.rows(run_id=run_id), state.orphaned())
            if few:
                reach(snapshot)
            reconcile(snapshot, run_id=run_id, now=session.clock.now())
            # A canary run has not looked for everybody: the next run of all looks from where the last one did.
            waves = waves_now(snapshot, session.spec.filters, session.as_of)
            noted = {NOTED: note_of(waves)} if waves is not None else {}
            state.settle(settlement_of_chosen(snapshot, noted) if few else settlement(snapshot, meta | noted))
            return replace(reported, left_source=count_left_source(snapshot), orphaned=count_orphaned(snapshot))
    except StateError as error:
        stop.request(error.code)
        return reported


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
    failures = [_failure(session, *one) for one in conflicts]
    failures += [_failure(session, one.key, one.code or "failed", one.leftover) for one in tally.failures]
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
            "pending": due - counts.total() + actions["wait"],
        },
        failures=tuple(failures[:_LISTED]),
        failures_total=total + tally.failures_total,
        requests=session.target.requests,
        duration_s=duration,
        reported=reported,
        warnings=(*session.source.warnings, *session.notes),
        stopped=stop.reason,
        refreshed=prepared.refreshed,
        waiting=prepared.table.count_waiting(),
        waves=waves_now(prepared.connection, session.spec.filters, session.as_of),
    )


def _summary(result: ApplyResult) -> bytes:
    """The result without its users, its review, and what signing in and looking took, for the state's list of runs."""
    content = result.to_json()
    for name in ("failures", "refreshed", "reviewed", *KEYS):
        content.pop(name)
    return orjson.dumps(content)
