"""The tables at the end of `plan` and `apply`, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from engine.model.codes import explain, explain_stop
from engine.model.keys import within_pool
from engine.quota.metered import Requests
from engine.resources.users.departures import Refresh
from engine.run.results import APPLIED, PLANNED, ApplyResult, Failure, PlanResult, Reported, SourceCounts
from engine.views.coverage import render_coverage
from engine.views.diff import render_diff
from engine.views.sign_in import render_sign_in
from engine.views.text import counted, duration, figure, printable, sent, table
from engine.views.waves import render_waves

_NOT_LOOKED: Mapping[Refresh, str] = {
    "skipped": "did not look for users deleted in WorkOS (--no-refresh)",
    "failed": "could not look for users deleted in WorkOS: neither its events nor its users can be listed",
}


def render_apply(result: ApplyResult, again: str = "migrate apply") -> list[str]:
    """What happened, what failed and what to do; `again` is the command with the options that it was given."""
    lines = [*_source(result.source), "", "users"]
    lines += table(
        [(name, figure(result.users[name])) for name in APPLIED if _worth(name, result.users[name])],
        right=frozenset({1}),
    )
    lines += list(_waiting(result.waiting))
    lines += render_waves(result.waves)
    lines += list(_failures(result.failures, result.failures_total, "migrate status --users conflicts,failed"))
    lines += list(_reported(result.reported))
    lines += _refreshed(result.refreshed)
    lines += render_sign_in(result.sign_in)
    if result.agreement is not None:
        lines += ["", result.agreement.sentence()]
    lines += ["", f"{_requests(result.requests)} in {duration(result.duration_s)}"]
    if result.stopped is not None:
        lines.append(_stopped(result.stopped, again))
    elif result.converged:
        nothing = not any(result.users[name] for name in ("created", "updated", "adopted"))
        nothing = nothing and not result.sign_in.changed
        lines.append("nothing to do: everybody is in place" if nothing else "done: everybody is in place")
    elif result.in_place:
        lines.append(so_far(result))
    else:
        lines.append(f"not done: see above; run `{again}` again once that is settled")
    return lines


def render_plan(result: PlanResult) -> list[str]:
    """What `apply` would do, how many requests it takes and how long."""
    lines = [*_source(result.source), *render_coverage(result.coverage), "", "apply would"]
    lines += table(
        [(name, figure(result.users[name])) for name in PLANNED if _worth(name, result.users[name])],
        right=frozenset({1}),
    )
    lines += list(_waiting(result.waiting))
    lines += render_waves(result.waves)
    lines += render_diff(result.diff)
    lines += list(_failures(result.failures, result.failures_total, "migrate plan --json"))
    lines += list(_reported(result.reported))
    lines += _refreshed(result.refreshed)
    lines += render_sign_in(result.sign_in)
    if result.by_name:
        told = "a username or preferred_username that is no address: in WorkOS they type their e-mail address"
        who = "1 user has" if result.by_name == 1 else f"{figure(result.by_name)} users have"
        lines += ["", f"{who} {told}"]
    if result.changes:
        lines += ["", estimate_sentence(result)]
    elif result.waiting and not result.users["conflicts"]:
        lines += ["", f"nothing to do now: {figure(sum(result.waiting.values()))} wait for their turn"]
    elif result.users["conflicts"] or result.refreshed == "failed":
        lines += ["", "nothing to do, but not everybody is known to be in place: see above"]
    else:
        lines += ["", "nothing to do: everybody is in place"]
    for guard in result.guards:
        lines += ["", f"`migrate apply` would refuse: {guard.message} ({guard.code})", f"  {guard.remedy}"]
    lines.append(f"digest {result.digest[:16]}")
    return lines


def so_far(result: ApplyResult) -> str:
    """Of a run after which somebody waits, or that was not asked for everybody."""
    waiting = sum(result.waiting.values())
    if result.chosen is None:
        return f"done so far: everybody whose turn it is is in place; {figure(waiting)} wait"
    on = "`migrate apply` goes on with everybody"
    if not result.chosen:
        return f"nothing to do: nobody who was asked for has changes; {on}"
    one = result.chosen == 1
    who = "1 user who was asked for is" if one else f"{figure(result.chosen)} users who were asked for are"
    return f"done so far: the {who} in place; {on}"


def estimate_sentence(result: PlanResult) -> str:
    """What `apply` would take."""
    under = f", about {duration(result.estimated_s)} under the plan's quota" if result.estimated_s >= 1 else ""
    return counted(result.writes, "write") + under


def _waiting(waiting: Mapping[str, int]) -> Iterator[str]:
    if waiting:
        yield "waiting"
        rows = [(reason, figure(number), explain(reason)[0]) for reason, number in sorted(waiting.items())]
        yield from table(rows, right=frozenset({1}))


def _stopped(code: str, again: str) -> str:
    if code == "interrupted":
        return f"interrupted; the state is saved, and `{again}` goes on from here"
    if code == "max_failures":
        return "stopped: too many users failed (safety.max_failures); the rest is pending"
    message, remedy = explain_stop(code)
    return f"stopped: {message} ({code}); {remedy.replace('`migrate apply`', f'`{again}`')}"


def _worth(name: str, number: int) -> bool:
    return number > 0 or name in ("created", "updated", "unchanged", "failed", "create", "update")


def _source(source: SourceCounts) -> list[str]:
    lines = [f"{figure(source.seen)} users read, {figure(source.selected)} selected"]
    rows = [(reason, figure(number), explain(reason)[0]) for reason, number in sorted(source.filtered.items())]
    if rows:
        lines += ["excluded", *table(rows, right=frozenset({1}))]
    return lines


def _failures(failures: Sequence[Failure], total: int, every: str) -> Iterator[str]:
    if not total:
        return
    yield from ("", "not migrated")
    by_code: dict[str, list[str]] = {}
    for failure in failures:
        by_code.setdefault(failure.code, []).append(within_pool(failure.pool, failure.source_id))
    for code, subs in sorted(by_code.items()):
        message, remedy = explain(code, subs)
        yield f"  {code}: {message}"
        yield f"    {remedy}"
        more = f" and {figure(len(subs) - 5)} more" if len(subs) > 5 else ""
        yield f"    {', '.join(printable(sub) for sub in subs[:5])}{more}"
    yield f"  all of them: `{every}`"


def _reported(reported: Reported) -> Iterator[str]:
    if reported.left_source:
        yield ""
        yield left_sentence(reported.left_source)
    if reported.orphaned:
        yield ""
        yield f"{figure(reported.orphaned)} users of WorkOS are nobody's since their records share another's address"
    if reported.attribute_vanished:
        yield ""
        yield f"{figure(reported.attribute_vanished)} names are gone in Cognito and kept in WorkOS"
    if reported.placeholder:
        yield ""
        yield f"{figure(reported.placeholder)} users have no address: they come under a placeholder, never mailed"
    if reported.unverified_address:
        yield ""
        yield (
            f"{figure(reported.unverified_address)} users have an address that Cognito has not verified: "
            "whoever verifies it first in WorkOS reaches that user"
        )


def left_sentence(number: int) -> str:
    """Plainly what it means that people have left: nothing of theirs ends by itself."""
    who = "1 user of WorkOS is" if number == 1 else f"{figure(number)} users of WorkOS are"
    return f"{who} no longer selected from Cognito (left_source); kept, and can still sign in"


def refreshed_sentence(refreshed: Refresh) -> str | None:
    """Where nobody looked who was deleted in WorkOS."""
    return _NOT_LOOKED.get(refreshed)


def _refreshed(refreshed: Refresh) -> list[str]:
    told = refreshed_sentence(refreshed)
    return ["", told] if told is not None else []


def _requests(requests: Requests) -> str:
    text = sent(requests.writes, requests.reads)
    if requests.throttled:
        text += f", {figure(requests.throttled)} rate-limited"
    if requests.retried:
        text += f", {figure(requests.retried)} tried again"
    return text
