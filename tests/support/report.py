"""A report of a million users with every part in it, and the parts of it that tests replace."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.run.report_data import (
    ConflictGroup,
    Coverage,
    CoveredField,
    Duties,
    Duty,
    GoLine,
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

SUB, WORKOS_ID = "0b77d1c4-1111-4222-8333-444455556666", "user_01K3ABCDEFGHJKMNPQRSTVWXYZ"
POOL = PoolBalance(
    seen=1_000_000,
    migrated=612_034,
    excluded={"status": 41_200, "disabled": 12_003, "skipped": 2},
    merged=31_907,
    pending=300_961,
    conflicts=1_893,
    outdated=4_021,
)


def report_of(**parts: Any) -> Report:
    """The whole report, with these parts in place of its own."""
    return replace(_whole(), **parts)


def bare() -> Report:
    """Nothing but the pool: what is left where nobody knows more."""
    pool = PoolBalance(seen=3, migrated=0, excluded={}, merged=0, pending=3, conflicts=0)
    return Report("small", "00", "1 export file", "sandbox", 1_790_000_000, {"migrate": "1"}, pool)


def _whole() -> Report:
    people = POOL.people
    return Report(
        plan="acme-production",
        digest="ab12" * 16,
        pool_label="user pool us-east-1_AbCdEf123 (us-east-1)",
        destination="WorkOS api.workos.com, production",
        generated_at=1_790_000_000,
        versions={"migrate": "0.1.0"},
        pool=POOL,
        lines=[
            GoLine("guard", "pass", "no guard of safety stands against the plan"),
            GoLine("conflicts", "fail", "1,893 users are in conflict", "run `migrate status`", "you", "the cut-over"),
        ],
        duties=Duties(
            people,
            people - 1,
            [
                Duty("reset_password", people - 1, done=51_234),
                Duty("enrol_mfa", None, hint="`migrate resets mfa` counts them"),
                Duty("type_address", 1_203),
            ],
        ),
        history=RunHistory(
            [PastRun(1_789_000_000, 1_789_020_000, 612_000, 30, 4, 302_854), PastRun(1_789_100_000, None)],
            304_982,
            6_080,
        ),
        providers=[
            ProviderProof("Google", "Google", "provider", 88_123, 0, [Proof("workos_client", "pass", "the same")]),
            ProviderProof("Okta", "OIDC", "connection", 12, 3, [Proof("redirect_uri", "fail", "not known", "add it")]),
            ProviderProof("Facebook", "Facebook", "password_reset", 3),
        ],
        coverage=Coverage(
            people,
            [
                CoveredField("email", "email", people),
                CoveredField("metadata.company", "custom:company", 400, {"not_ascii": 1_200, "too_long": 3}, True),
                CoveredField(None, "custom:legacy", 12),
            ],
        ),
        conflicts=[
            ConflictGroup("unverified_link", 1_500, "not both sides", "settle it", [(SUB, WORKOS_ID)]),
            ConflictGroup("gone", 393, "deleted in WorkOS", "`migrate state forget SUB` helps"),
        ],
        resets=ResetHistory(500_000, 51_234, {"sent": 70, "failed": 2}, [ResetDay("2026-09-01", 70)]),
        waves=[Wave("pilot", "2026-10-01", 500, 499)],
        warnings=["the pool lets users sign in without a password"],
    )
