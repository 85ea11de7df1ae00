"""What the `resets` commands tell people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.model.codes import explain, explain_stop
from engine.model.moments import iso_moment
from engine.resets.recipients import QUOTA_SPENT
from engine.resets.results import REASONS, SendResult, StatusResult, SyncResult
from engine.views.text import duration, figure, table

_REASONS = {
    "not_migrated": "not in WorkOS",
    "no_password": "had no password in Cognito",
    "disabled": "disabled in Cognito",
    "status": "their status is not among password_reset.email.status",
    "unverified": "address not verified (password_reset.email.unverified)",
    "not_allowed": "not among password_reset.email.allow_addresses, and this is staging",
    "returned": "have signed in or reset their password since",
    "mailed": "were mailed before",
    "placeholder": "have no address, but a placeholder",
}


def render_send(result: SendResult) -> list[str]:
    """What was sent, whom not and why, and when it goes on."""
    done = "written to a file" if result.deliver == "file" else "sent"
    rows = [("due", figure(result.due))]
    if not result.dry_run:
        rows.append((done, figure(result.sent)))
        rows += [(name, figure(len(found))) for name, found in _wrong(result) if found]
        rows.append(("left for later", figure(result.left)))
    lines = ["password-reset e-mails", *table(rows, right=frozenset({1}))]
    reasons = [(figure(number), _REASONS[one]) for one in REASONS if (number := result.not_mailed.get(one, 0))]
    if reasons:
        lines += ["not mailed", *table(reasons, right=frozenset({0}))]
    lines += list(_failures(result.failures))
    if result.unknown:
        lines += [
            "delivery unknown: WorkOS's events cannot be read, or are gone after 90 days",
            f"  {_some(result.unknown)}",
            "  mail them all the same: --resend-unknown",
        ]
    lines += [f"  {path}" for path in result.files]
    return [*lines, "", _end(result)]


def render_status(result: StatusResult) -> list[str]:
    """How far people are."""
    users = result.users
    rows = [
        (figure(users["needed"]), "had a password in Cognito"),
        (figure(users["signed_in"]), "have signed in since"),
        (figure(users["reset"]), "have reset their password"),
        (figure(users["waiting"]), "have done neither"),
    ]
    if users["gone"]:
        rows.append((figure(users["gone"]), "are gone from WorkOS"))
    rows.append((figure(result.flagged), "carry the flag"))
    rows += [(figure(number), f"e-mails {name}") for name, number in sorted(result.mails.items()) if number]
    lines = table(rows, right=frozenset({0}), indent="")
    return [*lines, f"delivery unknown: {_some(result.unknown)}"] if result.unknown else lines


def render_sync(result: SyncResult) -> list[str]:
    """What became of the flags."""
    rows = [(figure(result.cleared), "flags cleared"), (figure(result.kept), "kept: these have not come back yet")]
    return [*table(rows, right=frozenset({0}), indent=""), *_failures(result.failures)]


def _wrong(result: SendResult) -> Iterator[tuple[str, Sequence[object]]]:
    yield "failed", result.failures
    yield "delivery unknown", result.unknown


def _failures(failures: Sequence[tuple[str, str]]) -> Iterator[str]:
    by_code: dict[str, list[str]] = {}
    for sub, code in failures:
        by_code.setdefault(code, []).append(sub)
    for code, subs in sorted(by_code.items()):
        message, remedy = explain(code, subs)
        yield f"  {code}: {message}"
        yield f"    {remedy}"
        yield f"    {_some(subs)}"


def _some(subs: Sequence[str]) -> str:
    return ", ".join(subs[:5]) + (f" and {figure(len(subs) - 5)} more" if len(subs) > 5 else "")


def _end(result: SendResult) -> str:
    if result.dry_run:
        at = f"; the first would go out at {iso_moment(result.next_at)}" if result.next_at else ""
        return f"dry run: nobody was mailed{at}"
    if result.stopped == "interrupted":
        return "interrupted; the state is saved, and the next run goes on from here"
    if result.stopped == QUOTA_SPENT:
        return f"the day's quota of WorkOS is used up: to go on tomorrow, run this again ({figure(result.left)} left)"
    if result.stopped is not None:
        message, remedy = explain_stop(result.stopped)
        return f"stopped: {message} ({result.stopped}); {remedy}"
    if result.next_at is not None and result.left:
        return f"the next batch is due at {iso_moment(result.next_at)}: run this again then, or with --wait"
    if result.left:
        return f"{figure(result.left)} are left for the next run"
    return f"done in {duration(result.duration_s)}: nobody else is due"
