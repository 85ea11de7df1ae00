"""What the `resets` commands found and did, as values: views render them for people and for machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.model.codes import explain
from engine.model.errors import EXIT_INCOMPLETE, EXIT_INTERRUPTED, EXIT_OK
from engine.model.moments import iso_moment
from engine.model.resets import Recipient
from engine.quota.metered import Requests
from engine.resets.recipients import QUOTA_SPENT

_LISTED = 1000
# Why people are not mailed, in the order of the reasons.
REASONS = (
    "not_migrated", "no_password", "disabled", "status", "unverified", "not_allowed", "returned", "mailed",
    "placeholder",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SendResult:
    """One `resets send`. `due` people were to be mailed, of whom `left` are for a later run.

    `recipients` are whom a dry run would mail.
    `unknown` are subs of whom nobody can say whether they were mailed; `not_mailed` counts by reason.
    """

    plan: str
    sandbox: bool
    dry_run: bool
    deliver: str
    due: int
    sent: int
    left: int
    unknown: tuple[str, ...]
    failures: tuple[tuple[str, str], ...]
    not_mailed: Mapping[str, int]
    stopped: str | None
    next_at: float | None
    files: tuple[str, ...]
    requests: Requests
    duration_s: float
    warnings: tuple[str, ...] = ()
    recipients: tuple[Recipient, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 where everything went that could go today; a day's quota is no failure."""
        if self.stopped == "interrupted":
            return EXIT_INTERRUPTED
        wrong = self.stopped not in (None, QUOTA_SPENT) or self.failures or self.unknown
        return EXIT_INCOMPLETE if wrong and not self.dry_run else EXIT_OK

    def to_json(self) -> dict[str, object]:
        """resets-send.v1"""
        return {
            "schema": "resets-send.v1",
            "plan": self.plan,
            "command": "resets send",
            "sandbox": self.sandbox,
            **self.summary(),
            "recipients": [one.sub for one in self.recipients],
            "requests": self.requests.to_json(),
            "duration_s": round(self.duration_s, 3),
        }

    def summary(self) -> dict[str, object]:
        """The key `resets` of result.v1."""
        return {
            "dry_run": self.dry_run,
            "deliver": self.deliver,
            "users": {
                "due": self.due,
                "sent": self.sent,
                "failed": len(self.failures),
                "unknown": len(self.unknown),
                "left": self.left,
            },
            "not_mailed": {
                reason: number
                for reason in REASONS
                # Only plans with no_email: placeholder have any of the last.
                if (number := self.not_mailed.get(reason, 0)) or reason != "placeholder"
            },
            "unknown": list(self.unknown[:_LISTED]),
            "failures": [_failure(sub, code) for sub, code in self.failures[:_LISTED]],
            "stopped": self.stopped,
            "next_at": None if self.next_at is None else iso_moment(self.next_at),
            "files": list(self.files),
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True, slots=True)
class StatusResult:
    """One `resets status`: people who had a password in Cognito, and how far they are.

    `flagged` still carry the plan's flag in WorkOS; `mails` counts e-mails by status.
    """

    plan: str
    sandbox: bool
    users: Mapping[str, int]
    flagged: int
    mails: Mapping[str, int]
    unknown: tuple[str, ...]
    requests: Requests
    duration_s: float

    def to_json(self) -> dict[str, object]:
        """resets-status.v1"""
        return {
            "schema": "resets-status.v1",
            "plan": self.plan,
            "command": "resets status",
            "sandbox": self.sandbox,
            "users": {name: self.users[name] for name in ("needed", "signed_in", "reset", "waiting", "gone")},
            "flagged": self.flagged,
            "mails": {name: self.mails.get(name, 0) for name in ("sent", "intended", "unknown", "failed")},
            "unknown": list(self.unknown[:_LISTED]),
            "requests": self.requests.to_json(),
            "duration_s": round(self.duration_s, 3),
        }


@dataclass(frozen=True, slots=True)
class SyncResult:
    """One `resets sync`: `cleared` flags of people who have come back, `kept` flags of those who have not."""

    plan: str
    sandbox: bool
    cleared: int
    kept: int
    failures: tuple[tuple[str, str], ...]
    stopped: str | None
    requests: Requests
    duration_s: float

    @property
    def exit_code(self) -> int:
        """As the contract says."""
        if self.stopped == "interrupted":
            return EXIT_INTERRUPTED
        return EXIT_INCOMPLETE if self.failures or self.stopped else EXIT_OK

    def to_json(self) -> dict[str, object]:
        """resets-sync.v1"""
        return {
            "schema": "resets-sync.v1",
            "plan": self.plan,
            "command": "resets sync",
            "sandbox": self.sandbox,
            "users": {"cleared": self.cleared, "kept": self.kept, "failed": len(self.failures)},
            "failures": [_failure(sub, code) for sub, code in self.failures[:_LISTED]],
            "stopped": self.stopped,
            "requests": self.requests.to_json(),
            "duration_s": round(self.duration_s, 3),
        }


def _failure(sub: str, code: str) -> dict[str, str]:
    message, remedy = explain(code, [sub])
    return {"source_id": sub, "code": code, "message": message, "remedy": remedy}
