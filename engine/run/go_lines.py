"""Go or no-go out of a computed plan: one line a question, each with who has to do what by when. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.plan_file.model import Spec
from engine.run.report_data import Duties, GoLine, ProviderProof
from engine.run.results import PlanResult

_YOU = "whoever runs the migration"
_FIRST = "before the first apply"
_CUT_OVER = "before the cut-over"


def go_lines(
    spec: Spec,
    result: PlanResult,
    *,
    duties: Duties,
    providers: Sequence[ProviderProof] | None,
    gone: int,
) -> list[GoLine]:
    """All lines, in order of what has to be done first. `gone` are migrated users who are no longer selected."""
    return [
        *_guards(result),
        *_problems(result),
        *_providers(spec, providers or ()),
        _conflicts(result.users["conflicts"]),
        _left(result),
        *_waves(result),
        _leavers(gone),
        *_deleted(result),
        *_passwords(spec, duties),
        *_uncounted(duties),
    ]


def _guards(result: PlanResult) -> Iterator[GoLine]:
    for one in result.guards:
        yield GoLine("guard", "fail", one.message, one.remedy, _YOU, _FIRST)
    if not result.guards:
        yield GoLine("guard", "pass", "no guard of safety stands against the plan")


def _problems(result: PlanResult) -> Iterator[GoLine]:
    for one in result.sign_in.problems:
        yield GoLine(f"provider {one.provider}", "fail", one.message, one.remedy, _YOU, _FIRST)


def _providers(spec: Spec, providers: Sequence[ProviderProof]) -> Iterator[GoLine]:
    used = [one for one in providers if one.users]
    if not used:
        return
    if spec.providers is None:
        message = f"{len(used)} identity providers have users, and nobody has proven that they work in WorkOS"
        yield GoLine("providers", "cannot-tell", message, "list them in oauth_providers", _YOU, _CUT_OVER)
        return
    for one in used:
        worst = [proof for proof in one.proofs if proof.verdict == one.verdict and one.verdict != "pass"]
        name = f"provider {one.name}"
        if one.handling in ("password_reset", "skip"):
            yield GoLine(name, "pass", "settled by the plan's fallback")
        elif one.verdict == "pass":
            yield GoLine(name, "pass", "proven")
        elif worst:
            yield GoLine(name, one.verdict, worst[0].message, worst[0].remedy, _YOU, _CUT_OVER)
        elif one.handling in ("provider", "connection"):
            remedy = "`migrate oauth check` proves it"
            yield GoLine(name, "cannot-tell", "not proven to work in WorkOS", remedy, _YOU, _CUT_OVER)


def _conflicts(number: int) -> GoLine:
    if not number:
        return GoLine("conflicts", "pass", "nobody is in conflict")
    remedy = "settle them as the section on conflicts says"
    return GoLine("conflicts", "fail", f"{_users(number)} in conflict", remedy, _YOU, _CUT_OVER)


def _left(result: PlanResult) -> GoLine:
    due = result.users["create"] + result.users["adopt"]
    changed = result.users["update"]
    if not due and not changed:
        whom = "everybody whose turn it is" if result.waiting else "everybody whom the plan can move"
        return GoLine("users left", "pass", f"{whom} is in WorkOS, as Cognito has them")
    parts = [f"{_users(due)} not in WorkOS yet"] if due else []
    parts += [f"{changed:,} changed in Cognito since"] if changed else []
    return GoLine("users left", "fail", ", ".join(parts), "run `migrate apply`", _YOU, _CUT_OVER)


def _waves(result: PlanResult) -> Iterator[GoLine]:
    if result.waves is None:
        return
    waiting = sum(result.waiting.values())
    if not waiting:
        yield GoLine("waves", "pass", "everybody's turn has come")
        return
    following = [one.starts for one in result.waves.cohorts if one.starts is not None and not one.due]
    begins = f"; the next cohort begins on {min(following)}" if following else ""
    message = f"{_users(waiting)} waiting for their turn{begins}"
    remedy = "`migrate plan` says how many for which reason (filters.sample, filters.cohorts)"
    yield GoLine("waves", "fail", message, remedy, _YOU, _CUT_OVER)


def _leavers(gone: int) -> GoLine:
    if not gone:
        return GoLine("leavers", "pass", "every migrated user is still selected from Cognito")
    message = f"{_users(gone)} migrated and no longer selected from Cognito: they can still sign in"
    remedy = "`migrate status --users left_source` lists them once `apply` has run"
    return GoLine("leavers", "fail", message, remedy, _YOU, _CUT_OVER)


def _deleted(result: PlanResult) -> Iterator[GoLine]:
    if result.refreshed == "failed":
        message = "whether users were deleted in WorkOS could not be read"
        remedy = "use an API key that may read events or list users"
        yield GoLine("deleted in WorkOS", "cannot-tell", message, remedy, _YOU, _CUT_OVER)


def _passwords(spec: Spec, duties: Duties) -> Iterator[GoLine]:
    people = next((one.people for one in duties.duties if one.kind == "reset_password"), None) or 0
    if not people:
        return
    if spec.password_reset.strategy == "none":
        message = f"{_users(people)} in need of a new password, and the plan does not ask them for one"
        remedy = "set password_reset.strategy to on_next_sign_in or email"
        yield GoLine("passwords", "fail", message, remedy, _YOU, _CUT_OVER)
    else:
        message = f"{_users(people)} asked for a new password ({spec.password_reset.strategy})"
        yield GoLine("passwords", "pass", message, "", "these users", "at their next sign-in")


def _uncounted(duties: Duties) -> Iterator[GoLine]:
    for one in duties.duties:
        if one.people is None and one.kind == "enrol_mfa":
            message = "nobody has counted who had a second factor and must enrol again"
            yield GoLine("second factors", "cannot-tell", message, one.hint, _YOU, _CUT_OVER)


def _users(number: int) -> str:
    return "1 user is" if number == 1 else f"{number:,} users are"
