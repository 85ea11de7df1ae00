"""Go or no-go out of a computed plan and what was seen beside it: one line a question, each with who does what by when.

Pure. What concerns users stands here; what concerns the environment, in `engine.run.go_environment`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.plan_file.model import Spec
from engine.run.go_environment import environment_lines
from engine.run.looking import Looked, SecondFactors
from engine.run.report_data import CUT_OVER, FIRST_APPLY, YOU, Duties, GoLine, ProviderProof, ResetHistory
from engine.run.results import PlanResult

NAMES = (
    "guard", "users", "waves", "quota", "resources", "duplicates", "conflicts", "failures", "coverage", "provider",
    "redirect_uris", "domain_policy", "webhooks", "leavers", "deleted_in_workos", "passwords", "usernames", "email",
    "second_factors",
)  # fmt: skip
"""What there can be a line about."""
_THEY = "these users"
_SIGN_IN = "at their next sign-in"


@dataclass(frozen=True, slots=True)
class Past:
    """What the state knows: whether a run has ended with everybody in place, and who failed in the last one."""

    converged: bool = False
    failed: int = 0


def go_lines(
    spec: Spec,
    result: PlanResult,
    looked: Looked,
    past: Past,
    *,
    duties: Duties,
    providers: Sequence[ProviderProof],
    resets: ResetHistory | None,
    sandbox: bool,
) -> list[GoLine]:
    """All lines, in the order of NAMES."""
    lines = [
        *_guards(result),
        _users_left(result, past),
        *_waves(result),
        _quota(spec, result, sandbox=sandbox),
        *_resources(result),
        _duplicates(result),
        _conflicts(result),
        *_failures(past),
        _coverage(result),
        *environment_lines(spec, result, looked, providers, sandbox=sandbox),
        _leavers(spec, looked),
        *_deleted(result),
        _passwords(spec, duties, resets),
        *_usernames(duties),
        _mail(spec, result, duties),
        _second_factors(spec, looked.factors),
    ]
    return sorted(lines, key=lambda one: NAMES.index(one.name))


def count_factors_by(spec: Spec, factors: SecondFactors) -> str:
    """How second factors can be counted, where that has not been done."""
    if not factors.asking:
        return "an export does not hold them: a plan with source.cognito and mfa: report can count them"
    if spec.mfa != "report":
        return "write mfa: report into the plan file, then `migrate resets mfa` lists them"
    return f"`migrate resets mfa` lists them; it takes {factors.asking:,} calls to Cognito"


def _guards(result: PlanResult) -> Iterator[GoLine]:
    for one in result.guards:
        yield GoLine("guard", "fail", one.message, one.remedy, YOU, FIRST_APPLY, one.found)
    if not result.guards:
        yield GoLine("guard", "pass", "no guard of safety stands against the plan", count=0)


def _users_left(result: PlanResult, past: Past) -> GoLine:
    users = result.users
    due, changed = users["create"] + users["adopt"], users["update"]
    whole = due + changed + users["unchanged"] + users["conflicts"]
    if result.waiting and not due and not changed:
        # No run can have ended with everybody in place.
        return GoLine("users", "pass", "everybody whose turn it is is in WorkOS, as Cognito has them", count=0)
    if past.converged and not due and not changed:
        return GoLine("users", "pass", f"{_users(whole)} in WorkOS, as Cognito has them", count=0)
    if not past.converged:
        message = f"not yet: {due:,} of {whole:,} to go"
        message += f", {changed:,} changed in Cognito since" if changed else ""
        if not due and not changed:
            message += ", and no run has ended with everybody in place"
    else:
        parts = [f"{_users(due)} not in WorkOS yet"] if due else []
        parts += [f"{changed:,} changed in Cognito since"] if changed else []
        message = ", ".join(parts)
    return GoLine("users", "fail", message, "run `migrate apply`", YOU, CUT_OVER, due + changed)


def _waves(result: PlanResult) -> Iterator[GoLine]:
    if result.waves is None:
        return
    waiting = sum(result.waiting.values())
    if not waiting:
        yield GoLine("waves", "pass", "everybody's turn has come", count=0)
        return
    following = [one.starts for one in result.waves.cohorts if one.starts is not None and not one.due]
    begins = f"; the next cohort begins on {min(following)}" if following else ""
    message = f"{_users(waiting)} waiting for their turn{begins}"
    remedy = "`migrate plan` says how many for which reason (filters.sample, filters.cohorts)"
    yield GoLine("waves", "fail", message, remedy, YOU, CUT_OVER, waiting)


def _quota(spec: Spec, result: PlanResult, *, sandbox: bool) -> GoLine:
    pace = spec.destination
    if not result.writes:
        return GoLine("quota", "pass", "no writes are left", count=0)
    message = f"{result.writes:,} writes are left: {_lasting(result.estimated_s)}"
    allowed = ((pace.writes_per_10s, 500), (pace.reads_per_10s, 1000), (pace.requests_per_60s, 6000))
    if sandbox:
        return GoLine("quota", "pass", f"{result.writes:,} writes are left; the emulator is not paced", "", "", "",
                      result.writes)  # fmt: skip
    if any(mine is None or mine > theirs for mine, theirs in allowed):
        message += (
            "; the plan allows itself more than WorkOS's quota (500 writes and 1,000 reads in 10 s, 6,000 in 60 s)"
        )
        remedy = "set writes_per_10s, reads_per_10s and requests_per_60s: live sign-ins share that quota"
        return GoLine("quota", "cannot-tell", message, remedy, YOU, FIRST_APPLY, result.writes)
    return GoLine("quota", "pass", message, "", YOU, CUT_OVER, result.writes)


def _resources(result: PlanResult) -> Iterator[GoLine]:
    found = result.sign_in
    kinds = {"organizations": found.organizations, "roles": found.roles, "redirect URIs": found.redirect_uris,
             "memberships": found.memberships}  # fmt: skip
    todo = {kind: sum(counts.get(one, 0) for one in ("create", "update", "deactivate", "reactivate", "remove"))
            for kind, counts in kinds.items()}  # fmt: skip
    todo["connections"] = sum(one.action in ("create", "update") for one in found.connections)
    stuck = {kind: counts.get("conflicts", 0) for kind, counts in kinds.items()}
    stuck["connections"] = sum(one.action == "conflict" for one in found.connections)
    if not any(sum(counts.values()) for counts in kinds.values()) and not found.connections:
        return
    if number := sum(stuck.values()):
        remedy = "`migrate plan --json` lists them with what settles each"
        yield GoLine("resources", "fail", f"in conflict: {_listed(stuck)}", remedy, YOU, CUT_OVER, number)
    if number := sum(todo.values()):
        message = f"to be made or changed: {_listed(todo)}"
        yield GoLine("resources", "fail", message, "run `migrate apply`", YOU, CUT_OVER, number)
    elif not sum(stuck.values()):
        yield GoLine("resources", "pass", "organizations, roles, memberships, connections are in WorkOS", count=0)


def _duplicates(result: PlanResult) -> GoLine:
    merged = result.users["merge"]
    if not merged:
        return GoLine("duplicates", "pass", "no two records share an address, but for conflicts", count=0)
    records = "1 record shares its" if merged == 1 else f"{merged:,} records share their"
    message = f"{records} address with another that stands for the person"
    return GoLine("duplicates", "pass", message, count=merged)


def _conflicts(result: PlanResult) -> GoLine:
    number = result.users["conflicts"]
    if not number:
        return GoLine("conflicts", "pass", "nobody is in conflict", count=0)
    remedy = "`migrate plan` says what settles each: a correction in Cognito or WorkOS, or an entry of decisions"
    return GoLine("conflicts", "fail", f"{_users(number)} in conflict", remedy, YOU, CUT_OVER, number)


def _failures(past: Past) -> Iterator[GoLine]:
    if past.failed:
        message = f"{_users(past.failed)} not through: WorkOS refused them, or did not answer, in the last run"
        remedy = "`migrate status --users failed` says why; `migrate apply` tries again"
        yield GoLine("failures", "fail", message, remedy, YOU, CUT_OVER, past.failed)
    elif past.converged:
        yield GoLine("failures", "pass", "nobody failed in the last run", count=0)


def _coverage(result: PlanResult) -> GoLine:
    invalid, omitted = Counter[tuple[str, str]](), 0
    for pool in result.coverage:
        for one in pool.fields:
            omitted += sum(one.omitted.values())
            for fault, number in one.invalid.items():
                invalid[one.name.removeprefix("metadata."), fault.replace("not_ascii", "not ASCII")] += number
    if not invalid:
        message = "WorkOS takes every value of every mapped attribute"
        if omitted:
            message = f"WorkOS would not take {omitted:,} values, which the plan leaves out (when_invalid: omit)"
        return GoLine("coverage", "pass", message, count=omitted)
    faults = [f"{name}: {number:,} {fault.replace('_', ' ')}" for (name, fault), number in sorted(invalid.items())]
    remedy = "correct the values in Cognito, or choose with when_invalid (error, omit or escape) what becomes of them"
    message = f"invalid values: {', '.join(faults)}"
    return GoLine("coverage", "fail", message, remedy, YOU, FIRST_APPLY, invalid.total())


def _leavers(spec: Spec, looked: Looked) -> GoLine:
    found = looked.leavers
    # Of those beyond the ones asked for nobody knows: they count.
    number = found.active + found.left - found.asked
    if not number:
        return GoLine("leavers", "pass", "nobody who left Cognito or the plan's filters is in WorkOS", count=0)
    message = f"{_users(number)} no longer selected from Cognito, and still in WorkOS"
    lists = "`migrate status --users left_source` lists them once `migrate apply` has run"
    if spec.left == "deactivate":
        message += ": left: deactivate switches their memberships off, but they can sign in without an organization"
        return GoLine("leavers", "cannot-tell", message, f"see whether your application lets such users in; {lists}",
                      YOU, CUT_OVER, number)  # fmt: skip
    remedy = f"delete them in WorkOS, or write left: deactivate into the plan file; {lists}"
    return GoLine("leavers", "fail", f"{message}: they can sign in", remedy, YOU, CUT_OVER, number)


def _deleted(result: PlanResult) -> Iterator[GoLine]:
    # `migrate apply` does not call that converged either: nobody knows who is still there.
    if result.refreshed == "failed":
        message = "whether users were deleted in WorkOS could not be read"
        remedy = "use an API key that may read events or list users"
        yield GoLine("deleted_in_workos", "fail", message, remedy, YOU, CUT_OVER)
    elif result.refreshed in ("events", "listing"):
        yield GoLine("deleted_in_workos", "pass", "WorkOS was asked who was deleted there; they count as conflicts")


def _passwords(spec: Spec, duties: Duties, resets: ResetHistory | None) -> GoLine:
    people = _people(duties, "reset_password")
    if not people:
        return GoLine("passwords", "pass", "nobody needs a new password", count=0)
    strategy = spec.password_reset.strategy
    if strategy == "none":
        message = f"{_users(people)} in need of a new password, and the plan does not ask them for one"
        remedy = "set password_reset.strategy to on_next_sign_in or email"
        return GoLine("passwords", "fail", message, remedy, YOU, FIRST_APPLY, people)
    back = f"; {resets.returned:,} have come back" if resets is not None and resets.returned else ""
    message = f"{_users(people)} to set a new password ({strategy}){back}"
    if strategy == "email":
        sent = resets.mails.get("sent", 0) if resets is not None else 0
        message += f"; {sent:,} have been mailed"
        return GoLine("passwords", "pass", message, "`migrate resets send` mails them once they are in WorkOS", YOU,
                      "at the cut-over", people)  # fmt: skip
    message += "; the application acts on the flag"
    return GoLine("passwords", "pass", message, "", _THEY, _SIGN_IN, people)


def _usernames(duties: Duties) -> Iterator[GoLine]:
    if people := _people(duties, "type_address"):
        message = f"{_users(people)} used to a username that is no address, and will have to type their address"
        yield GoLine("usernames", "pass", message, "", _THEY, _SIGN_IN, people)


def _mail(spec: Spec, result: PlanResult, duties: Duties) -> GoLine:
    """No operation of WorkOS's API reads what an environment's e-mail settings are (API description)."""
    email = spec.password_reset.email
    own = spec.password_reset.strategy == "email" and email.deliver == "file"
    resets = _people(duties, "reset_password") if spec.password_reset.strategy != "none" else 0
    unverified = result.reported.unverified_address
    codes = _people(duties, "enrol_passkey")
    parts = {f"{resets:,} to reset a password": resets, f"{unverified:,} to verify an address": unverified,
             f"{codes:,} who sign in without a password": codes}  # fmt: skip
    told = ", ".join(text for text, number in parts.items() if number)
    if not told:
        return GoLine("email", "pass", "the move makes WorkOS mail nobody", count=0)
    remedy = "in the WorkOS dashboard, Authentication, Emails: see that the default e-mails are on, or that your "
    remedy += "application sends them; under Emails, Providers: that the sender is one that users know"
    if own:
        remedy = "deliver: file: switch WorkOS's password-reset e-mails off in the dashboard, Authentication, Emails"
    number = max(resets, unverified, codes)
    return GoLine("email", "cannot-tell", f"users who get e-mail: {told}", remedy, YOU, CUT_OVER, number)


def _second_factors(spec: Spec, factors: SecondFactors) -> GoLine:
    if factors.people is None:
        allowed = "; the pool asks for them, or lets users add them" if factors.setting == "on" else ""
        message = f"nobody has counted who had a second factor and must enrol again{allowed}"
        return GoLine("second_factors", "cannot-tell", message, count_factors_by(spec, factors), YOU, CUT_OVER)
    if not factors.people:
        return GoLine("second_factors", "pass", "nobody has a second factor in Cognito", count=0)
    message = f"{_users(factors.people)} to enrol their second factor again: no secret can be exported"
    if factors.texts:
        message += f"; {factors.texts:,} had codes by SMS, and need an authenticator application (TOTP)"
    remedy = (
        "see that MFA is on in the WorkOS dashboard, Authentication, and tell them; `migrate resets mfa` lists them"
    )
    return GoLine("second_factors", "cannot-tell", message, remedy, YOU, CUT_OVER, factors.people)


def _people(duties: Duties, kind: str) -> int:
    return next((one.people for one in duties.duties if one.kind == kind), None) or 0


def _listed(numbers: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {what}" for what, number in numbers.items() if number)


def _lasting(seconds: float) -> str:
    if seconds < 1:
        return "they go at once"
    if seconds < 120:
        return f"at least {seconds:.0f} s under the plan's quota"
    minutes = round(seconds / 60)
    told = f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
    return f"at least {told} under the plan's quota"


def _users(number: int) -> str:
    return "1 user is" if number == 1 else f"{number:,} users are"
