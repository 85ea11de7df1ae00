"""Whether a migration is ready for the cut-over: one computation, for `migrate ready` and for `migrate report`.

A plan is computed as `migrate plan` does, what it cannot see is looked at beside it, and the state is asked what came
before. Nothing is written.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from engine.model.errors import EXIT_INCOMPLETE, EXIT_OK
from engine.plan_file.model import Spec
from engine.run.go_lines import Past, count_factors_by, go_lines
from engine.run.kinds import KindsInMemory
from engine.run.looking import Looked, look_around, proofs
from engine.run.migration import run_plan
from engine.run.preparation import Prepared
from engine.run.reading import Watch
from engine.run.report_data import (
    DUTIES,
    Duties,
    Duty,
    GoLine,
    PastRun,
    ProviderProof,
    ResetDay,
    ResetHistory,
    RunHistory,
    Verdict,
    worst,
)
from engine.run.results import PlanResult
from engine.run.session import Session
from engine.run.sign_in import SignInPlan, SignInStage
from engine.state import report_figures as state_figures
from engine.state.file import StateFile
from engine.state.queries import count_users, last_runs
from engine.state.resets import ResetLedger

_RUNS = 30
_WORDS: Mapping[Verdict, str] = {"pass": "ok", "fail": "no-go", "cannot-tell": "look"}


@dataclass(frozen=True, slots=True)
class Readiness:
    """What was found, and its lines."""

    spec: Spec
    sandbox: bool
    result: PlanResult
    looked: Looked
    duties: Duties
    providers: Sequence[ProviderProof]
    history: RunHistory
    resets: ResetHistory | None
    lines: Sequence[GoLine]

    @property
    def go(self) -> bool:
        """No line says no-go; what a machine cannot tell is somebody's to look at."""
        return worst(one.verdict for one in self.lines) != "fail"

    @property
    def exit_code(self) -> int:
        """0 for go, 3 for no-go."""
        return EXIT_OK if self.go else EXIT_INCOMPLETE

    @property
    def counts(self) -> Counter[str]:
        """Lines by word."""
        return Counter(_WORDS[one.verdict] for one in self.lines)

    def to_json(self) -> dict[str, object]:
        """ready.v1"""
        counts = self.counts
        return {
            "schema": "ready.v1",
            "plan": self.result.plan,
            "command": "ready",
            "sandbox": self.sandbox,
            "verdict": "go" if self.go else "no-go",
            "counts": {"ok": counts["ok"], "no_go": counts["no-go"], "look": counts["look"]},
            "lines": [_line(one) for one in self.lines],
            "requests": {"writes": self.result.writes, "at_least_s": round(self.result.estimated_s, 1)},
            "warnings": list(self.result.warnings),
            "digest": self.result.digest,
        }


def _line(one: GoLine) -> dict[str, object]:
    return {
        "name": one.name,
        "subject": one.subject or None,
        "verdict": _WORDS[one.verdict],
        "count": one.count,
        "message": one.message,
        "remedy": one.remedy,
        "who": one.who,
        "by_when": one.by_when,
    }


async def run_ready(session: Session, *, watch: Watch, hide: Callable[[Sequence[str]], None]) -> Readiness:
    """Compute it all. `hide` hears what must be masked wherever it would appear. Raises MigrateError."""
    looked = Looked()

    async def look(prepared: Prepared, stage: SignInStage, plan: SignInPlan, kinds: KindsInMemory) -> None:
        hide(stage.secrets)
        await look_around(session, looked, watch, prepared, stage, plan, kinds)

    result = await run_plan(session, watch=watch, look=look)
    history, resets, past = await asyncio.to_thread(_from_state, session, result)
    duties = _duties(session.spec, looked, returned=resets.returned if resets else None)
    providers = [
        ProviderProof(one.name, one.kind, one.handling, one.users, one.stranded, proofs(one.name, looked.checks))
        for one in result.sign_in.providers
    ]
    lines = go_lines(
        session.spec, result, looked, past, duties=duties, providers=providers, resets=resets, sandbox=session.sandbox
    )
    return Readiness(session.spec, session.sandbox, result, looked, duties, providers, history, resets, lines)


def _duties(spec: Spec, looked: Looked, *, returned: int | None) -> Duties:
    counts: Counter[str] = Counter()
    for kinds, people in looked.duties.items():
        counts.update(dict.fromkeys(kinds, people))
    unknown: dict[str, str] = {}
    if looked.factors.people is None:
        unknown["enrol_mfa"] = count_factors_by(spec, looked.factors)
    if spec.mfa != "report":
        unknown["enrol_passkey"] = "mfa: report in the plan file lets `migrate report` ask for them"
    done = {"reset_password": returned}
    duties = [
        Duty(kind, None, hint=unknown[kind]) if kind in unknown else Duty(kind, counts[kind], done.get(kind))
        for kind in DUTIES
    ]
    acting = sum(people for kinds, people in looked.duties.items() if kinds - unknown.keys())
    return Duties(looked.people, acting, duties)


def _from_state(session: Session, result: PlanResult) -> tuple[RunHistory, ResetHistory | None, Past]:
    state = StateFile.read(session.workspace.state_path, session.identity)
    if state is None:
        return RunHistory((), result.writes, result.estimated_s), None, Past()
    with state:
        # One more than is shown tells whether there are older ones.
        rows = last_runs(state, _RUNS + 1)
        runs = [_past(one.started, one.ended, (one.result or {}).get("users")) for one in rows[:_RUNS]]
        history = RunHistory(runs[::-1], result.writes, result.estimated_s, earlier=len(rows) > _RUNS)
        resets = ResetHistory(
            needed=state_figures.count_needed(state),
            returned=state_figures.count_returned(state),
            mails=ResetLedger(state).counts(),
            days=[ResetDay(day, sent) for day, sent in state_figures.sent_by_day(state)],
        )
        past = Past(state_figures.has_converged(state), count_users(state)["failed"])
    return history, resets, past


def _past(started: float, ended: float | None, users: Mapping[str, int] | None) -> PastRun:
    if users is None:
        return PastRun(started, ended)
    left = sum(users.get(name, 0) for name in ("conflicts", "failed", "pending"))
    return PastRun(started, ended, users.get("created", 0), users.get("updated", 0), users.get("adopted", 0), left)
