"""What a command leaves on the summary page of a GitHub Actions step: Markdown, counts alone, nobody named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from engine.run.readiness import Readiness
from engine.run.results import APPLIED, PLANNED, ApplyResult, Failure, PlanResult, SourceCounts
from engine.run.verify_result import VerifyResult
from engine.views.markdown import escaped
from engine.views.text import duration, figure


def summarise_apply(result: ApplyResult) -> str:
    """What happened."""
    if result.stopped is not None:
        verdict = f"stopped: {result.stopped}"
    else:
        verdict = "everybody is in place" if result.converged else "not done"
        verdict = "done so far, others wait" if result.in_place and result.waiting else verdict
    lines = [*_head("apply", result.plan, verdict, sandbox=result.sandbox), *_source(result.source)]
    lines += _table("users", {name: result.users[name] for name in APPLIED})
    lines += _table("waiting", dict(sorted(result.waiting.items())))
    lines += _failures(result.failures, result.failures_total)
    lines += _table("memberships", result.sign_in.memberships)
    if result.rounds is not None:
        lines += _table("rounds", {"completed": result.rounds.completed, "failed": result.rounds.failed})
        if result.rounds.verdict is not None:
            lines += ["", f"`migrate ready` says **{result.rounds.verdict}**"]
    requests = result.requests
    told = f"{figure(requests.writes)} writes and {figure(requests.reads)} reads in {duration(result.duration_s)}"
    return _text([*lines, "", told])


def summarise_plan(result: PlanResult) -> str:
    """What `apply` would do."""
    verdict = f"{figure(result.writes)} writes" if result.changes else "nothing to do"
    verdict += " now, others wait" if result.waiting and not result.changes else ""
    lines = [*_head("plan", result.plan, verdict, sandbox=result.sandbox), *_source(result.source)]
    lines += _table("apply would", {name: result.users[name] for name in PLANNED})
    lines += _table("waiting", dict(sorted(result.waiting.items())))
    lines += _failures(result.failures, result.failures_total)
    lines += _table("memberships", result.sign_in.memberships)
    lines += _table("guards that refuse", {guard.code: guard.found for guard in result.guards})
    told = f"digest `{result.digest[:16]}`"
    if result.estimated_s >= 1:
        told = f"about {duration(result.estimated_s)} under the plan's quota, {told}"
    return _text([*lines, "", told])


def summarise_verify(result: VerifyResult) -> str:
    """How pool and WorkOS compare."""
    verdict = "as in Cognito" if result.ok else "differences"
    lines = _head("verify", result.plan, verdict, sandbox=result.sandbox)
    extra = {} if result.extra is None else {"extra": result.extra}
    lines += _table("users", {**result.users, **extra})
    for name, counts in result.members.items():
        lines += _table(name, counts)
    return _text([*lines, "", f"{figure(result.checked)} compared in {duration(result.duration_s)}"])


def summarise_ready(found: Readiness) -> str:
    """Go or no-go, and which questions stand against it."""
    lines = _head("ready", found.result.plan, "go" if found.go else "no-go", sandbox=found.sandbox)
    lines += _table("lines", {name: found.counts[name] for name in ("ok", "no-go", "look")})
    against = Counter(one.name for one in found.lines if one.verdict == "fail")
    lines += _table("no-go", dict(sorted(against.items())))
    return _text(lines)


def _head(command: str, plan: str, verdict: str, *, sandbox: bool) -> list[str]:
    where = " (sandbox)" if sandbox else ""
    return [f"### migrate {command}: {escaped(plan)}{where}", "", f"**{escaped(verdict)}**"]


def _source(source: SourceCounts) -> Iterator[str]:
    yield ""
    yield f"{figure(source.seen)} users read, {figure(source.selected)} selected"
    yield from _table("excluded", dict(sorted(source.filtered.items())))


def _failures(failures: tuple[Failure, ...], total: int) -> Iterator[str]:
    counts = Counter(one.code for one in failures)
    yield from _table("not migrated", dict(sorted(counts.items())))
    if total > counts.total():
        yield ""
        yield f"{figure(total)} in all"


def _table(title: str, counts: Mapping[str, int]) -> Iterator[str]:
    if not counts:
        return
    yield from ("", f"| {escaped(title)} | |", "| --- | ---: |")
    yield from (f"| {escaped(name)} | {figure(number)} |" for name, number in counts.items())


def _text(lines: list[str]) -> str:
    # Whatever stands in the file before ends with a line of its own.
    return "\n" + "\n".join(lines) + "\n"
