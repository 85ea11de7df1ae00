"""Gathers a report: a plan is computed as `migrate plan` does, and the state is asked what came before.

What the plan's views show of it is `engine.run.report_data`'s; nothing is written.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from engine.model.codes import explain
from engine.oauth.checks import Check
from engine.plan_file.model import Spec
from engine.resources.users.coverage import PoolCoverage
from engine.run.go_lines import go_lines
from engine.run.kinds import KindsInMemory
from engine.run.migration import run_plan
from engine.run.preparation import Prepared
from engine.run.reading import Watch
from engine.run.report_data import (
    DUTIES,
    ConflictGroup,
    Coverage,
    CoveredField,
    Duties,
    Duty,
    PastRun,
    PoolBalance,
    Proof,
    ProviderProof,
    Report,
    ResetDay,
    ResetHistory,
    RunHistory,
)
from engine.run.results import PlanResult
from engine.run.session import Session
from engine.run.sign_in import SignInPlan, SignInStage
from engine.run.target_errors import as_target_error
from engine.snapshot import report_figures as figures
from engine.state import report_figures as state_figures
from engine.state.file import StateFile
from engine.state.queries import last_runs
from engine.state.resets import ResetLedger

_RUNS = 30
_EXAMPLES = 20
_MFA = "`migrate resets mfa` counts them; it takes one call to Cognito a user"


@dataclass(slots=True)
class _Looked:
    """What was seen of the plan before its snapshot went."""

    conflicts: list[tuple[str, int]] = field(default_factory=list)
    examples: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    duties: Counter[frozenset[str]] = field(default_factory=Counter)
    people: int = 0
    checks: list[Check] | None = None
    gone: int = 0


async def run_report(
    session: Session,
    *,
    watch: Watch,
    destination: str,
    now: float,
    versions: Mapping[str, str],
    hide: Callable[[Sequence[str]], None],
) -> Report:
    """Compute it all and change nothing. `destination` is its name for people. Raises MigrateError.

    `hide` hears what must be masked wherever it would appear.
    """
    looked = _Looked()

    async def look(prepared: Prepared, stage: SignInStage, plan: SignInPlan, kinds: KindsInMemory) -> None:
        hide(stage.secrets)
        # A stand-in has no providers of anybody's, so nothing could be proven on it.
        if session.spec.providers is not None and not session.sandbox:
            with as_target_error(session.spec.destination):
                looked.checks = await stage.check(plan, session.sign_in_facts(plan, kinds), session.probe)
        looked.gone = prepared.departures.gone
        await asyncio.to_thread(_look, prepared, looked, _unproven(plan, looked.checks))

    result = await run_plan(session, watch=watch, look=look)
    history, resets = await asyncio.to_thread(_from_state, session, result)
    duties = _duties(session.spec, looked, returned=resets.returned if resets else None)
    providers = _providers(result, looked.checks) or None
    return Report(
        plan=result.plan,
        digest=result.digest,
        pool_label=session.described.label,
        destination=destination,
        generated_at=now,
        versions=versions,
        pool=_balance(result),
        lines=go_lines(session.spec, result, duties=duties, providers=providers, gone=looked.gone),
        duties=duties,
        history=history,
        providers=providers,
        coverage=_coverage(result.coverage),
        conflicts=[
            ConflictGroup(code, number, *explain(code), examples=looked.examples[code])
            for code, number in looked.conflicts
        ],
        resets=resets,
        warnings=result.warnings,
    )


def _look(prepared: Prepared, looked: _Looked, unproven: frozenset[str]) -> None:
    connection = prepared.connection
    looked.conflicts = figures.conflicts_by_code(connection)
    looked.examples = {code: figures.conflict_examples(connection, code, _EXAMPLES) for code, _ in looked.conflicts}
    looked.duties = figures.count_duties(connection, unproven)
    looked.people = figures.count_people(connection)


def _balance(result: PlanResult) -> PoolBalance:
    users = result.users
    excluded = dict(result.source.filtered)
    if users["skip"]:
        excluded["skipped"] = users["skip"]
    return PoolBalance(
        seen=result.source.seen,
        migrated=users["unchanged"] + users["update"],
        excluded=excluded,
        merged=users["merge"],
        pending=users["create"] + users["adopt"],
        conflicts=users["conflicts"],
        outdated=users["update"],
    )


def _unproven(plan: SignInPlan, checks: Sequence[Check] | None) -> frozenset[str]:
    """Providers that nobody has proven to work in WorkOS; a plan without the section proves none."""
    found = {one.name for one in plan.uses if one.handling != "password_reset"}
    if checks is None:
        return frozenset(found)
    return frozenset(name for name in found if _proof(name, "", checks, users=0).verdict != "pass")


def _duties(spec: Spec, looked: _Looked, *, returned: int | None) -> Duties:
    counts: Counter[str] = Counter()
    for kinds, people in looked.duties.items():
        counts.update(dict.fromkeys(kinds, people))
    unknown = {"enrol_mfa": _MFA}
    if spec.mfa != "report":
        unknown["enrol_passkey"] = "mfa: report in the plan file lets `migrate report` ask for them"
    done = {"reset_password": returned}
    duties = [
        Duty(kind, None, hint=unknown[kind]) if kind in unknown else Duty(kind, counts[kind], done.get(kind))
        for kind in DUTIES
    ]
    acting = sum(people for kinds, people in looked.duties.items() if kinds - unknown.keys())
    return Duties(looked.people, acting, duties)


def _providers(result: PlanResult, checks: Sequence[Check] | None) -> list[ProviderProof]:
    return [
        _proof(one.name, one.handling, checks or (), users=one.users, kind=one.kind, stranded=one.stranded)
        for one in result.sign_in.providers
    ]


def _proof(
    name: str, handling: str, checks: Sequence[Check], *, users: int, kind: str | None = None, stranded: int = 0
) -> ProviderProof:
    proofs = [Proof(one.check, one.verdict, one.message, one.remedy) for one in checks if one.provider == name]
    return ProviderProof(name, kind, handling, users, stranded, proofs)


def _coverage(pools: Sequence[PoolCoverage]) -> Coverage:
    """The figures of `migrate plan` over all pools: one row for each way in which a field is filled."""
    rows: dict[tuple[str | None, str], CoveredField] = {}
    for pool in pools:
        # Whether an address is verified is no field that a person fills.
        own = [
            CoveredField(one.name, one.origin, one.filled, Counter(one.invalid) + Counter(one.omitted), one.default)
            for one in pool.fields
            if one.name != "email_verified"
        ]
        unmapped = [
            CoveredField(None, one.name, one.filled) for one in pool.attributes if one.filled and not one.mapped_to
        ]
        for row in own + unmapped:
            other = rows.get((row.target, row.source))
            rows[row.target, row.source] = row if other is None else _added(row, other)
    mapped = [one for one in rows.values() if one.target is not None]
    unmapped = sorted((one for one in rows.values() if one.target is None), key=lambda one: (-one.filled, one.source))
    return Coverage(sum(one.selected for one in pools), mapped + unmapped)


def _added(one: CoveredField, other: CoveredField) -> CoveredField:
    invalid = Counter(one.invalid) + Counter(other.invalid)
    return replace(one, filled=one.filled + other.filled, invalid=invalid, default=one.default or other.default)


def _from_state(session: Session, result: PlanResult) -> tuple[RunHistory, ResetHistory | None]:
    state = StateFile.read(session.workspace.state_path, session.identity)
    if state is None:
        return RunHistory((), result.writes, result.estimated_s), None
    with state:
        # One more than is shown tells whether there are older ones.
        rows = last_runs(state, _RUNS + 1)
        runs = [_past(one.started, one.ended, (one.result or {}).get("users")) for one in rows[:_RUNS]]
        history = RunHistory(runs[::-1], result.writes, result.estimated_s, earlier=len(rows) > _RUNS)
        days = [ResetDay(day, sent) for day, sent in state_figures.sent_by_day(state)]
        resets = ResetHistory(
            needed=state_figures.count_needed(state),
            returned=state_figures.count_returned(state),
            mails=ResetLedger(state).counts(),
            days=days,
        )
    return history, resets


def _past(started: float, ended: float | None, users: Mapping[str, int] | None) -> PastRun:
    if users is None:
        return PastRun(started, ended)
    left = sum(users.get(name, 0) for name in ("conflicts", "failed", "pending"))
    return PastRun(started, ended, users.get("created", 0), users.get("updated", 0), users.get("adopted", 0), left)
