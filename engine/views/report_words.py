"""What both forms of a report say in the same words: sections, duties, verdicts, shares, times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from engine.model.codes import explain
from engine.run.report_data import Duty, DutyKind, GoLine, PoolBalance, Report, ResetDay, Verdict

VERDICTS: Mapping[Verdict, str] = {"pass": "ok", "fail": "no-go", "cannot-tell": "look"}
HEADLINES: Mapping[Verdict, str] = {
    "pass": "Go: every line below passes",
    "fail": "No-go: something below has to be settled first",
    "cannot-tell": "Look first: nothing below fails, but a machine cannot tell everything",
}
DUTY_WORDS: Mapping[DutyKind, str] = {
    "reset_password": "reset their password",
    "enrol_mfa": "enrol a second factor again",
    "enrol_passkey": "enrol a passkey again",
    "unproven_provider": "sign in by a provider that is not proven",
    "type_address": "type an address, not a username",
}
DUTY_SHORT: Mapping[DutyKind, str] = {
    "reset_password": "new password",
    "enrol_mfa": "second factor",
    "enrol_passkey": "passkey",
    "unproven_provider": "unproven provider",
    "type_address": "type an address",
}
_LINES = {"redirect_uris": "redirect URIs", "deleted_in_workos": "deleted in WorkOS", "email": "e-mail"}
FAULTS: Mapping[str, str] = {"not_ascii": "not ASCII", "too_long": "too long"}
# Reasons that have no code of their own.
_REASONS = {"skipped": "a decision of the plan, or existing_users: skip, leaves them"}
# More rows than anybody reads would make a page that nobody can open.
LISTED = 200
SENTENCE = 400
_LONGEST = 240
DAYS = 60


def line_name(one: GoLine) -> str:
    """What a line of go or no-go is about."""
    name = _LINES.get(one.name) or one.name.replace("_", " ")
    return f"{name} {one.subject}" if one.subject else name


def reason(code: str) -> str:
    """Why records are excluded."""
    return _REASONS.get(code) or explain(code)[0]


def fault(code: str) -> str:
    """What is wrong with a value."""
    return FAULTS.get(code, code.replace("_", " "))


def clipped(text: str, longest: int = _LONGEST) -> str:
    """The text, cut where somebody's configuration made it endless."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def share(part: int, whole: int) -> str:
    """A part in per cent: never 0 % for somebody, never 100 % while somebody is missing."""
    if not whole:
        return "–"
    per_cent = 100 * part / whole
    if part and per_cent < 0.1:
        return "under 0.1 %"
    if part < whole and per_cent > 99.9:
        return "over 99.9 %"
    return f"{per_cent:.1f} %"


def of_100(share_of_100: float) -> str:
    """So many of 100 users: never 0 for somebody."""
    if 0 < share_of_100 < 1:
        return "under 1"
    if 99 < share_of_100 < 100:
        return "over 99"
    return f"{share_of_100:.0f}"


def moment(seconds: float) -> str:
    """A time in UTC, to the minute."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


def recent_days(days: Sequence[ResetDay]) -> Sequence[ResetDay]:
    """The last days, the older ones before them as one row: the sums stay what they are."""
    if len(days) <= DAYS:
        return days
    older = days[: len(days) - DAYS + 1]
    known = [one.set for one in older if one.set is not None]
    together = ResetDay("earlier", sum(one.sent for one in older), sum(known) if known else None)
    return [together, *days[len(older) :]]


def balance_rows(pool: PoolBalance) -> list[tuple[str, int, str]]:
    """(part, records, what it means) of the pool; they add up to `seen`."""
    migrated = "in WorkOS" if not pool.outdated else f"in WorkOS; {pool.outdated:,} of them changed in Cognito since"
    rows = [("migrated", pool.migrated, migrated)]
    rows += [(f"excluded: {code}", number, reason(code)) for code, number in sorted(pool.excluded.items())]
    rows += [
        ("merged", pool.merged, "the record shares its address with another, which stands for the person"),
        ("pending", pool.pending, "the next `migrate apply` moves them"),
        ("conflicts", pool.conflicts, "somebody has to decide"),
    ]
    return rows


def duty_people(report: Report, duty: Duty) -> str:
    """So many of 100 who move, in words."""
    if duty.people is None or report.duties is None:
        return "not counted"
    return of_100(report.duties.of_100(duty.people))
