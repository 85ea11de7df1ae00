"""Who needs a password-reset e-mail, and why the others do not. Pure: one candidate in, one verdict out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine.model.patterns import Pattern, compile_wildcards
from engine.model.resets import Candidate, Mail
from engine.plan_file.model import Destination, ResetEmail

Eligibility = Literal[
    "due", "not_migrated", "no_password", "disabled", "status", "unverified", "not_allowed", "returned",
    "mailed", "unknown", "open", "placeholder",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rules:
    """What the plan and the command line say. `allowed` is None where everybody may be mailed."""

    status: frozenset[str]
    unverified: bool
    allowed: Sequence[Pattern] | None = None
    resend_after: float | None = None
    resend_unknown: bool = False


def judge(candidate: Candidate, rules: Rules, now: float) -> Eligibility:
    """`due`, or the first reason that applies. An open intent is never due: it has to be settled first."""
    if candidate.workos_id is None or candidate.email is None:
        return "not_migrated"
    if candidate.placeholder:
        return "placeholder"
    if not candidate.passwords and not candidate.joins:
        return "no_password"
    # Whoever was locked out in Cognito gets no way in by e-mail, whatever `filters.enabled` lets through.
    if not (candidate.enabled if candidate.joins else any(enabled for _, enabled in candidate.passwords)):
        return "disabled"
    if not candidate.joins and not any(on and status in rules.status for status, on in candidate.passwords):
        return "status"
    if not candidate.verified and not rules.unverified:
        return "unverified"
    if rules.allowed is not None and not any(one.fullmatch(candidate.email) for one in rules.allowed):
        return "not_allowed"
    if candidate.returned:
        return "returned"
    return _mailed_before(candidate.mail, rules, now)


def _mailed_before(mail: Mail | None, rules: Rules, now: float) -> Eligibility:
    if mail is None:
        return "due"
    match mail.status:
        case "intended":
            return "open"
        case "unknown":
            return "due" if rules.resend_unknown else "unknown"
        case "failed" if mail.sent_at is None:
            # Refused, so not mailed; another run may succeed.
            return "due"
    again = rules.resend_after is not None and (mail.sent_at or now) + rules.resend_after <= now
    return "due" if again else "mailed"


def allowed_addresses(email: ResetEmail, destination: Destination, *, sandbox: bool) -> list[Pattern] | None:
    """The addresses that alone may be mailed; None for everybody.

    In staging nobody else is ever mailed. An environment that the plan does not name counts as staging where the key
    looks like it, or where the plan lists addresses: a forgotten word must not mail the world.
    """
    if sandbox or destination.environment == "production":
        return None
    test_key = destination.api_key.startswith("sk_test_")
    if destination.environment == "staging" or test_key or email.allow_addresses:
        return [compile_wildcards(one.strip().lower()) for one in email.allow_addresses]
    return None
