"""Gathers a report: a plan is computed as `migrate plan` does, and the state is asked what came before.

What the plan's views show of it is `engine.run.report_data`'s; nothing is written.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from engine.model.codes import explain
from engine.oauth.checks import Check
from engine.plan_file.model import FieldMapping, Spec
from engine.run.go_lines import go_lines
from engine.run.kinds import KindsInMemory
from engine.run.migration import run_plan
from engine.run.preparation import Prepared
from engine.run.reading import Watch
from engine.run.report_data import (
    DUTIES,
    ConflictGroup,
    Coverage,
    Duties,
    Duty,
    FieldCoverage,
    PastRun,
    PoolBalance,
    Proof,
    ProviderProof,
    Report,
    ResetDay,
    ResetHistory,
    RunHistory,
    Wave,
)
from engine.run.results import PlanResult
from engine.run.session import Session
from engine.run.sign_in import SignInPlan, SignInStage
from engine.run.target_errors import as_target_error
from engine.run.wave_figures import WaveFigures
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
    filled: Counter[str] = field(default_factory=Counter)
    invalid: dict[str, Counter[str]] = field(default_factory=dict)
    checks: list[Check] | None = None
    gone: int = 0
    waiting_migrated: int = 0


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
        pool=_balance(result, looked.waiting_migrated),
        lines=go_lines(session.spec, result, duties=duties, providers=providers, gone=looked.gone),
        duties=duties,
        history=history,
        providers=providers,
        coverage=_coverage(session.spec, looked),
        conflicts=[
            ConflictGroup(code, number, *explain(code), examples=looked.examples[code])
            for code, number in looked.conflicts
        ],
        resets=resets,
        waves=[Wave(one.name, _starts(one), one.people, one.migrated) for one in result.waves.every]
        if result.waves is not None
        else (),
        warnings=result.warnings,
    )


def _look(prepared: Prepared, looked: _Looked, unproven: frozenset[str]) -> None:
    connection = prepared.connection
    looked.conflicts = figures.conflicts_by_code(connection)
    looked.examples = {code: figures.conflict_examples(connection, code, _EXAMPLES) for code, _ in looked.conflicts}
    looked.duties = figures.count_duties(connection, unproven)
    looked.people = figures.count_people(connection)
    looked.waiting_migrated = figures.count_waiting_migrated(connection)
    looked.filled = figures.count_filled(connection)
    looked.invalid = figures.count_invalid(connection)


def _balance(result: PlanResult, waiting_migrated: int) -> PoolBalance:
    users = result.users
    waiting = sum(result.waiting.values()) - waiting_migrated
    excluded = dict(result.source.filtered)
    if users["skip"]:
        excluded["skipped"] = users["skip"]
    return PoolBalance(
        seen=result.source.seen,
        migrated=users["unchanged"] + users["update"] + waiting_migrated,
        excluded=excluded,
        merged=users["merge"],
        pending=users["create"] + users["adopt"] + waiting,
        conflicts=users["conflicts"],
        outdated=users["update"],
    )


def _starts(one: WaveFigures) -> str:
    if one.starts is None:
        return "at once" if one.due else "never"
    return f"{one.starts}"


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


def _coverage(spec: Spec, looked: _Looked) -> Coverage:
    attributes = spec.attributes
    mapped = {
        "email": attributes.email,
        "email_verified": attributes.email_verified,
        "external_id": attributes.external_id,
        "first_name": attributes.first_name,
        "last_name": attributes.last_name,
    } | {f"metadata.{name}": one for name, one in attributes.metadata.items()}
    # Nobody is selected without an address; whether it is verified is no field that a person fills.
    counted = looked.filled | Counter(email=looked.people)
    rows = [
        FieldCoverage(name, _source(one), counted[name], looked.invalid.get(name, {}), default=one.default is not None)
        for name, one in mapped.items()
        if one is not None and name != "email_verified"
    ]
    return Coverage(looked.people, rows)


def _source(mapping: FieldMapping) -> str:
    if mapping.constant is not None:
        return "a constant"
    if mapping.template is not None:
        return mapping.template
    return ", ".join(mapping.sources) or mapping.split or "nothing"


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
